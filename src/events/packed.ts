/**
 * The fields of one entry, left in the bytes in which they came.
 *
 * Cutting an entry into a dozen arrays costs more than reading it does, and most entries are acknowledged without anybody
 * wanting them byte for byte: only a dead letter does. So the values stay where they are, with their places beside them.
 * @module
 */
import { Buffer, isAscii } from "node:buffer";
import type { Fields } from "./event.ts";

/**
 * Bytes. Longer entries are read value by value, and what is known of their data is of no use: what somebody keeps of one
 * text keeps the whole text.
 */
export const LONGEST_TEXT = 4_096;

/** Bytes of a number in a table. */
const PLACE = 4;

/** One piece of memory, seen in three ways. */
export interface Memory {
  readonly bytes: Uint8Array;
  /** Makes text of them faster. */
  readonly texts: Buffer;
  readonly table: Uint32Array;
}

/** Where values lie, and what is known of them. */
export interface Places {
  /** Among others, maybe: start and end of each value in turn, ascending: name, value, name, value … Shared, not copied. */
  readonly table: Uint32Array;
  /** Index in the table of the first. Default 0. */
  readonly first?: number;
  /** Index after the last. Default: the end of the table. */
  readonly last?: number;
  /** The same bytes, where all of them between the first place and the last are known to be ASCII. */
  readonly ascii?: Buffer | null;
  /** See {@link PackedFields.json}. Default false. */
  readonly json?: boolean;
}

/** See the module's text. The bytes must not change as long as it is in use. */
export class PackedFields {
  /** What the values lie in, and much else. */
  readonly bytes: Uint8Array;
  /** {@link Places.table} */
  readonly table: Uint32Array;
  /** {@link Places.first} */
  readonly first: number;
  /** {@link Places.last} */
  readonly last: number;
  /** The value of the first `data`, or of the first `payload` where there is none, is ASCII, and JSON for certain. */
  readonly json: boolean;
  readonly #ascii: Buffer | null;

  /** @param bytes Shared, not copied. */
  constructor(bytes: Uint8Array, { table, first = 0, last = table.length, ascii = null, json = false }: Places) {
    this.bytes = bytes;
    this.table = table;
    this.first = first;
    this.last = last;
    this.json = json;
    this.#ascii = ascii;
  }

  /** Where the first value begins. */
  get start(): number {
    return this.first === this.last ? 0 : this.table[this.first]!;
  }

  /** Bytes of all values together, and of what lies between them. */
  get byteLength(): number {
    const { table, first, last } = this;
    return first === last ? 0 : table[last - 1]! - table[first]!;
  }

  /**
   * All values and what lies between them as one text, in which each has the place that it has in the bytes, less the
   * first; null where they are long or not all ASCII. Decoding once costs less than decoding a few values. Made anew each
   * time.
   */
  asciiText(): string | null {
    const { bytes, byteLength, start: from } = this;
    if (byteLength === 0 || byteLength > LONGEST_TEXT) return null;
    const to = from + byteLength;
    if (this.#ascii !== null) return this.#ascii.toString("latin1", from, to);
    if (!isAscii(bytes.subarray(from, to))) return null;
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, byteLength).toString("latin1");
  }

  /** Bytes that a copy takes at most, its places included. */
  get copyLength(): number {
    return this.byteLength + (this.last - this.first + 1) * PLACE;
  }

  /**
   * The same in other memory, so that what these lie in can be let go; the places go there too, since an array of their
   * own would take several times what is in it.
   * @param at Index of the first of {@link copyLength} bytes.
   */
  copyTo({ bytes: target, texts, table: places }: Memory, at: number): PackedFields {
    const { bytes, table, byteLength, start, json } = this;
    const first = Math.ceil(at / PLACE);
    const last = first + this.last - this.first;
    const from = last * PLACE;
    for (let index = first; index < last; index++) places[index] = table[this.first + index - first]! - start + from;
    target.set(bytes.subarray(start, start + byteLength), from);
    return new PackedFields(target, { table: places, first, last, ascii: this.#ascii === null ? null : texts, json });
  }

  /** Each value as an array of its own; the bytes are still shared. */
  unpack(): Fields {
    const fields: Uint8Array[] = [];
    const { bytes, table, last } = this;
    for (let at = this.first; at < last; at += 2) fields.push(bytes.subarray(table[at]!, table[at + 1]!));
    return fields;
  }
}
