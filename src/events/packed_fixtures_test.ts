import { PackedFields } from "./packed.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

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
  return new PackedFields(bytes, { table: Uint32Array.from(places), json: isJson(dataOf(parts)) });
}

/** What a reader would find to be the data. */
function dataOf(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const value = (name: string): Uint8Array | undefined => {
    const at = parts.findIndex((part, index) => index % 2 === 0 && decoder.decode(part) === name);
    return at < 0 ? undefined : parts[at + 1];
  };
  return value("data") ?? value("payload");
}

function isJson(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined || bytes.some((byte) => byte >= 0x80)) return false;
  try {
    JSON.parse(decoder.decode(bytes));
    return true;
  } catch {
    return false;
  }
}
