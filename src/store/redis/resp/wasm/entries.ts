/**
 * Reads whole entries of a stream out of received bytes. AssemblyScript, not TypeScript: see the README.md beside it.
 *
 * What is no such entry, is not all there, or is unusual in any way is left to the parser, which reads everything; so a
 * look may give up anywhere. All places are addresses in the module's memory until they are written into the table.
 * @module
 */

/** Levels of JSON that are followed: of each the byte that opened it. */
const LEVELS: usize = 0;
const DEEPEST: usize = 64;
/** What was found, 32-bit numbers. */
export const TABLE: usize = 4_096;
/** Size of the table, bytes. */
export const TABLE_BYTES: usize = 520_192;
/** Where the bytes that are to be read belong. */
export const INPUT: usize = TABLE + TABLE_BYTES;
/** Most bytes that are read at once. There is more memory behind them, for {@link scan} to mark the end. */
export const INPUT_BYTES: usize = 524_288;

/** Bytes of the numbers before the places of an entry. */
const HEAD: usize = 16;
/** No number in a line has more digits: longer values would not fit in any case. */
const MOST_DIGITS: u32 = 7;

const SPACE: u32 = 0x20;
const TAB: u32 = 0x09;
const NEWLINE: u32 = 0x0a;
const RETURN: u32 = 0x0d;
const QUOTE: u32 = 0x22;
const DOLLAR: u32 = 0x24;
const STAR: u32 = 0x2a;
const PLUS: u32 = 0x2b;
const COMMA: u32 = 0x2c;
const MINUS: u32 = 0x2d;
const POINT: u32 = 0x2e;
const SLASH: u32 = 0x2f;
const ZERO: u32 = 0x30;
const COLON: u32 = 0x3a;
const OPEN_ARRAY: u32 = 0x5b;
const BACKSLASH: u32 = 0x5c;
const SMALL_A: u32 = 0x61;
const SMALL_B: u32 = 0x62;
const SMALL_E: u32 = 0x65;
const SMALL_F: u32 = 0x66;
const SMALL_N: u32 = 0x6e;
const SMALL_R: u32 = 0x72;
const SMALL_T: u32 = 0x74;
const SMALL_U: u32 = 0x75;
const OPEN_OBJECT: u32 = 0x7b;
/** From what opens to what closes, of objects and arrays. */
const TO_CLOSE: u32 = 2;
/** Makes small letters of capital ones. */
const SMALL: u32 = 0x20;
// Texts as numbers, the first letter in the lowest byte.
const CRLF: u32 = 0x0a0d;
/** `*2` and a line end. */
const PAIR: u32 = 0x0a0d322a;
const DATA: u32 = 0x61746164;
const PAYL: u32 = 0x6c796170;
const LOAD: u32 = 0x64616f6c;
const TRUE: u32 = 0x65757274;
const ALSE: u32 = 0x65736c61;
const NULL: u32 = 0x6c6c756e;

/** After the last byte of the input. */
let end: usize = 0;
/** What makes a place of an address. */
let shift: u32 = 0;
/** Where the next entry goes in the table. */
let out: usize = 0;
/** The number in the line that was read last. */
let number: u32 = 0;
/** After the value that was read last. */
let valueEnd: usize = 0;
/** The data of the entry that was read last; 0: it has none. */
let data: usize = 0;
let dataEnd: usize = 0;

/**
 * Reads whole entries, `[id, [name, value, …]]` in RESP2, until there is something else.
 *
 * @param size Bytes of the input. @param most Entries, at most.
 * @param longest Most bytes of the fields of one entry, and what lies between them.
 * @param longestJson The same, of those whose data is looked at. @param from Place of the first byte.
 * @returns How many were read. Of each, in turn, in the table: start and end of its id; how many places follow; 1 where
 *   its data is JSON for certain, else 0; start and end of each name and value.
 */
export function scan(size: u32, most: u32, longest: u32, longestJson: u32, from: u32): u32 {
  end = INPUT + size;
  shift = from - <u32> INPUT;
  out = TABLE;
  // No look goes on into what an earlier scan left there.
  store<u64>(end, 0);
  store<u64>(end, 0, 8);
  let count: u32 = 0;
  for (let at = INPUT; count < most; count++) {
    at = entryEnd(at, longest, longestJson);
    if (at == 0) break;
  }
  return count;
}

/** Reads the entry that begins here into the table. @returns What follows it; 0: it is left to others. */
function entryEnd(at: usize, longest: u32, longestJson: u32): usize {
  if (load<u32>(at) != PAIR) return 0;
  const id = valueAt(at + 4);
  if (id == 0) return 0;
  const idEnd = valueEnd;
  const fields = lineEnd(idEnd + 2, STAR);
  const values = number;
  if (fields == 0 || values == 0 || out + HEAD + (values << 3) > TABLE + TABLE_BYTES) return 0;
  const next = fieldsEnd(fields, values);
  if (next == 0) return 0;
  const length = valueEnd - <usize> (load<u32>(out, HEAD) - shift);
  if (length > longest) return 0;
  store<u32>(out, <u32> id + shift);
  store<u32>(out, <u32> idEnd + shift, 4);
  store<u32>(out, values << 1, 8);
  store<u32>(out, data != 0 && length <= longestJson && isJson(data, dataEnd) ? 1 : 0, 12);
  out += HEAD + (values << 3);
  return next;
}

/** Writes the places of names and values, and finds the data. @returns What follows; 0: not all of them are there. */
function fieldsEnd(at: usize, values: u32): usize {
  let place = out + HEAD;
  let name: usize = 0;
  let nameLength: usize = 0;
  let isData = false;
  data = 0;
  for (let index: u32 = 0; index < values; index++) {
    const from = valueAt(at);
    if (from == 0) return 0;
    store<u32>(place, <u32> from + shift);
    store<u32>(place, <u32> valueEnd + shift, 4);
    place += 8;
    at = valueEnd + 2;
    if ((index & 1) == 0) {
      name = from;
      nameLength = valueEnd - from;
    } else if (!isData) {
      isData = nameLength == 4 && load<u32>(name) == DATA;
      if (isData || (data == 0 && isPayload(name, nameLength))) {
        data = from;
        dataEnd = valueEnd;
      }
    }
  }
  return at;
}

/** The alias of `data`. */
function isPayload(name: usize, size: usize): bool {
  return size == 7 && load<u32>(name) == PAYL && load<u32>(name, 3) == LOAD;
}

/** A bulk string; see {@link valueEnd}. @returns Its first byte; 0: not all of it is there. */
@inline
function valueAt(at: usize): usize {
  const from = lineEnd(at, DOLLAR);
  if (from == 0) return 0;
  valueEnd = from + number;
  return valueEnd + 2 <= end && load<u16>(valueEnd) == CRLF ? from : 0;
}

/** A line of a type and digits; see {@link number}. @returns What follows it; 0: it is no such line, or not all there. */
@inline
function lineEnd(at: usize, type: u32): usize {
  if (<u32> load<u8>(at) != type) return 0;
  const first = ++at;
  let value: u32 = 0;
  for (; at < first + MOST_DIGITS; at++) {
    const digit = <u32> load<u8>(at) - ZERO;
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  if (at == first || load<u16>(at) != CRLF) return 0;
  number = value;
  return at + 2;
}

/**
 * True only where `JSON.parse` would read the text of these bytes; false: not known. Only ASCII is followed, and only so
 * deep. A line end follows.
 */
function isJson(from: usize, to: usize): bool {
  let depth: usize = 0;
  let at = from;
  while (true) {
    at = afterSpace(at, to);
    const byte = <u32> load<u8>(at);
    if (byte == OPEN_OBJECT || byte == OPEN_ARRAY) {
      if (depth == DEEPEST) return false;
      at = afterSpace(at + 1, to);
      if (<u32> load<u8>(at) != byte + TO_CLOSE) {
        store<u8>(LEVELS + depth, <u8> byte);
        depth++;
        if (byte == OPEN_OBJECT) at = keyEnd(at, to);
        if (at == 0) return false;
        continue;
      }
      at++;
    } else {
      at = scalarEnd(at, byte);
      if (at == 0) return false;
    }
    // A value was read: on to the next, out of all that ends here.
    while (true) {
      at = afterSpace(at, to);
      if (depth == 0) return at == to;
      const open = <u32> load<u8>(LEVELS + depth - 1);
      const after = <u32> load<u8>(at);
      at++;
      if (after == COMMA) {
        if (open == OPEN_OBJECT) at = keyEnd(afterSpace(at, to), to);
        if (at == 0) return false;
        break;
      }
      if (after != open + TO_CLOSE) return false;
      depth--;
    }
  }
}

/** Of what has nothing in it. */
@inline
function scalarEnd(at: usize, first: u32): usize {
  if (first == QUOTE) return stringEnd(at + 1);
  return first - ZERO <= 9 || first == MINUS ? numberEnd(at) : wordEnd(at, first);
}

/** Past a name and its colon. */
@inline
function keyEnd(at: usize, to: usize): usize {
  if (<u32> load<u8>(at) != QUOTE) return 0;
  at = stringEnd(at + 1);
  if (at == 0) return 0;
  at = afterSpace(at, to);
  return <u32> load<u8>(at) == COLON ? at + 1 : 0;
}

/** Of a string whose first quote was read. What ends the value, a line end, no string holds. */
function stringEnd(at: usize): usize {
  const quote = i8x16.splat(<i8> QUOTE);
  const backslash = i8x16.splat(<i8> BACKSLASH);
  const least = i8x16.splat(<i8> SPACE);
  while (true) {
    const bytes = v128.load(at);
    // As signed numbers what is no ASCII is less than zero.
    const odd = v128.or(
      v128.or(i8x16.eq(bytes, quote), i8x16.eq(bytes, backslash)),
      i8x16.lt_s(bytes, least),
    );
    const mask = i8x16.bitmask(odd);
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += ctz(mask);
    const byte = <u32> load<u8>(at);
    if (byte == QUOTE) return at + 1;
    if (byte != BACKSLASH) return 0;
    at = escapeEnd(at + 1);
    if (at == 0) return 0;
  }
}

/** Of an escape whose backslash was read. */
function escapeEnd(at: usize): usize {
  const byte = <u32> load<u8>(at);
  if (byte == SMALL_U) return hexEnd(at + 1);
  const known = byte == QUOTE || byte == BACKSLASH || byte == SLASH || byte == SMALL_B || byte == SMALL_F ||
    byte == SMALL_N || byte == SMALL_R || byte == SMALL_T;
  return known ? at + 1 : 0;
}

/** Of four hexadecimal digits. */
function hexEnd(at: usize): usize {
  for (const to = at + 4; at < to; at++) {
    const byte = <u32> load<u8>(at);
    if (byte - ZERO > 9 && (byte | SMALL) - SMALL_A > 5) return 0;
  }
  return at;
}

function numberEnd(at: usize): usize {
  if (<u32> load<u8>(at) == MINUS) at++;
  if (<u32> load<u8>(at) == ZERO) {
    at++;
  } else {
    at = digitsEnd(at);
    if (at == 0) return 0;
  }
  if (<u32> load<u8>(at) == POINT) {
    at = digitsEnd(at + 1);
    if (at == 0) return 0;
  }
  if ((<u32> load<u8>(at) | SMALL) != SMALL_E) return at;
  at++;
  const sign = <u32> load<u8>(at);
  return digitsEnd(sign == PLUS || sign == MINUS ? at + 1 : at);
}

/** Of at least one digit. */
@inline
function digitsEnd(at: usize): usize {
  if (<u32> load<u8>(at) - ZERO > 9) return 0;
  do at++; while (<u32> load<u8>(at) - ZERO <= 9);
  return at;
}

/** Of `true`, `false` and `null`. */
function wordEnd(at: usize, first: u32): usize {
  if (first == SMALL_T) return load<u32>(at) == TRUE ? at + 4 : 0;
  if (first == SMALL_N) return load<u32>(at) == NULL ? at + 4 : 0;
  return first == SMALL_F && load<u32>(at, 1) == ALSE ? at + 5 : 0;
}

@inline
function afterSpace(at: usize, to: usize): usize {
  while (at < to) {
    const byte = <u32> load<u8>(at);
    if (byte > SPACE || (byte != SPACE && byte != NEWLINE && byte != RETURN && byte != TAB)) break;
    at++;
  }
  return at;
}
