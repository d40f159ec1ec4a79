/**
 * Events with the same deduplication key, held at the same time: one goes ahead, the others wait for how it ends.
 * @module
 */
import type { Delivery } from "../store/port.ts";

const NONE: readonly Delivery[] = [];

interface Family {
  /** Goes ahead. */
  leader: string;
  readonly waiting: Delivery[];
}

/** See the module's text. Bounded by what the consumer holds. */
export class Twins {
  readonly #byKey = new Map<string, Family>();
  readonly #keyOf = new Map<string, string>();

  /** Asks for an entry to go ahead. @returns False: it waits, until {@link ended} gives it back. */
  goesAhead(key: string, delivery: Delivery): boolean {
    const family = this.#byKey.get(key);
    if (family !== undefined) {
      family.waiting.push(delivery);
      return false;
    }
    this.#byKey.set(key, { leader: delivery.ref, waiting: [] });
    this.#keyOf.set(delivery.ref, key);
    return true;
  }

  /** Who goes ahead: its ref; null: nobody does. */
  leaderOf(key: string): string | null {
    return this.#byKey.get(key)?.leader ?? null;
  }

  /** This one goes ahead from now on, and who did waits for it. @param leader Who {@link leaderOf} tells. */
  overtake(key: string, delivery: Delivery, leader: Delivery): void {
    const family = this.#byKey.get(key)!;
    family.leader = delivery.ref;
    family.waiting.push(leader);
    this.#keyOf.delete(leader.ref);
    this.#keyOf.set(delivery.ref, key);
  }

  /** An entry is no longer held. @returns Those that waited for it. */
  ended(ref: string): readonly Delivery[] {
    if (this.#keyOf.size === 0) return NONE;
    const key = this.#keyOf.get(ref);
    if (key === undefined) return NONE;
    const waiting = this.#byKey.get(key)?.waiting ?? NONE;
    this.#keyOf.delete(ref);
    this.#byKey.delete(key);
    return waiting;
  }

  /** Nothing is held any more. */
  clear(): void {
    this.#byKey.clear();
    this.#keyOf.clear();
  }
}
