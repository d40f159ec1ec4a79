/**
 * A first-in-first-out queue in a circular buffer: O(1) at both ends, no garbage.
 * @module
 */

/** See the module's text. Not bounded by itself: whoever fills it keeps the limit. */
export class Ring<E> {
  #slots: (E | undefined)[] = new Array<E | undefined>(8);
  #head = 0;
  #size = 0;

  /** Elements in it. */
  get size(): number {
    return this.#size;
  }

  /** Adds at the end. */
  push(element: E): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = element;
    this.#size++;
  }

  /** Removes the first; undefined when empty. */
  shift(): E | undefined {
    if (this.#size === 0) return undefined;
    const element = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
    return element;
  }

  /** Keeps only what fits, in order. O(size). */
  retain(fits: (element: E) => boolean): void {
    const before = this.#size;
    for (let n = 0; n < before; n++) {
      const element = this.shift()!;
      if (fits(element)) this.push(element);
    }
  }

  /** All of them, the first first. */
  *values(): IterableIterator<E> {
    for (let n = 0; n < this.#size; n++) yield this.#slots[(this.#head + n) & (this.#slots.length - 1)]!;
  }

  #grow(): void {
    const capacity = this.#slots.length;
    const slots = new Array<E | undefined>(capacity * 2);
    for (let n = 0; n < this.#size; n++) slots[n] = this.#slots[(this.#head + n) & (capacity - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
