import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_JSON_DEPTH, parseJson } from "./json.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is written again from what was parsed. */
function again(text: string): string {
  const json = parseJson(encode(text));
  assert.ok(json.ok, text);
  return JSON.stringify(json.value);
}

/** As they are written: none is what a double would make of it. */
const NUMBERS = ["12345678901234567890", "0.12345678901234567890", "-0", "-0.0", "1e999", "1E5", "1.50e-7", "1.0e0"];
/** Strings that look like such numbers, or end in a way that is easily missed. */
const STRINGS = [
  "e-0",
  "0b6f3a52-0c1d-4e9a-9f00-000000000012",
  "1e5",
  '"',
  "\\",
  '\\"',
  "-0\\",
  "ä-0",
  "\ud83d\ude00",
  "}",
];

Deno.test("a number that a double cannot hold keeps its text, whatever strings are around it", () => {
  const word = fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...STRINGS).map((text) => JSON.stringify(text)));
  fc.assert(fc.property(fc.array(word), fc.constantFrom(...STRINGS), (words, name) => {
    const text = `[${words.join(",")},{${JSON.stringify(name)}:[${words.join(",")}]}]`.replace("[,", "[");
    assert.equal(again(text), text);
  }));
});

Deno.test("strings that look like such numbers are parsed without the source of each value", () => {
  const parse = JSON.parse;
  const revivers: unknown[] = [];
  JSON.parse = (text: string, reviver?: (key: string, value: unknown) => unknown) => {
    revivers.push(reviver);
    return parse(text, reviver);
  };
  try {
    again(JSON.stringify(STRINGS));
    again("[-0]");
  } finally {
    JSON.parse = parse;
  }
  assert.deepEqual(revivers.map((reviver) => reviver !== undefined), [false, true]);
});

Deno.test("depth counts brackets outside of strings only", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(parseJson(encode(nested(MAX_JSON_DEPTH))).ok);
  const deeper = parseJson(encode(nested(MAX_JSON_DEPTH + 1)));
  assert.equal(!deeper.ok && deeper.problem.code, "body_too_deep");
  assert.ok(parseJson(encode(JSON.stringify(["[".repeat(100), '\\"['.repeat(100)]))).ok);
});

Deno.test("what is no UTF-8 or no JSON is refused, and what comes next is not", () => {
  for (const [bytes, code] of [[[0x22, 0xff, 0x22], "body_not_utf8"], [[0xc3], "body_not_utf8"]] as const) {
    const json = parseJson(new Uint8Array(bytes));
    assert.equal(!json.ok && json.problem.code, code);
  }
  for (const text of ["", "{", '"', '"\\', "1e", "-", "[1,]"]) {
    const json = parseJson(encode(text));
    assert.equal(!json.ok && json.problem.code, "body_not_json", text);
  }
  assert.equal(again("\ufeff[1]"), "[1]");
});
