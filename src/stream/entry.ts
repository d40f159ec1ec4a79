/**
 * A delivery as the codec reads it.
 * @module
 */
import type { RawEntry } from "../events/codec.ts";
import type { Delivery } from "../store/port.ts";

/** Its fields packed where the store has them so. */
export function entryOf(stream: string, delivery: Delivery): RawEntry {
  // Asking for `fields` would unpack them.
  return { stream, id: delivery.entryId, fields: delivery.packed ?? delivery.fields };
}
