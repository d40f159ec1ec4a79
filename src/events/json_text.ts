/**
 * JSON that is known to be JSON, kept as the text that came; and what finds its end, in bytes.
 * @module
 */

/** See the module's text. Made only by who has checked it; published as it is, without being parsed and written again. */
export class JsonText {
  readonly text: string;

  /** @param text Valid JSON. */
  constructor(text: string) {
    this.text = text;
  }
}

/** No place: what was looked for is not there, or not as JSON wants it. */
export const NONE = -1;

const TAB = 0x09, NEWLINE = 0x0a, RETURN = 0x0d, SPACE = 0x20, QUOTE = 0x22, PLUS = 0x2b, COMMA = 0x2c, MINUS = 0x2d;
const POINT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, SMALL_E = 0x65, SMALL_U = 0x75;
const OPEN_ARRAY = 0x5b, BACKSLASH = 0x5c, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;
/** Turns a capital letter into a small one. */
const SMALL = 0x20;
const [TRUE, FALSE, NULL] = ["true", "false", "null"].map((word) => new TextEncoder().encode(word)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** Bytes that end a run of plain ones within a string: 1. A table is twice as fast as comparisons. */
const STOPS = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte < SPACE || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);
/** What may follow a backslash, `u` apart: 1. */
const ESCAPED = new Uint8Array(256);
for (const char of '"\\/bfnrt') ESCAPED[char.charCodeAt(0)] = 1;

/** Behind the value that begins there; {@link NONE} where there is none. @param depth How many levels it may have. */
export function valueEnd(bytes: Uint8Array, from: number, depth: number): number {
  switch (bytes[from]) {
    case QUOTE:
      return stringEnd(bytes, from + 1);
    case OPEN_OBJECT:
      return objectEnd(bytes, from, depth);
    case OPEN_ARRAY:
      return arrayEnd(bytes, from, depth);
    default:
      return numberEnd(bytes, from);
  }
}

function objectEnd(bytes: Uint8Array, from: number, depth: number): number {
  if (depth <= 0) return NONE;
  let at = afterSpace(bytes, from + 1);
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return NONE;
    at = stringEnd(bytes, at + 1);
    if (at === NONE) return NONE;
    at = afterColon(bytes, at);
    if (at === NONE) return NONE;
    at = valueEnd(bytes, at, depth - 1);
    if (at === NONE) return NONE;
    at = afterSpace(bytes, at);
    const next = bytes[at];
    if (next === CLOSE_OBJECT) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(bytes, at + 1);
  }
}

function arrayEnd(bytes: Uint8Array, from: number, depth: number): number {
  if (depth <= 0) return NONE;
  let at = afterSpace(bytes, from + 1);
  if (bytes[at] === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = valueEnd(bytes, at, depth - 1);
    if (at === NONE) return NONE;
    at = afterSpace(bytes, at);
    const next = bytes[at];
    if (next === CLOSE_ARRAY) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(bytes, at + 1);
  }
}

/** Where the value of a member begins whose name ends there. */
export function afterColon(bytes: Uint8Array, from: number): number {
  const at = afterSpace(bytes, from);
  return bytes[at] === COLON ? afterSpace(bytes, at + 1) : NONE;
}

/** Behind the quote that ends a string without escapes; {@link NONE} where there is none. @param from Behind the first quote. */
export function plainStringEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (STOPS[bytes[at]!] === 0) at++;
  return bytes[at] === QUOTE ? at + 1 : NONE;
}

/** Behind the quote that ends a string. @param from Behind the quote that begins it. */
export function stringEnd(bytes: Uint8Array, from: number): number {
  for (let at = from;; at++) {
    while (STOPS[bytes[at]!] === 0) at++;
    if (bytes[at] === QUOTE) return at + 1;
    // A control character, or the end.
    if (bytes[at] !== BACKSLASH) return NONE;
    const escaped = bytes[++at]!;
    if (escaped === SMALL_U) {
      for (let digit = 1; digit <= 4; digit++) if (!isHex(bytes[at + digit]!)) return NONE;
      at += 4;
    } else if (ESCAPED[escaped] !== 1) return NONE;
  }
}

function isHex(byte: number): boolean {
  return (byte >= ZERO && byte <= NINE) || ((byte | SMALL) >= 0x61 && (byte | SMALL) <= 0x66);
}

/** Behind a number or a literal. */
function numberEnd(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (bytes[at] === ZERO) at++;
  else {
    const digits = digitsEnd(bytes, at);
    if (digits === at) return literalEnd(bytes, from);
    at = digits;
  }
  if (bytes[at] === POINT) {
    const digits = digitsEnd(bytes, at + 1);
    if (digits === at + 1) return NONE;
    at = digits;
  }
  if ((bytes[at]! | SMALL) !== SMALL_E) return at;
  const sign = bytes[at + 1];
  const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
  const digits = digitsEnd(bytes, exponent);
  return digits === exponent ? NONE : digits;
}

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

function literalEnd(bytes: Uint8Array, from: number): number {
  for (const literal of [TRUE, FALSE, NULL]) if (startsWith(bytes, from, literal)) return from + literal.length;
  return NONE;
}

/** Do these bytes lie there? */
export function startsWith(bytes: Uint8Array, from: number, wanted: Uint8Array): boolean {
  for (let at = 0; at < wanted.length; at++) if (bytes[from + at] !== wanted[at]) return false;
  return true;
}

/** The first place from there that is no white space. */
export function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;; at++) {
    const byte = bytes[at]!;
    if (byte > SPACE || (byte !== SPACE && byte !== NEWLINE && byte !== RETURN && byte !== TAB)) return at;
  }
}
