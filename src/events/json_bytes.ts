/**
 * Tells that bytes are JSON without making anything of them: at a fifth of what parsing them costs.
 *
 * Conservative: a yes is certain, a no means that somebody has to look closer. Only ASCII is looked at, and only what
 * comes before the end: whatever follows there changes nothing.
 * @module
 */

/** Deepest nesting of arrays and objects that is followed. */
export const MAX_JSON_DEPTH = 64;

/** No place: what was looked for is not there, or not as JSON wants it. */
const NONE = -1;
/** Stands for the end: a byte that JSON has nowhere. */
const END = 0;
const TAB = 0x09, NEWLINE = 0x0a, RETURN = 0x0d, SPACE = 0x20, QUOTE = 0x22, PLUS = 0x2b, COMMA = 0x2c, MINUS = 0x2d;
const POINT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, SMALL_E = 0x65, SMALL_F = 0x66, SMALL_N = 0x6e;
const SMALL_T = 0x74, SMALL_U = 0x75, OPEN_ARRAY = 0x5b, BACKSLASH = 0x5c, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Makes small letters of capital ones. */
const SMALL = 0x20;

const encoder = new TextEncoder();
/** 1 for what a string holds as it is: ASCII but for control characters, quotes and backslashes. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => isPlain(byte) ? 1 : 0);
/** 1 for what may follow a backslash, but for `u`. */
const ESCAPED = markOf('"\\/bfnrt');
const HEX = markOf("0123456789abcdefABCDEF");
const TRUE = encoder.encode("true"), FALSE = encoder.encode("false"), NULL = encoder.encode("null");

function isPlain(byte: number): boolean {
  return byte >= SPACE && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH;
}

function markOf(chars: string): Uint8Array {
  const marks = new Uint8Array(256);
  for (const byte of encoder.encode(chars)) marks[byte] = 1;
  return marks;
}

/**
 * True only where `JSON.parse` would read the text of these bytes; false: not known. Never throws.
 * @param from Index of the first byte. @param to Index after the last one, at most the length.
 */
export function isJson(bytes: Uint8Array, from: number, to: number): boolean {
  const end = valueEnd(bytes, afterSpace(bytes, from, to), to, MAX_JSON_DEPTH);
  return end !== NONE && afterSpace(bytes, end, to) === to;
}

/** The index after the value that begins here. @param depth How many more levels there may be. */
function valueEnd(bytes: Uint8Array, at: number, to: number, depth: number): number {
  // Comparisons, the likeliest first: a switch takes twice as long.
  const byte = byteAt(bytes, at, to);
  if (byte === QUOTE) return stringEnd(bytes, at + 1, to);
  if (byte === OPEN_OBJECT) return depth === 0 ? NONE : objectEnd(bytes, at + 1, to, depth - 1);
  if (byte === OPEN_ARRAY) return depth === 0 ? NONE : arrayEnd(bytes, at + 1, to, depth - 1);
  if (byte <= NINE) return numberEnd(bytes, at, to);
  if (byte === SMALL_T) return wordEnd(TRUE, bytes, at, to);
  if (byte === SMALL_F) return wordEnd(FALSE, bytes, at, to);
  return byte === SMALL_N ? wordEnd(NULL, bytes, at, to) : NONE;
}

/** Of an object whose brace was read. */
function objectEnd(bytes: Uint8Array, from: number, to: number, depth: number): number {
  let at = afterSpace(bytes, from, to);
  if (byteAt(bytes, at, to) === CLOSE_OBJECT) return at + 1;
  for (;;) {
    if (byteAt(bytes, at, to) !== QUOTE) return NONE;
    at = stringEnd(bytes, at + 1, to);
    if (at === NONE) return NONE;
    at = afterSpace(bytes, at, to);
    if (byteAt(bytes, at, to) !== COLON) return NONE;
    at = valueEnd(bytes, afterSpace(bytes, at + 1, to), to, depth);
    if (at === NONE) return NONE;
    at = afterSpace(bytes, at, to);
    const byte = byteAt(bytes, at, to);
    if (byte === CLOSE_OBJECT) return at + 1;
    if (byte !== COMMA) return NONE;
    at = afterSpace(bytes, at + 1, to);
  }
}

/** Of an array whose bracket was read. */
function arrayEnd(bytes: Uint8Array, from: number, to: number, depth: number): number {
  let at = afterSpace(bytes, from, to);
  if (byteAt(bytes, at, to) === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = valueEnd(bytes, at, to, depth);
    if (at === NONE) return NONE;
    at = afterSpace(bytes, at, to);
    const byte = byteAt(bytes, at, to);
    if (byte === CLOSE_ARRAY) return at + 1;
    if (byte !== COMMA) return NONE;
    at = afterSpace(bytes, at + 1, to);
  }
}

/** Of a string whose first quote was read. */
function stringEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from;;) {
    while (at < to && PLAIN[bytes[at]!] === 1) at++;
    const byte = byteAt(bytes, at, to);
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return NONE;
    at = escapeEnd(bytes, at + 1, to);
    if (at === NONE) return NONE;
  }
}

/** Of an escape whose backslash was read. */
function escapeEnd(bytes: Uint8Array, at: number, to: number): number {
  const byte = byteAt(bytes, at, to);
  if (byte !== SMALL_U) return ESCAPED[byte] === 1 ? at + 1 : NONE;
  for (let digit = at + 1; digit <= at + 4; digit++) if (HEX[byteAt(bytes, digit, to)] !== 1) return NONE;
  return at + 5;
}

function numberEnd(bytes: Uint8Array, from: number, to: number): number {
  const first = byteAt(bytes, from, to) === MINUS ? from + 1 : from;
  let at = byteAt(bytes, first, to) === ZERO ? first + 1 : digitsEnd(bytes, first, to);
  if (at !== NONE && byteAt(bytes, at, to) === POINT) at = digitsEnd(bytes, at + 1, to);
  if (at === NONE || (byteAt(bytes, at, to) | SMALL) !== SMALL_E) return at;
  const sign = byteAt(bytes, at + 1, to);
  return digitsEnd(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1, to);
}

/** Of at least one digit. */
function digitsEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === from ? NONE : at;
}

function wordEnd(word: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  for (let at = 0; at < word.length; at++) if (byteAt(bytes, from + at, to) !== word[at]) return NONE;
  return from + word.length;
}

function afterSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[at]!)) at++;
  return at;
}

/** The first comparison nearly always decides. */
function isSpace(byte: number): boolean {
  return byte <= SPACE && (byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB);
}

function byteAt(bytes: Uint8Array, at: number, to: number): number {
  return at < to ? bytes[at]! : END;
}
