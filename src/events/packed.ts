/**
 * The fields of one entry, left in the bytes in which they came.
 *
 * Cutting an entry into a dozen arrays costs more than reading it does, and most entries are acknowledged without anybody
 * wanting them byte for byte: only a dead letter does. So the values stay where they are, with their places beside them.
 * @module
 */
import { Buffer, isAscii } from "node:buffer";
import type { Fields } from "./event.ts";

/** Longer entries are read value by value: what somebody keeps of one text keeps the whole text. */
const LONGEST_TEXT = 4_096;

/** See the module's text. The bytes must not change as long as it is in use. */
export class PackedFields {
  /** What the values lie in, and much else. */
  readonly bytes: Uint8Array;
  /** Start and end of each value in turn, ascending: name, value, name, value … */
  readonly places: readonly number[];
  readonly #ascii: Buffer | null;

  /**
   * @param bytes Shared, not copied. @param places Two numbers a value.
   * @param ascii The same bytes, where all of them between the first place and the last are known to be ASCII.
   */
  constructor(bytes: Uint8Array, places: readonly number[], ascii: Buffer | null = null) {
    this.bytes = bytes;
    this.places = places;
    this.#ascii = ascii;
  }

  /** Bytes of all values together, and of what lies between them. */
  get byteLength(): number {
    const { places } = this;
    return places.length === 0 ? 0 : places[places.length - 1]! - places[0]!;
  }

  /**
   * All values and what lies between them as one text, in which each has the place that it has in the bytes, less the
   * first; null where they are long or not all ASCII. Decoding once costs less than decoding a few values. Made anew each
   * time.
   */
  asciiText(): string | null {
    const { bytes, places, byteLength } = this;
    if (byteLength === 0 || byteLength > LONGEST_TEXT) return null;
    const [from, to] = [places[0]!, places[places.length - 1]!];
    if (this.#ascii !== null) return this.#ascii.toString("latin1", from, to);
    if (!isAscii(bytes.subarray(from, to))) return null;
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, byteLength).toString("latin1");
  }

  /** The same in other bytes, so that what these lie in can be let go. @param target Has room for {@link byteLength}. @param texts The same. */
  copyTo(target: Uint8Array, texts: Buffer, at: number): PackedFields {
    const { bytes, places, byteLength } = this;
    if (byteLength === 0) return new PackedFields(target, []);
    const from = places[0]!;
    target.set(bytes.subarray(from, from + byteLength), at);
    const shift = at - from;
    return new PackedFields(target, places.map((place) => place + shift), this.#ascii === null ? null : texts);
  }

  /** Each value as an array of its own; the bytes are still shared. */
  unpack(): Fields {
    const fields: Uint8Array[] = [];
    for (let at = 0; at < this.places.length; at += 2) {
      fields.push(this.bytes.subarray(this.places[at]!, this.places[at + 1]!));
    }
    return fields;
  }
}
