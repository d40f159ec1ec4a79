/**
 * The fields of one entry, left in the bytes in which they came.
 *
 * Cutting an entry into a dozen arrays costs more than reading it does, and most entries are acknowledged without anybody
 * wanting them byte for byte: only a dead letter does. So the values stay where they are, with their places beside them.
 * @module
 */
import type { Fields } from "./event.ts";

/** See the module's text. The bytes must not change as long as it is in use. */
export class PackedFields {
  /** What the values lie in, and much else. */
  readonly bytes: Uint8Array;
  /** Start and end of each value in turn, ascending: name, value, name, value … */
  readonly places: readonly number[];

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

  /** Each value as an array of its own; the bytes are still shared. */
  unpack(): Fields {
    const fields: Uint8Array[] = [];
    for (let at = 0; at < this.places.length; at += 2) {
      fields.push(this.bytes.subarray(this.places[at]!, this.places[at + 1]!));
    }
    return fields;
  }
}
