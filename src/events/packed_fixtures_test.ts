import { PackedFields } from "./packed.ts";

const encoder = new TextEncoder();

/** Fields as they lie in a reply: one after the other, with something before, between and behind. @param before Bytes. */
export function packed(fields: readonly (string | Uint8Array)[], before = 3): PackedFields {
  const parts = fields.map((field) => typeof field === "string" ? encoder.encode(field) : field);
  const bytes = new Uint8Array(before + parts.reduce((sum, part) => sum + part.length + 3, 0)).fill(0x39);
  const places: number[] = [];
  let at = before;
  for (const part of parts) {
    bytes.set(part, at);
    places.push(at, at + part.length);
    at += part.length + 3;
  }
  return new PackedFields(bytes, places);
}
