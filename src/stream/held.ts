/**
 * The entries that a consumer holds. Nearly all are new ones, read in the order of their ids, so that none of them can
 * be held already: they are only put down and taken away, and nobody looks them up.
 * @module
 */
import type { LaneItem } from "../delivery/lanes.ts";
import { compareIds } from "../delivery/ids.ts";
import type { Delivery } from "../store/port.ts";
import type { Attempt } from "./attempt.ts";

/** One that is held; a job is one. */
export interface Held {
  readonly delivery: Delivery;
  /** Type of its event. */
  readonly type: string;
  /** Since when, monotonic ms. */
  readonly sinceMs: number;
  /** The attempt under way. */
  readonly attempt: Attempt | null;
  /** Where it waits or runs. */
  readonly node: LaneItem["node"];
  /** For {@link HeldEntries} alone: its place, -1 for none. */
  heldSlot: number;
}

/** Held without a handler to run: on its way out, or waiting to be looked at. */
export class Bystander implements Held {
  readonly delivery: Delivery;
  readonly type: string;
  readonly sinceMs: number;
  readonly attempt = null;
  readonly node = null;
  heldSlot = -1;

  /** @param type "" while it is not known. */
  constructor(delivery: Delivery, type: string, sinceMs: number) {
    this.delivery = delivery;
    this.type = type;
    this.sinceMs = sinceMs;
  }
}

/** Up to so many are looked for one by one; for more it pays to write down what is held. */
const FEW = 8;
/** Replays come in an order of their own. */
const isReplay = ({ ref, entryId }: Delivery): boolean => ref !== entryId;

/** See {@link HeldEntries.sort}. */
export interface Sorted {
  readonly fresh: readonly Delivery[];
  readonly known: readonly Delivery[];
  /** None is a replay, each is newer than the one before it, and all are newer than what was held. */
  readonly ascending: boolean;
}

/** See the module's text. Not bounded by itself: whoever fills it keeps the limit. */
export class HeldEntries {
  /** An array: a `Map` of what comes and goes so often is copied again and again. */
  readonly #items: Held[] = [];
  /** No entry that is held is newer. */
  #newest = "";

  /** How many are held. */
  get size(): number {
    return this.#items.length;
  }

  /** All of them, in no order. Good until the next change. */
  get all(): readonly Held[] {
    return this.#items;
  }

  /** Tells those that are not held from those that are, or that came twice. */
  sort(deliveries: readonly Delivery[]): Sorted {
    if (this.#items.length === 0) this.#newest = "";
    const known: Delivery[] = [];
    const fresh: Delivery[] = [];
    let refs: Set<string> | null = null;
    let ascending = true;
    for (const delivery of deliveries) {
      const { ref } = delivery;
      const isNew = this.#isNewest(delivery);
      ascending &&= isNew;
      if (!isNew && deliveries.length > FEW) refs ??= this.#refs(fresh, deliveries);
      (!isNew && (refs?.has(ref) ?? this.#has(ref, fresh)) ? known : fresh).push(delivery);
      refs?.add(ref);
    }
    return { fresh, known, ascending };
  }

  /** The one of that ref, if any. O(size). */
  find(ref: string): Held | undefined {
    return this.#items.find(({ delivery }) => delivery.ref === ref);
  }

  /** It is held from now on. */
  add(item: Held): void {
    item.heldSlot = this.#items.push(item) - 1;
  }

  /** It is held no longer. Harmless for one that was not. */
  remove(item: Held): void {
    const slot = item.heldSlot;
    if (slot < 0) return;
    item.heldSlot = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[slot] = last;
    last.heldSlot = slot;
  }

  /** None is held any more. */
  clear(): void {
    for (const item of this.#items.splice(0)) item.heldSlot = -1;
  }

  #isNewest(delivery: Delivery): boolean {
    if (isReplay(delivery) || (this.#newest !== "" && compareIds(delivery.ref, this.#newest) <= 0)) return false;
    this.#newest = delivery.ref;
    return true;
  }

  #has(ref: string, fresh: readonly Delivery[]): boolean {
    return this.find(ref) !== undefined || fresh.some((one) => one.ref === ref);
  }

  /** Of what is held, only what can be among these: what comes back is older than most, and comparing costs no hash. */
  #refs(fresh: readonly Delivery[], deliveries: readonly Delivery[]): Set<string> {
    let last = "";
    for (const { ref } of deliveries) if (ref > last) last = ref;
    const refs = new Set<string>();
    for (const { delivery: { ref } } of this.#items) if (ref <= last) refs.add(ref);
    for (const { ref } of fresh) refs.add(ref);
    return refs;
  }
}
