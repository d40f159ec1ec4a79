/**
 * One string for the many that are the same.
 * @module
 */

/** Longer ones are left as they are. */
const LONGEST = 256;

/** Remembers the first so many different texts; strangers choose them, so that it is bounded. */
export class InternedTexts {
  readonly #max: number;
  readonly #known = new Map<string, string>();
  /** The one that was asked for last: comparing costs less than looking up. */
  #last = "";

  /** @param max Most texts that are remembered. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The same text; a part that was cut out of a longer text no longer keeps that in memory, where it is remembered. */
  of(text: string): string {
    if (text === this.#last) return this.#last;
    const known = this.#known.get(text);
    if (known !== undefined) return this.#last = known;
    if (text.length > LONGEST || this.#known.size >= this.#max) return text;
    // Joining copies, where cutting out only refers.
    const own = `${text} `.slice(0, -1);
    this.#known.set(own, own);
    return own;
  }
}
