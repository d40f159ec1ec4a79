/**
 * Reads RESP2 replies out of bytes that come in pieces of any size.
 *
 * The owner fills the space that the parser offers and then asks for replies. Values are shares of the received bytes,
 * not copies (but for long fields); a buffer that was lent out so is never written again. What is read once is not read a
 * second time when more comes, except for the fields of one entry, which must lie in one buffer.
 * @module
 */
import { Buffer, isAscii } from "node:buffer";
import { LONGEST_TEXT, PackedFields } from "../../../events/packed.ts";
import { HEAD, scanEntries } from "./entry_scan.ts";
import { PlaceTables } from "./place_tables.ts";
import { type ReplyShape, RespProtocolError, type RespValue } from "./reply.ts";

/** Limits of a parser. */
export interface RespLimits {
  /** Most bytes of one reply. Default 1 GiB. */
  readonly replyBytes?: number;
}

/** Size of a buffer, bytes. */
const CHUNK = 131_072;
/** Longer fields get bytes of their own: in a buffer with little else in it they would keep half as much again. */
const LARGE = 65_536;
/** Less space than this is not worth a read. */
const LEAST_SPACE = 16_384;
/** A first buffer; most links never get long replies. */
const FIRST = 16_384;
/** Longest line: a status, an error, a number. */
const LONGEST_LINE = 16_384;
/** Of a 64-bit number. */
const MOST_DIGITS = 20;
const DEEPEST = 32;
/** A list that claims no more is made in its full length at once: it need not be moved as it grows. */
const MODEST = 64;
const REPLY_BYTES = 1_073_741_824;

const CR = 13;
const LF = 10;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;
const TWO = 50;

/** Stands for: the rest has not come yet. */
const MORE = Symbol("more");

/** An array that is being read. */
interface Frame<E> {
  readonly items: RespValue<E>[];
  next: number;
  readonly length: number;
}

/** Fields of which the rest has not come. */
interface Pack {
  readonly places: number[];
  /** How many of the places are known. */
  known: number;
  left: number;
  /** Where to go on. */
  next: number;
}

/** See the module's text. */
export class RespParser<E> {
  readonly #limit: number;
  #buffer: Uint8Array = new Uint8Array(FIRST);
  /** The same bytes: a Buffer reads short texts several times as fast as a TextDecoder. */
  #texts = Buffer.from(this.#buffer.buffer);
  /** Read up to here. */
  #at = 0;
  /** Filled up to here. */
  #end = 0;
  /** Values of this buffer are in use. */
  #lent = false;
  /** All that came into this buffer is ASCII. */
  #ascii = true;
  /** The next value ends no earlier than here. */
  #wanted = 0;
  /** Bytes of the reply under way in earlier buffers, less what lies before it in this one. */
  #before = 0;
  readonly #stack: Frame<E>[] = [];
  #pack: Pack | null = null;
  readonly #tables = new PlaceTables();

  /** @param limits See {@link RespLimits}. */
  constructor({ replyBytes = REPLY_BYTES }: RespLimits = {}) {
    this.#limit = replyBytes;
  }

  /** Bytes that have come and were not read. */
  get buffered(): number {
    return this.#end - this.#at;
  }

  /** Where the next bytes belong; tell {@link RespParser.filled} how many came. */
  space(): Uint8Array {
    if (this.#at === this.#end && !this.#lent) this.#rewind();
    if (this.#buffer.length - this.#end < LEAST_SPACE) this.#renew();
    return this.#buffer.subarray(this.#end);
  }

  /** So many bytes were put into the space. */
  filled(count: number): void {
    this.#ascii &&= isAscii(this.#buffer.subarray(this.#end, this.#end + count));
    this.#end += count;
  }

  /**
   * The next reply; undefined where the rest of it has not come. To be asked again with the same shape then.
   * @throws {RespProtocolError} The parser is of no more use.
   */
  next(shape: ReplyShape<E>): RespValue<E> | undefined {
    if (this.#end < this.#wanted) return undefined;
    for (;;) {
      const value = this.#value(shape);
      if (value === MORE) return undefined;
      if (value === undefined) continue;
      const whole = this.#place(value);
      if (whole === undefined) continue;
      this.#before = -this.#at;
      return whole;
    }
  }

  /** Puts a value into the array that wants it. @returns The whole reply where that was its last. */
  #place(value: RespValue<E>): RespValue<E> | undefined {
    let done: RespValue<E> = value;
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      frame.items[frame.next++] = done;
      if (frame.next < frame.length) return undefined;
      this.#stack.pop();
      done = frame.items;
    }
    return done;
  }

  /** One value; undefined: an array has begun. */
  #value(shape: ReplyShape<E>): RespValue<E> | typeof MORE | undefined {
    // What holds packed lists may be entries: pairs of an id and its fields.
    if (this.#stack.length + 1 === shape.packAt && this.#buffer[this.#at + 1] === TWO) {
      const frame = this.#stack.at(-1);
      const entry = frame === undefined ? null : this.#entries(frame);
      if (entry !== null) return entry;
    }
    const lineEnd = this.#lineEnd();
    if (lineEnd < 0) return MORE;
    const start = this.#at + 1;
    switch (this.#buffer[this.#at]) {
      case DOLLAR:
        return this.#bulk(this.#length(start, lineEnd), lineEnd + 2, shape);
      case STAR:
        return this.#array(this.#length(start, lineEnd), lineEnd + 2, shape);
      case COLON: {
        const value = this.#number(start, lineEnd);
        this.#at = lineEnd + 2;
        return value;
      }
      case PLUS:
        this.#at = lineEnd + 2;
        return this.#text(start, lineEnd);
      case MINUS:
        this.#at = lineEnd + 2;
        return shape.error(this.#text(start, lineEnd));
      default:
        throw new RespProtocolError(this.#glimpse());
    }
  }

  /** Whole entries, as many as are there, read at once. @returns The last of them; null: the next one is read value by value. */
  #entries(frame: Frame<E>): RespValue<E> | null {
    const bytes = this.#buffer;
    const most = frame.length - frame.next;
    const limits = { most, longest: LARGE, longestJson: LONGEST_TEXT };
    const found = scanEntries({ bytes, from: this.#at, to: this.#end, ...limits });
    if (found === null) return null;
    this.#demand(found.end);
    const { count, table } = found;
    const ascii = this.#ascii ? this.#texts : null;
    let entry: RespValue<E> = null;
    for (let left = count, head = 0; left > 0; left--) {
      const first = head + HEAD;
      const last = first + table[head + 2]!;
      const fields = new PackedFields(bytes, { table, first, last, ascii, json: table[head + 3] === 1 });
      entry = [this.#text(table[head]!, table[head + 1]!), fields];
      if (left > 1) frame.items[frame.next++] = entry;
      head = last;
    }
    this.#lent = true;
    this.#at = found.end;
    return entry;
  }

  #bulk(length: number, from: number, { bytes }: ReplyShape<E>): RespValue<E> | typeof MORE {
    if (length < 0) {
      this.#at = from;
      return null;
    }
    const end = this.#bulkEnd(length, from);
    if (end < 0) return MORE;
    this.#at = end + 2;
    if (!bytes) return this.#text(from, end);
    this.#lent = true;
    return this.#buffer.subarray(from, end);
  }

  #array(length: number, from: number, shape: ReplyShape<E>): RespValue<E> | typeof MORE | undefined {
    if (length > 0 && this.#stack.length === shape.packAt) return this.#packed(length, from);
    this.#at = from;
    if (length <= 0) return length < 0 ? null : [];
    if (this.#stack.length >= DEEPEST) throw new RespProtocolError(`arrays more than ${DEEPEST} deep`);
    // A long one is not made in its full length: that number is only a claim.
    this.#stack.push({ items: length > MODEST ? [] : new Array(length), next: 0, length });
    return undefined;
  }

  /** All of a flat list of bulk strings, or nothing of it yet. */
  #packed(length: number, from: number): RespValue<E> | typeof MORE {
    const start = this.#at;
    const places = length > MODEST ? [] : new Array<number>(length * 2);
    const pack = this.#pack ??= { places, known: 0, left: length, next: from };
    this.#at = pack.next;
    for (; pack.left > 0; pack.left--) {
      const lineEnd = this.#lineEnd();
      const end = lineEnd < 0 ? -1 : this.#packedEnd(lineEnd);
      if (end < 0) {
        pack.next = this.#at;
        this.#at = start;
        return MORE;
      }
      pack.places[pack.known++] = lineEnd + 2;
      pack.places[pack.known++] = end;
      this.#at = end + 2;
    }
    this.#pack = null;
    return this.#fields(pack.places);
  }

  #fields(places: readonly number[]): PackedFields {
    const [start, end] = [places[0]!, places[places.length - 1]!];
    if (end - start > LARGE) {
      return new PackedFields(this.#buffer.slice(start, end), { table: Uint32Array.from(places, (at) => at - start) });
    }
    this.#lent = true;
    const { table, first, last } = this.#tables.add(places);
    return new PackedFields(this.#buffer, { table, first, last, ascii: this.#ascii ? this.#texts : null });
  }

  #packedEnd(lineEnd: number): number {
    if (this.#buffer[this.#at] !== DOLLAR) throw new RespProtocolError(`${this.#glimpse()} among fields`);
    const length = this.#length(this.#at + 1, lineEnd);
    if (length < 0) throw new RespProtocolError("null among fields");
    return this.#bulkEnd(length, lineEnd + 2);
  }

  /** Where the bulk string ends; -1: not all of it is there. */
  #bulkEnd(length: number, from: number): number {
    const end = from + length;
    this.#demand(end + 2);
    if (this.#end < end + 2) return -1;
    if (this.#buffer[end] !== CR || this.#buffer[end + 1] !== LF) throw new RespProtocolError("a bulk string too long");
    return end;
  }

  /** Index of the line end after `#at`; -1: it has not come. */
  #lineEnd(): number {
    const buffer = this.#buffer;
    const limit = Math.min(this.#end, this.#at + LONGEST_LINE);
    for (let at = this.#at + 1; at < limit; at++) {
      if (buffer[at] !== LF) continue;
      if (buffer[at - 1] !== CR || at - 1 === this.#at) throw new RespProtocolError(this.#glimpse());
      return at - 1;
    }
    if (this.#end > this.#at && !isType(buffer[this.#at]!)) throw new RespProtocolError(this.#glimpse());
    if (limit < this.#end) throw new RespProtocolError("a line without end");
    this.#demand(this.#end + 1);
    return -1;
  }

  /** Digits, with a minus or without. */
  #number(start: number, end: number): number {
    const buffer = this.#buffer;
    const negative = buffer[start] === MINUS;
    const from = negative ? start + 1 : start;
    if (from >= end || end - from > MOST_DIGITS) throw new RespProtocolError(this.#glimpse());
    let value = 0;
    for (let at = from; at < end; at++) {
      const digit = buffer[at]! - 48;
      if (digit < 0 || digit > 9) throw new RespProtocolError(this.#glimpse());
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  /** Length of what follows; -1: null. */
  #length(start: number, end: number): number {
    const length = this.#number(start, end);
    if (length < -1) throw new RespProtocolError(this.#glimpse());
    return length;
  }

  /** Nothing is read before so much is there. */
  #demand(end: number): void {
    this.#wanted = end;
    if (this.#before + end > this.#limit) throw new RespProtocolError(`a reply of more than ${this.#limit} bytes`);
  }

  /** The buffer from its start again: nobody uses what is in it. */
  #rewind(): void {
    this.#before += this.#at;
    this.#at = this.#end = this.#wanted = 0;
    this.#ascii = true;
  }

  /** A new buffer that begins with what was not read. It grows with what has come, never with what is only announced. */
  #renew(): void {
    const shift = this.#at;
    const kept = this.#end - shift;
    const renewed = new Uint8Array(Math.max(CHUNK, kept * 2) + LEAST_SPACE);
    renewed.set(this.#buffer.subarray(shift, this.#end));
    this.#before += shift;
    this.#wanted = Math.max(0, this.#wanted - shift);
    this.#buffer = renewed;
    this.#texts = Buffer.from(renewed.buffer);
    this.#at = 0;
    this.#end = kept;
    this.#lent = false;
    this.#ascii = isAscii(renewed.subarray(0, kept));
    if (this.#pack === null) return;
    this.#pack.next -= shift;
    for (let at = 0; at < this.#pack.known; at++) this.#pack.places[at]! -= shift;
  }

  #glimpse(): string {
    return JSON.stringify(this.#text(this.#at, Math.min(this.#end, this.#at + 40)));
  }

  #text(from: number, end: number): string {
    return this.#texts.toString("utf8", from, end);
  }
}

function isType(byte: number): boolean {
  return byte === DOLLAR || byte === STAR || byte === COLON || byte === PLUS || byte === MINUS;
}
