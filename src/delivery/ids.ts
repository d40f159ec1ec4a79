/**
 * Stream entry ids, `milliseconds-sequence`, both unsigned 64-bit numbers: too large for a JavaScript number, so they
 * are compared as digits.
 * @module
 */

const MAX_U64 = (1n << 64n) - 1n;
/** Last instant that a `Date` can hold, epoch ms. */
const MAX_DATE_MS = 8.64e15;

/**
 * Orders two entry ids as Redis does. A leading `r:` (a replay) is not part of the id. Total for any text: parts are
 * compared by length, then by text, which is number order for digits without leading zeros, the way Redis writes them.
 * @returns Negative, 0 or positive.
 */
export function compareIds(a: string, b: string): number {
  const dash = a.indexOf("-");
  if (a.length === b.length && dash === b.indexOf("-") && !a.startsWith("r:") && !b.startsWith("r:")) {
    // Same number of digits in both parts: text order is number order. Nearly every pair takes this way.
    return a < b ? -1 : a > b ? 1 : 0;
  }
  const [msA, seqA] = parts(a);
  const [msB, seqB] = parts(b);
  return compareDigits(msA, msB) || compareDigits(seqA, seqB);
}

/**
 * The smallest id after this one.
 * @returns The id itself where nothing comes after it, or where it is no id.
 */
export function nextId(id: string): string {
  const [ms, seq] = parts(id);
  if (!isNumber(ms) || !isNumber(seq)) return id;
  const sequence = BigInt(seq);
  if (sequence < MAX_U64) return `${ms || "0"}-${sequence + 1n}`;
  return BigInt(ms) < MAX_U64 ? `${BigInt(ms) + 1n}-0` : id;
}

/**
 * When Redis (or whoever chose the id) says that the entry was added.
 * @returns Epoch ms, 0 to 8.64e15, so that it always fits a `Date`; 0 for what is no id.
 */
export function idTimeMs(id: string): number {
  const [ms] = parts(id);
  return isNumber(ms) ? Math.min(Number(ms), MAX_DATE_MS) : 0;
}

/** Milliseconds and sequence, as text; a missing one is empty. */
function parts(id: string): readonly [ms: string, seq: string] {
  const start = id.startsWith("r:") ? 2 : 0;
  const dash = id.indexOf("-", start);
  return dash < 0 ? [id.slice(start), ""] : [id.slice(start, dash), id.slice(dash + 1)];
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True for what a part of an id can be; the empty text is zero. */
function isNumber(digits: string): boolean {
  return /^\d{0,20}$/.test(digits);
}
