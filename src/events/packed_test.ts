import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decodeEntry } from "./codec.ts";
import { PackedFields } from "./packed.ts";
import { packed } from "./packed_fixtures_test.ts";

const VALUES = ["plain", "ä, € and 😀", "", Uint8Array.of(0, 255, 13, 10)];

/** As a reader packs: it knows whether all that came is ASCII. */
function read(fields: readonly (string | Uint8Array)[]): PackedFields {
  const { bytes, table, json } = packed(fields);
  const ascii = bytes.every((byte) => byte < 0x80);
  return new PackedFields(bytes, { table, json, ascii: ascii ? Buffer.from(bytes.buffer) : null });
}

Deno.test("a copy in other bytes is read as the original is, whatever lies around it and comes of the original", () => {
  const bytes = new Uint8Array(1_000).fill(0x22);
  const target = { bytes, texts: Buffer.from(bytes.buffer), table: new Uint32Array(bytes.buffer) };
  let at = 1;
  const copies: { readonly copy: PackedFields; readonly wanted: unknown; readonly fields: readonly number[][] }[] = [];
  for (const [n, value] of VALUES.entries()) {
    const original = read(["type", "t", "subject", value, "x", value, "data", `{"n":${n}}`]);
    const wanted = decodeEntry({ stream: "s", id: "1-0", fields: original });
    const fields = original.unpack().map((one) => [...one]);
    copies.push({ copy: original.copyTo(target, at), wanted, fields });
    at += original.copyLength;
    original.bytes.fill(0);
    original.table.fill(0);
  }
  for (const { copy, wanted, fields } of copies) {
    assert.deepEqual(decodeEntry({ stream: "s", id: "1-0", fields: copy }), wanted);
    assert.deepEqual(copy.unpack().map((one) => [...one]), fields);
    assert.equal(copy.json, true);
    assert.equal(copy.table.buffer, bytes.buffer);
  }
  // The copies begin and end where they say.
  assert.equal(bytes[0], 0x22);
  assert.ok(bytes.subarray(at).every((byte) => byte === 0x22));
  assert.deepEqual(new PackedFields(bytes, { table: new Uint32Array() }).copyTo(target, at).unpack(), []);
});
