/**
 * Columns of numbers over the latest slots of time, in memory that is taken once and never grows.
 * @module
 */

/** What a column holds where nothing is known. */
const UNKNOWN = NaN;

/** A number of slots of one length. Times are epoch ms; a clock that steps back goes on in the slot it was in. */
export class Ring {
  readonly stepMs: number;
  readonly size: number;
  readonly #columns = new Map<string, Float64Array>();
  readonly #onClear: ((index: number) => void)[] = [];
  #slot = -1;

  /** @param stepMs Length of a slot. @param size Slots that are kept. */
  constructor(stepMs: number, size: number) {
    this.stepMs = stepMs;
    this.size = size;
  }

  /** Goes on to the slot of this time; slots in between are empty. */
  advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.stepMs);
    if (this.#slot < 0) this.#slot = slot - 1;
    // More slots than there are would clear each one several times.
    this.#slot = Math.max(this.#slot, slot - this.size);
    while (this.#slot < slot) {
      this.#slot++;
      const index = this.#slot % this.size;
      for (const column of this.#columns.values()) column[index] = UNKNOWN;
      for (const clear of this.#onClear) clear(index);
    }
  }

  /** Adds to a count in the slot of this time, or to that of the latest where it is over. */
  add(name: string, count: number): void {
    const column = this.#column(name);
    const index = this.index;
    column[index] = (Number.isNaN(column[index]) ? 0 : column[index]!) + count;
  }

  /** Adds a count that came evenly between two times; what lies before the oldest slot is left out. */
  spread(name: string, count: number, fromMs: number, toMs: number): void {
    const column = this.#column(name);
    const first = Math.max(Math.floor(fromMs / this.stepMs), this.#slot - this.size + 1);
    for (let slot = first; slot <= this.#slot; slot++) {
      const [begin, end] = [slot * this.stepMs, (slot + 1) * this.stepMs];
      const share = (Math.min(end, toMs) - Math.max(begin, fromMs)) / Math.max(1, toMs - fromMs);
      if (share <= 0 && slot < this.#slot) continue;
      const index = slot % this.size;
      column[index] = (Number.isNaN(column[index]) ? 0 : column[index]!) + count * Math.max(0, share);
    }
  }

  /** Sets a gauge. */
  set(name: string, value: number): void {
    this.#column(name)[this.index] = value;
  }

  /** Called with the place of each slot that begins, for columns that are kept elsewhere. */
  onClear(clear: (index: number) => void): void {
    this.#onClear.push(clear);
  }

  /** Place of the slot that time is in. */
  get index(): number {
    return Math.max(0, this.#slot) % this.size;
  }

  /** Places of the latest `count` slots that are over, oldest first. */
  indices(count: number): readonly number[] {
    const wanted = Math.min(count, this.size - 1);
    const first = this.#slot - wanted;
    return Array.from({ length: wanted }, (_, n) => ((first + n) % this.size + this.size) % this.size);
  }

  /** Where the slot that time is in begins, epoch ms. */
  get slotMs(): number {
    return this.#slot * this.stepMs;
  }

  /** Values at these places; null: unknown. */
  values(name: string, indices: readonly number[]): (number | null)[] {
    const column = this.#columns.get(name);
    return indices.map((index) => {
      const value = column?.[index];
      return value === undefined || Number.isNaN(value) ? null : value;
    });
  }

  #column(name: string): Float64Array {
    const found = this.#columns.get(name);
    if (found !== undefined) return found;
    const column = new Float64Array(this.size).fill(UNKNOWN);
    this.#columns.set(name, column);
    return column;
  }
}
