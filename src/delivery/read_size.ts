/**
 * How many entries to ask for, so that a read brings no more bytes than memory and the server's output limits can bear.
 * Redis counts entries, and a batch of 500 of a megabyte each would be half a gigabyte in one reply.
 * @module
 */

/** What one read should bring at most, bytes. */
export const READ_BYTES = 8_388_608;
/** What is assumed of entries before any was seen: few are larger, and the first read shows. */
const FIRST_GUESS = 65_536;
/** Part of the difference by which smaller entries lower the guess; larger ones raise it at once. */
const STEP = 0.25;

/** Learns from what came. Plain state, no clock. */
export class ReadSize {
  #bytesEach = FIRST_GUESS;
  #seen = false;

  /** A read brought so many entries of so many bytes together. */
  learn(entries: number, bytes: number): void {
    if (entries === 0) return;
    const each = bytes / entries;
    if (!this.#seen || each > this.#bytesEach) this.#bytesEach = each;
    else this.#bytesEach += (each - this.#bytesEach) * STEP;
    this.#seen = true;
  }

  /** How many to ask for. @param most What there is room for, 1 or more. */
  count(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(READ_BYTES / Math.max(1, this.#bytesEach))));
  }
}
