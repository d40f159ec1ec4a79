/**
 * Tables of places that are found one entry at a time: many share an array, since one of its own takes each of them several
 * times what is in it, and longer to make than the places to find.
 * @module
 */

/** Numbers of an array that is shared: as many as some dozens of entries need. */
const SHARED = 1_024;

/** Where places were put. */
export interface PlaceTable {
  /** Others are in it too. */
  readonly table: Uint32Array;
  /** Index of the first place. */
  readonly first: number;
  /** Index after the last. */
  readonly last: number;
}

/** See the module's text. What was put into it is never changed. */
export class PlaceTables {
  #table = new Uint32Array(0);
  #used = 0;

  /** @param places 0 to 2^32 - 1 each; copied. */
  add(places: readonly number[]): PlaceTable {
    const first = this.#used;
    if (this.#table.length - first < places.length) return this.#renew(places);
    this.#table.set(places, first);
    this.#used += places.length;
    return { table: this.#table, first, last: this.#used };
  }

  #renew(places: readonly number[]): PlaceTable {
    if (places.length > SHARED / 2) return { table: Uint32Array.from(places), first: 0, last: places.length };
    this.#table = new Uint32Array(SHARED);
    this.#used = 0;
    return this.add(places);
  }
}
