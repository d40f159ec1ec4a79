/**
 * A map for what comes and goes thousands of times a second.
 *
 * V8 copies a `Map` to a new table after so many removals, and each dead table refers to the next and to everything that
 * lay in it. One of them in the old generation keeps all that came later alive through every scavenge: with entries of a
 * few kilobytes the garbage collector took a quarter of the time. Here the `Map` holds numbers, and the values lie in
 * slots that are emptied at once. Iterates in the order of insertion, as a `Map` does.
 * @module
 */

/** See the module's text. Not bounded by itself: whoever fills it keeps the limit. */
export class SlotMap<V> {
  readonly #places = new Map<string, number>();
  readonly #slots: (V | undefined)[] = [];
  readonly #free: number[] = [];

  /** How many are in it. */
  get size(): number {
    return this.#places.size;
  }

  /** True where there is one, be it null. */
  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** The value; undefined where there is none. */
  get(key: string): V | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#slots[place];
  }

  /** Adds one, or replaces it in its place. */
  set(key: string, value: V): void {
    const known = this.#places.get(key);
    const place = known ?? this.#free.pop() ?? this.#slots.length;
    this.#slots[place] = value;
    if (known === undefined) this.#places.set(key, place);
  }

  /** @returns False where there was none. */
  delete(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#slots[place] = undefined;
    this.#free.push(place);
    return true;
  }

  /** Removes all. */
  clear(): void {
    this.#places.clear();
    this.#slots.length = 0;
    this.#free.length = 0;
  }

  /** Keys, the oldest first. */
  keys(): IterableIterator<string> {
    return this.#places.keys();
  }

  /** Values, the oldest first. */
  *values(): IterableIterator<V> {
    for (const place of this.#places.values()) yield this.#slots[place] as V;
  }
}
