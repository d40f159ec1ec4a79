/**
 * What a consumer holds and what is parked in its care. Plain state; the consumer and the settling share it.
 * @module
 */
import type { Clock } from "../clock.ts";
import { compareIds } from "../delivery/ids.ts";
import type { Delivery } from "../store/port.ts";
import { type Held, HeldEntries } from "./held.ts";

/** Part of what may be held that new entries leave free. */
const RETRY_SHARE = 1 / 8;

/** See the module's text. */
export class Holding {
  readonly held: HeldEntries = new HeldEntries();
  readonly #parked = new Map<string, string | null>();
  /** Refs whose parking is under way, with the delivery that came back before its answer did. */
  readonly #parking = new Map<string, Delivery | null>();
  readonly #clock: Clock;
  readonly #maxHeld: number;
  readonly #onUnparked: (ref: string) => void;
  readonly #roomWaiters = new Set<() => void>();
  /** Nothing that is parked is newer, replays aside. */
  #newestParked = "";
  #generation = 0;
  #released = 0;
  #reserved = 0;

  /** @param maxHeld Most entries held, 1 or more. @param onUnparked A parked entry will not come back. */
  constructor(clock: Clock, maxHeld: number, onUnparked: (ref: string) => void) {
    this.#clock = clock;
    this.#maxHeld = maxHeld;
    this.#onUnparked = onUnparked;
  }

  /** Parked refs in this consumer's care, with their order key. */
  get parked(): ReadonlyMap<string, string | null> {
    return this.#parked;
  }

  /** Counts the registrations under which entries were held. What began under an earlier one is void. */
  get generation(): number {
    return this.#generation;
  }

  /** How many more may be held, besides what is on its way. */
  get room(): number {
    return Math.max(0, this.#maxHeld - this.held.size - this.#reserved);
  }

  /**
   * Keeps room for entries that were asked for: several loops ask at the same time, and a read may wait for long.
   * @returns Gives the room back; to be called once, in the turn in which the entries are accepted: whoever waits for
   *   room is woken by it, and would take it in between.
   */
  reserve(count: number): () => void {
    this.#reserved += count;
    return () => {
      this.#reserved -= count;
      this.tellRoom();
    };
  }

  /** How many of these may be new entries: some room is left to retries, which free the keys that others wait for. */
  get roomForNew(): number {
    return Math.max(0, this.room - Math.floor(this.#maxHeld * RETRY_SHARE));
  }

  /** Entries settled since the start: how fast things move. */
  get released(): number {
    return this.#released;
  }

  /**
   * Entries come in.
   * @returns Those that are not held already (what came of the others is kept where that matters), and whether one of
   *   them may have been parked. Nearly all that comes in is newer than whatever is, and a look into the table costs each
   *   of them a hash.
   */
  sort(deliveries: readonly Delivery[]): { readonly fresh: readonly Delivery[]; readonly parked: boolean } {
    const { fresh, known, ascending } = this.held.sort(deliveries);
    for (const delivery of known) this.cameBack(delivery);
    const [first] = fresh;
    const newer = ascending && first !== undefined && compareIds(first.ref, this.#newestParked) > 0;
    return { fresh, parked: this.#parked.size > 0 && !newer };
  }

  /** It is settled: there is room for another. */
  release(item: Held): void {
    this.#released++;
    this.held.remove(item);
    this.tellRoom();
  }

  /** Its parking is under way. */
  parkingBegins(ref: string): void {
    this.#parking.set(ref, null);
  }

  /** A delivery of what is held: kept when it is being parked, since a short wait can be over before the answer comes. */
  cameBack(delivery: Delivery): void {
    if (this.#parking.has(delivery.ref)) this.#parking.set(delivery.ref, delivery);
  }

  /** Its parking has ended. @returns The delivery that came back meanwhile, if any. */
  parkingEnded(ref: string): Delivery | null {
    if (this.#parking.size === 0) return null;
    const back = this.#parking.get(ref) ?? null;
    this.#parking.delete(ref);
    return back;
  }

  /** Parked entries whose parking is over. */
  get parkedForSure(): readonly string[] {
    return [...this.#parked.keys()].filter((ref) => !this.#parking.has(ref));
  }

  /** It is parked, in our care, from now on. @param orderKey Null: holds up nobody. */
  park(ref: string, orderKey: string | null): void {
    const parked = this.#parked;
    if (parked.size === 0) this.#newestParked = "";
    if (!isReplay(ref) && compareIds(ref, this.#newestParked) > 0) this.#newestParked = ref;
    parked.set(ref, orderKey);
  }

  /** It came in: if it was parked, it is held now. */
  returned(ref: string): void {
    this.#parked.delete(ref);
  }

  /** A parked entry left our care without coming back. */
  unpark(ref: string): void {
    if (this.#parked.delete(ref)) this.#onUnparked(ref);
  }

  /** Everything is void. */
  clear(): void {
    for (const ref of [...this.#parked.keys()]) this.unpark(ref);
    this.#generation++;
    this.held.clear();
    this.#parking.clear();
    this.tellRoom();
  }

  /** Wakes whoever waits for room. */
  tellRoom(): void {
    if (this.#roomWaiters.size === 0) return;
    for (const wake of [...this.#roomWaiters]) wake();
  }

  /** Resolves when something was settled (there may be room), after `ms`, or when the signal aborts. */
  roomChanged(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#roomWaiters.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#clock.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
      this.#roomWaiters.add(done);
    });
  }
}

/** Replays are numbered apart. */
function isReplay(ref: string): boolean {
  return ref.charCodeAt(0) === 0x72;
}
