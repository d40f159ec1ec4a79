import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { distinctText, isJsonType, lossyText, strictText } from "./text.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("UTF-8 is read exactly, by a plain array and by a Buffer", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
    assert.equal(strictText(bytes(text)), text);
    assert.equal(strictText(Buffer.from(text)), text);
    assert.equal(lossyText(bytes(text)), text);
  }));
});

Deno.test("a part of a larger buffer is read as that part", () => {
  const all = bytes("before|inside|after");
  assert.equal(strictText(all.subarray(7, 13)), "inside");
});

Deno.test("a byte order mark and U+FFFD itself are kept", () => {
  assert.equal(strictText(bytes("\ufeffx")), "\ufeffx");
  assert.equal(strictText(bytes("a\ufffdb")), "a\ufffdb");
});

Deno.test("what is UTF-8 and what is not agrees with the platform's decoder", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (value) => {
      let expected: string | null = null;
      try {
        expected = strict.decode(value);
      } catch { /* not UTF-8 */ }
      assert.equal(strictText(value), expected);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("different bytes stay different text where they are not UTF-8", () => {
  assert.equal(distinctText(Uint8Array.of(0x61, 0xff, 0x25)), "a%FF%25");
  assert.notEqual(distinctText(Uint8Array.of(0xff)), distinctText(Uint8Array.of(0xfe)));
  assert.equal(lossyText(Uint8Array.of(0xff)), lossyText(Uint8Array.of(0xfe)));
  assert.equal(distinctText(bytes("50%")), "50%");
});

Deno.test("JSON content types are told from others", () => {
  for (
    const type of [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      " application/json ;x=y",
      "text/json",
      "application/cloudevents+json",
      "application/vnd.api+JSON; v=1",
    ]
  ) assert.ok(isJsonType(type), type);
  for (const type of ["", "text/plain", "application/jsonp", "application/json+xml", "json", "text/plain;+json"]) {
    assert.ok(!isJsonType(type), type);
  }
});

Deno.test("long bytes that are not UTF-8 are told apart too, by every byte of theirs", () => {
  const every = Uint8Array.from({ length: 256 * 40 }, (_, at) => at);
  const text = distinctText(every);
  assert.equal(decodeURIComponent(text.replaceAll(/%([89A-F].)/g, "x")).length, every.length);
  assert.ok(text.startsWith("%00%01") && text.includes("%1F%20!") && text.endsWith("%FE%FF"));
  const other = every.slice();
  other[5_000]! ^= 1;
  assert.notEqual(distinctText(other), text);
  assert.equal(strictText(every), null);
  assert.equal(strictText(bytes("\ufffd".repeat(5_000))), "\ufffd".repeat(5_000));
});
