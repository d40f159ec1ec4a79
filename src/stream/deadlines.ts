/**
 * One timer for many deadlines. A timer for each attempt would cost more than a short handler does.
 * @module
 */
import type { Clock } from "../clock.ts";

/** Something with a deadline. */
export interface Expirable {
  /** Monotonic ms. */
  readonly deadlineMs: number;
  /** Its place among those watched, for {@link Deadlines} alone; -1: it is not watched. */
  deadlineSlot: number;
  /** Called once the deadline has passed. */
  expire(): void;
}

/** See the module's text. Deadlines are kept to within a millisecond or so of the event loop's own accuracy. */
export class Deadlines {
  readonly #clock: Clock;
  /** An array: a `Set` of what comes and goes so often is a burden to the garbage collector, see `slot_map.ts`. */
  readonly #items: Expirable[] = [];
  #armedFor = Infinity;
  #cancel: (() => void) | null = null;

  /** @param clock Tells the time and wakes up. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Watches an item until {@link remove}. */
  add(item: Expirable): void {
    item.deadlineSlot = this.#items.push(item) - 1;
    if (item.deadlineMs < this.#armedFor) this.#arm(item.deadlineMs);
  }

  /** Stops watching; the timer is left to find nothing, unless nothing at all is left. */
  remove(item: Expirable): void {
    const slot = item.deadlineSlot;
    if (slot < 0) return;
    const last = this.#items.pop()!;
    item.deadlineSlot = -1;
    if (last === item) return;
    this.#items[slot] = last;
    last.deadlineSlot = slot;
  }

  /** Cancels the timer. */
  dispose(): void {
    for (const item of this.#items.splice(0)) item.deadlineSlot = -1;
    this.#cancel?.();
    this.#cancel = null;
    this.#armedFor = Infinity;
  }

  #arm(atMs: number): void {
    this.#cancel?.();
    this.#armedFor = atMs;
    this.#cancel = this.#clock.after(atMs - this.#clock.monotonic(), () => this.#fire(), true);
  }

  #fire(): void {
    this.#cancel = null;
    this.#armedFor = Infinity;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const item of [...this.#items]) {
      if (item.deadlineMs > now) {
        next = Math.min(next, item.deadlineMs);
      } else {
        this.remove(item);
        item.expire();
      }
    }
    if (next !== Infinity && next < this.#armedFor) this.#arm(next);
  }
}
