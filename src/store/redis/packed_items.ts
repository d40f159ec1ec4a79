/**
 * Events to append as one MessagePack argument, which Redis' Lua reads with `cmsgpack`. As words of their own, a dozen an
 * event, they cost the client and the server more than all else that publishing a batch does: each is measured, framed,
 * parsed, made an object, and copied into Lua.
 *
 * Flat, one object after the other, so that Lua makes no tables of them: list of how many values each item has, negative
 * where some are long · list of marks (empty: no item has one; `""`: this one has none) · list of due times (empty: nothing
 * waits; 0: at once) · the values of all items. Long values stay arguments of their own, since Lua of Redis reads every byte of
 * every text that it makes; in their place is the number of the argument. Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 * @module
 */
import { Buffer } from "node:buffer";
import { ServiceError } from "../../errors.ts";
import type { AppendItem } from "../port.ts";
import type { Arg } from "./channel.ts";
import { markOf } from "./items.ts";

/** Longest value that is packed, letters or bytes. */
export const LONGEST_PACKED = 1_024;
/** Which argument of the script the packed one is, from 1. */
const PACKED_AT = 7;
/** Longest text that is written letter by letter: below it a call of the runtime's encoder costs more. */
const SHORT = 64;
/** Most bytes that one letter of a text takes. */
const WIDEST = 3;
/** Bytes before a value: its type and how long it is. */
const HEAD = 5;
/** Bytes of one count. */
const COUNT = 3;
/** Room to begin with, and most room that is kept from one call to the next. */
const [ROOM, MOST_ROOM] = [65_536, 1_048_576];
/** What Redis takes as one argument (`proto-max-bulk-len`). */
const MOST_BYTES = 536_870_912;
const [STR_8, STR_32, ARRAY_32, INT_16, UINT_32, FLOAT_64] = [0xd9, 0xdb, 0xdd, 0xd1, 0xce, 0xcb];
const encoder = new TextEncoder();

/**
 * Packs items one call after the other, in the same room; what it hands out is a copy. Texts become UTF-8, a lone surrogate
 * U+FFFD; bytes stay as they are.
 */
export class ItemPacker {
  #bytes = new Uint8Array(ROOM);
  #view = new DataView(this.#bytes.buffer);
  readonly #most: number;
  #at = 0;

  /** @param most Bytes of one call. */
  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /**
   * @param items Checked, fewer than 32,768 values each. @param dedup False: dedup keys are left out.
   * @returns What was packed, and the long values behind it.
   * @throws {ServiceError} `event_too_large`: more than Redis takes at once.
   */
  pack(items: readonly AppendItem[], dedup: boolean): readonly Arg[] {
    this.#at = 0;
    this.#head(ARRAY_32, items.length);
    for (const { fields } of items) this.#count(fields.length);
    this.#marks(items, dedup);
    this.#dues(items);
    const long: Arg[] = [];
    for (let index = 0; index < items.length; index++) this.#values(items[index]!.fields, index, long);
    return [this.#handOut(), ...long];
  }

  #values(values: readonly Arg[], index: number, long: Arg[]): void {
    const before = long.length;
    for (const value of values) {
      if (value.length > LONGEST_PACKED) this.#head(UINT_32, PACKED_AT + long.push(value));
      else if (typeof value === "string") this.#text(value);
      else this.#raw(value);
    }
    if (long.length > before) this.#view.setInt16(HEAD + index * COUNT + 1, -values.length);
  }

  #marks(items: readonly AppendItem[], dedup: boolean): void {
    const marked = dedup && items.some(({ dedupKey }) => dedupKey !== undefined);
    this.#head(ARRAY_32, marked ? items.length : 0);
    if (marked) { for (const item of items) this.#text(markOf(item)); }
  }

  #dues(items: readonly AppendItem[]): void {
    const delayed = items.some(({ deliverAtMs }) => deliverAtMs !== undefined);
    this.#head(ARRAY_32, delayed ? items.length : 0);
    if (delayed) { for (const { deliverAtMs } of items) this.#number(Math.round(deliverAtMs ?? 0)); }
  }

  #count(value: number): void {
    this.#ensure(COUNT);
    this.#bytes[this.#at] = INT_16;
    this.#view.setInt16(this.#at + 1, value);
    this.#at += COUNT;
  }

  #number(value: number): void {
    this.#ensure(9);
    this.#bytes[this.#at] = FLOAT_64;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #text(text: string): void {
    this.#ensure(HEAD + text.length * WIDEST);
    if (text.length <= SHORT && this.#ascii(text)) return;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#at + HEAD));
    this.#head(STR_32, written);
    this.#at += written;
  }

  /** Most texts are short and ASCII, whose length is known before. @returns False: it is not, and nothing was written. */
  #ascii(text: string): boolean {
    const { length } = text;
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = STR_8;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #raw(value: Uint8Array): void {
    this.#ensure(HEAD + value.length);
    this.#head(STR_32, value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A type and a number of four bytes. */
  #head(type: number, value: number): void {
    this.#ensure(HEAD);
    this.#bytes[this.#at] = type;
    this.#view.setUint32(this.#at + 1, value);
    this.#at += HEAD;
  }

  /** Room for so many bytes more. */
  #ensure(more: number): void {
    const wanted = this.#at + more;
    if (wanted > this.#bytes.length) this.#grow(wanted);
  }

  #grow(wanted: number): void {
    const bytes = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#use(bytes);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /** What is sent is written later, so that it must not lie in the room of the next call. */
  #handOut(): Uint8Array {
    const packed = this.#bytes.subarray(0, this.#at);
    const kept = this.#bytes.length <= MOST_ROOM;
    if (!kept) this.#use(new Uint8Array(ROOM));
    if (this.#at > this.#most) {
      throw new ServiceError("event_too_large", `appending: found ${this.#at} bytes, want at most ${this.#most}`);
    }
    if (!kept) return packed;
    const copy = Buffer.allocUnsafe(this.#at);
    copy.set(packed);
    return copy;
  }
}
