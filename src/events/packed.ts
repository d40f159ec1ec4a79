/**
 * The fields of one entry, left in the bytes in which they came.
 *
 * Cutting an entry into a dozen arrays costs more than reading it does, and most entries are acknowledged without anybody
 * wanting them byte for byte: only a dead letter does. So the values stay where they are, with their places beside them.
 * @module
 */
import type { Fields } from "./event.ts";

/** Longer entries are read value by value: what somebody keeps of one text keeps the whole text. */
const LONGEST_TEXT = 4_096;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** See the module's text. The bytes must not change as long as it is in use. */
export class PackedFields {
  /** What the values lie in, and much else. */
  readonly bytes: Uint8Array;
  /** Start and end of each value in turn, ascending: name, value, name, value … */
  readonly places: readonly number[];
  #text: string | null | undefined = undefined;

  /** @param bytes Shared, not copied. @param places Two numbers a value. */
  constructor(bytes: Uint8Array, places: readonly number[]) {
    this.bytes = bytes;
    this.places = places;
  }

  /** Bytes of all values together, and of what lies between them. */
  get byteLength(): number {
    const { places } = this;
    return places.length === 0 ? 0 : places[places.length - 1]! - places[0]!;
  }

  /**
   * All values and what lies between them as one text, in which each has the place that it has in the bytes, less the
   * first; null where they are long or not all ASCII. Decoding once costs less than decoding a few values.
   */
  get ascii(): string | null {
    if (this.#text === undefined) this.#text = this.#decode();
    return this.#text;
  }

  #decode(): string | null {
    const { byteLength, places } = this;
    if (byteLength === 0 || byteLength > LONGEST_TEXT) return null;
    const text = utf8.decode(this.bytes.subarray(places[0]!, places[places.length - 1]!));
    // Of as many characters as bytes none took two; or each that is wrong was replaced.
    return text.length === byteLength && !text.includes("\ufffd") ? text : null;
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
