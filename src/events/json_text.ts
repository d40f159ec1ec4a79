/**
 * JSON that is known to be JSON, kept as the text that came.
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

/** Events in JSON whose data was cut out. */
export interface CutEvents {
  /** The same text; in place of the data of each event its index in `data`. */
  readonly envelope: string;
  /** JSON texts. */
  readonly data: readonly string[];
}

/** Where a piece of data lies. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** No place: what was looked for is not there, or not as JSON wants it. */
const NONE = -1;
const TAB = 0x09, NEWLINE = 0x0a, RETURN = 0x0d, SPACE = 0x20, QUOTE = 0x22, PLUS = 0x2b, COMMA = 0x2c, MINUS = 0x2d;
const POINT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, CAPITAL_E = 0x45, SMALL_E = 0x65, SMALL_U = 0x75;
const OPEN_ARRAY = 0x5b, BACKSLASH = 0x5c, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;
const LITERALS = ["true", "false", "null"] as const;
const ESCAPED = new Set([...'"\\/bfnrt'].map((char) => char.charCodeAt(0)));
const FOUR_HEX = /^[0-9a-fA-F]{4}$/;

/**
 * Cuts the member `data` out of one event, or of each of an array of events, and checks all of the text on the way: making
 * objects of data, only to write them again, was the larger part of what it cost to publish a batch.
 * @param maxDepth Deepest nesting of arrays and objects.
 * @returns Null where there is anything that is not quite usual: no JSON, too deep, not events, data twice, a name with an
 *   escape. Then the text is to be parsed as a whole, which knows what is wrong.
 */
export function cutData(text: string, batch: boolean, maxDepth: number): CutEvents | null {
  const spans: Span[] = [];
  const first = afterSpace(text, 0);
  const end = batch ? eventsEnd(text, first, maxDepth, spans) : eventEnd(text, first, maxDepth, spans);
  if (end === NONE || afterSpace(text, end) !== text.length) return null;
  const data: string[] = [];
  const rest: string[] = [];
  let at = 0;
  for (const { from, to } of spans) {
    rest.push(text.slice(at, from), String(data.length));
    data.push(text.slice(from, to));
    at = to;
  }
  rest.push(text.slice(at));
  return { envelope: rest.join(""), data };
}

function eventsEnd(text: string, from: number, maxDepth: number, spans: Span[]): number {
  if (text.charCodeAt(from) !== OPEN_ARRAY) return NONE;
  let at = afterSpace(text, from + 1);
  if (text.charCodeAt(at) === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = eventEnd(text, at, maxDepth - 1, spans);
    if (at === NONE) return NONE;
    at = afterSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === CLOSE_ARRAY) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(text, at + 1);
  }
}

/** As {@link objectEnd}, and remembers where the data lies. */
function eventEnd(text: string, from: number, maxDepth: number, spans: Span[]): number {
  if (text.charCodeAt(from) !== OPEN_OBJECT) return NONE;
  let at = afterSpace(text, from + 1);
  if (text.charCodeAt(at) === CLOSE_OBJECT) return at + 1;
  for (let found = false;;) {
    const name = at;
    const value = valueOfMember(text, at);
    if (value === NONE || text.slice(name, value).includes("\\")) return NONE;
    at = valueEnd(text, value, maxDepth - 1);
    if (at === NONE) return NONE;
    if (text.startsWith('"data"', name)) {
      if (found) return NONE;
      found = true;
      spans.push({ from: value, to: at });
    }
    at = afterSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === CLOSE_OBJECT) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(text, at + 1);
  }
}

/** Behind the value that begins there. @param depth How many levels it may have. */
function valueEnd(text: string, from: number, depth: number): number {
  switch (text.charCodeAt(from)) {
    case QUOTE:
      return stringEnd(text, from + 1);
    case OPEN_OBJECT:
      return objectEnd(text, from, depth);
    case OPEN_ARRAY:
      return arrayEnd(text, from, depth);
    default:
      return numberEnd(text, from);
  }
}

function objectEnd(text: string, from: number, depth: number): number {
  if (depth <= 0) return NONE;
  let at = afterSpace(text, from + 1);
  if (text.charCodeAt(at) === CLOSE_OBJECT) return at + 1;
  for (;;) {
    at = valueOfMember(text, at);
    if (at === NONE) return NONE;
    at = valueEnd(text, at, depth - 1);
    if (at === NONE) return NONE;
    at = afterSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === CLOSE_OBJECT) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(text, at + 1);
  }
}

function arrayEnd(text: string, from: number, depth: number): number {
  if (depth <= 0) return NONE;
  let at = afterSpace(text, from + 1);
  if (text.charCodeAt(at) === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = valueEnd(text, at, depth - 1);
    if (at === NONE) return NONE;
    at = afterSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === CLOSE_ARRAY) return at + 1;
    if (next !== COMMA) return NONE;
    at = afterSpace(text, at + 1);
  }
}

/** Where the value of a member begins whose name begins there. */
function valueOfMember(text: string, from: number): number {
  if (text.charCodeAt(from) !== QUOTE) return NONE;
  let at = stringEnd(text, from + 1);
  if (at === NONE) return NONE;
  at = afterSpace(text, at);
  return text.charCodeAt(at) === COLON ? afterSpace(text, at + 1) : NONE;
}

/** Behind the quote that ends a string. @param from Behind the quote that begins it. */
function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code < SPACE) return NONE;
    if (code !== BACKSLASH) continue;
    const escaped = text.charCodeAt(++at);
    if (escaped === SMALL_U) {
      if (!FOUR_HEX.test(text.slice(at + 1, at + 5))) return NONE;
      at += 4;
    } else if (!ESCAPED.has(escaped)) return NONE;
  }
  return NONE;
}

/** Behind a number or a literal. */
function numberEnd(text: string, from: number): number {
  let at = text.charCodeAt(from) === MINUS ? from + 1 : from;
  if (text.charCodeAt(at) === ZERO) at++;
  else {
    const digits = digitsEnd(text, at);
    if (digits === at) return literalEnd(text, from);
    at = digits;
  }
  if (text.charCodeAt(at) === POINT) {
    const digits = digitsEnd(text, at + 1);
    if (digits === at + 1) return NONE;
    at = digits;
  }
  const e = text.charCodeAt(at);
  if (e !== SMALL_E && e !== CAPITAL_E) return at;
  const sign = text.charCodeAt(at + 1);
  const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
  const digits = digitsEnd(text, exponent);
  return digits === exponent ? NONE : digits;
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  for (;; at++) {
    const code = text.charCodeAt(at);
    if (!(code >= ZERO && code <= NINE)) return at;
  }
}

function literalEnd(text: string, from: number): number {
  for (const literal of LITERALS) if (text.startsWith(literal, from)) return from + literal.length;
  return NONE;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  for (;; at++) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== NEWLINE && code !== RETURN && code !== TAB) return at;
  }
}
