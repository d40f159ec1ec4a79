/**
 * Label values that strangers choose, kept to a bounded number.
 * @module
 */

/** What everything is called that has no label of its own. */
export const OVERFLOW = "other";
/** Longest value: that of an event's type. */
const MAX_LENGTH = 256;
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Lets the first so many different values through, and those that are known beforehand; the rest becomes {@link OVERFLOW}. */
export class BoundedLabels {
  readonly #max: number;
  readonly #known = new Set<string>();
  readonly #learned = new Set<string>();

  /** @param max Most values that are learned from what comes in. */
  constructor(max: number) {
    this.#max = max;
  }

  /** These are never overflow, whatever came before. */
  know(values: readonly string[]): void {
    for (const value of values) this.#known.add(value);
  }

  /** The label of a value. Nothing of one that is too long or holds control characters is repeated. */
  of(value: string): string {
    // First of all: to look a long text up costs as much as it is long.
    if (value.length > MAX_LENGTH) return OVERFLOW;
    if (this.#known.has(value) || this.#learned.has(value)) return value;
    if (this.#learned.size >= this.#max || CONTROL.test(value)) return OVERFLOW;
    this.#learned.add(value);
    return value;
  }
}
