/**
 * Events with the same deduplication key, held at the same time: one goes ahead, the others wait for how it ends.
 * @module
 */
import type { Delivery } from "../store/port.ts";

const NONE: readonly Delivery[] = [];

/** See the module's text. Bounded by what the consumer holds. */
export class Twins {
  readonly #byKey = new Map<string, Delivery[]>();
  readonly #keyOf = new Map<string, string>();

  /** Asks for an entry to go ahead. @returns False: it waits, until {@link ended} gives it back. */
  goesAhead(key: string, delivery: Delivery): boolean {
    const waiting = this.#byKey.get(key);
    if (waiting !== undefined) {
      waiting.push(delivery);
      return false;
    }
    this.#byKey.set(key, []);
    this.#keyOf.set(delivery.ref, key);
    return true;
  }

  /** An entry is no longer held. @returns Those that waited for it. */
  ended(ref: string): readonly Delivery[] {
    if (this.#keyOf.size === 0) return NONE;
    const key = this.#keyOf.get(ref);
    if (key === undefined) return NONE;
    const waiting = this.#byKey.get(key) ?? [];
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
