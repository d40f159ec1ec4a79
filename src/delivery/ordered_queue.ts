/**
 * A queue in the order of entry ids, made for what comes nearly in order: O(1) at its ends, O(log n) search and a move
 * of memory in between.
 * @module
 */
import { compareIds } from "./ids.ts";

/** What can be ordered: by `id`, and by `ref` where two have the same id (an entry and its replay). */
export interface Ordered {
  readonly id: string;
  readonly ref: string;
}

/** Orders by id, then by ref. */
export function compareOrdered(a: Ordered, b: Ordered): number {
  return compareIds(a.id, b.id) || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : 0);
}

/** Most slots that an empty queue keeps, and most free ones before the first. */
const KEPT = 64;

/** See the module's text. */
export class OrderedQueue<E extends Ordered> {
  /**
   * Slots before `#head` are free: an entry that was taken for an attempt comes back to its place without a move. Those
   * from `#end` on are kept for what comes: most queues are empty again and again.
   */
  #slots: (E | undefined)[] = [];
  #head = 0;
  #end = 0;

  /** Elements in it. */
  get size(): number {
    return this.#end - this.#head;
  }

  /** Slots that it keeps, free ones included. */
  get slots(): number {
    return this.#slots.length;
  }

  /** The smallest; undefined when empty. */
  get first(): E | undefined {
    return this.#slots[this.#head];
  }

  /** Adds one in its place. */
  add(element: E): void {
    const at = this.#placeOf(element);
    if (at === this.#end) this.#slots[this.#end++] = element;
    else if (at === this.#head && this.#head > 0) this.#slots[--this.#head] = element;
    else {
      this.#slots.splice(at, 0, element);
      this.#end++;
    }
  }

  /** Removes the smallest. */
  shift(): E | undefined {
    const element = this.first;
    if (element === undefined) return undefined;
    this.#slots[this.#head++] = undefined;
    this.#compact();
    return element;
  }

  /** Removes this one. @returns False when it was not there. */
  remove(element: E): boolean {
    if (element === this.first) return this.shift() !== undefined;
    const at = this.#placeOf(element);
    if (this.#slots[at] !== element) return false;
    this.#slots.splice(at, 1);
    this.#end--;
    return true;
  }

  /** All of them, the smallest first. */
  *values(): IterableIterator<E> {
    for (let at = this.#head; at < this.#end; at++) yield this.#slots[at]!;
  }

  /** Index of the first element that is not smaller. */
  #placeOf(element: E): number {
    let low = this.#head;
    let high = this.#end;
    // Most are added at the end.
    if (high > low && compareOrdered(this.#slots[high - 1]!, element) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareOrdered(this.#slots[middle]!, element) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    if (this.#head === this.#end) {
      // Not by the end: what was added in between has left slots behind it.
      if (this.#slots.length > KEPT) this.#slots = [];
      this.#head = this.#end = 0;
    } else if (this.#head > KEPT && this.#head * 2 > this.#end) {
      this.#slots.splice(0, this.#head);
      this.#end -= this.#head;
      this.#head = 0;
    }
  }
}
