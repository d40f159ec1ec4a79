import assert from "node:assert/strict";
import fc from "fast-check";
import { isJson, MAX_JSON_DEPTH } from "./json_bytes.ts";

const encoder = new TextEncoder();

/** What is looked at lies between other things, as it does in a reply of Redis. */
function looksLikeJson(text: string, before = "", after = ""): boolean {
  const bytes = encoder.encode(before + text + after);
  return isJson(bytes, before.length, before.length + text.length);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What would go on with a number, a literal, a string, an escape, an object, an array; and space. */
const neighbour = fc.constantFrom(
  "",
  "0",
  "1e9",
  ".5",
  "e1",
  "rue",
  "alse",
  "ull",
  '"',
  '":1}',
  "\\",
  "}",
  "]",
  ",1",
  " ",
);

const space = fc.constantFrom("", "", "", " ", "\n", "\r\n", "\t", "  ", "\v", "\f");
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom("0", "-0", "-1", "10", "1.50", "1e5", "1E+05", "0.0e-0", "-12.25E7"),
  fc.constantFrom("01", "-", "1.", ".5", "1e", "1e+", "+1", "--1", "0x1", "1_0", "Infinity", "NaN"),
);
const string = fc.oneof(
  fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('""', '"\\u00e9"', '"\\uD800"', '"\\\\\\""', '"\\/\\b\\f\\n\\r\\t"', '"\x7f"'),
  fc.constantFrom('"\\', '"\\x"', '"\\u12"', '"\\u12G4"', '"\t"', '"\x00"', '"\x1f"', "'a'", '"'),
);

/** JSON written by somebody with habits of his own, and now and then not quite right. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    number,
    string,
    fc.constantFrom("true", "false", "null", "tru", "True", "nulll", "undefined"),
    fc.tuple(space, fc.array(fc.tuple(space, tie("value"), space).map((parts) => parts.join("")), { maxLength: 3 }))
      .map(([first, items]) => `[${first}${items.join(",")}]`),
    fc.tuple(
      space,
      fc.array(
        fc.tuple(space, string, space, fc.constant(":"), space, tie("value"), space).map((parts) => parts.join("")),
        { maxLength: 3 },
      ),
    ).map(([first, members]) => `{${first}${members.join(",")}}`),
  ),
}));
const written = fc.tuple(space, value, space).map((parts) => parts.join(""));

/** One byte taken out, put in or replaced, or the rest cut off. */
const change = fc.record({
  kind: fc.constantFrom("delete", "insert", "replace", "cut"),
  at: fc.nat(60),
  char: fc.oneof(
    fc.constantFrom(...'{}[]",:\\/ \t\n0123456789-+.eEtfnulrsa', "\x00", "\x1f", "\x7f"),
    fc.nat(127).map((code) => String.fromCharCode(code)),
  ),
});

function changed(text: string, { kind, at, char }: { kind: string; at: number; char: string }): string {
  const place = at % (text.length + 1);
  const rest = text.slice(kind === "insert" ? place : place + 1);
  if (kind === "cut") return text.slice(0, place);
  return text.slice(0, place) + (kind === "delete" ? "" : char) + rest;
}

Deno.test("what is found to be JSON is parsed, and what is parsed is found, whatever was done to it", () => {
  let yes = 0;
  let no = 0;
  fc.assert(
    fc.property(written, fc.array(change, { maxLength: 2 }), neighbour, neighbour, (given, changes, before, after) => {
      const text = changes.reduce(changed, given);
      const found = looksLikeJson(text, before, after);
      assert.equal(found, parses(text));
      if (found) yes++;
      else no++;
    }),
    { numRuns: 20_000 },
  );
  assert.ok(yes > 2_000 && no > 2_000, `${yes} were JSON, ${no} were not`);
});

Deno.test("every text of up to six tokens is judged as JSON.parse judges it", () => {
  const tokens = ["{", "}", "[", "]", ",", ":", '""', "1"];
  const continued = ["1", '"', "}", "]", " "];
  let found = 0;
  for (let length = 0; length <= 6; length++) {
    for (let n = 0; n < tokens.length ** length; n++) {
      let text = "";
      for (let rest = n, at = 0; at < length; at++, rest = Math.floor(rest / 8)) text += tokens[rest % 8];
      const is = looksLikeJson(text, "", continued[n % continued.length]);
      if (is) found++;
      // Refusing takes JSON.parse ten times as long: not asked for what begins as nothing of many tokens does.
      if (is || length < 4 || /^[[{]/.test(text)) assert.equal(is, parses(text), text);
    }
  }
  assert.ok(found > 40, String(found));
});

Deno.test("every number of up to six characters is judged as JSON.parse judges it", () => {
  const chars = "01-+.e";
  for (let length = 1; length <= 6; length++) {
    for (let n = 0; n < chars.length ** length; n++) {
      let text = "";
      for (let rest = n, at = 0; at < length; at++, rest = Math.floor(rest / chars.length)) text += chars[rest % 6];
      const is = looksLikeJson(text, "1", n % 2 === 0 ? "0" : "e1");
      assert.equal(is, parses(text), text);
    }
  }
});

Deno.test("JSON of ASCII as others write it is found to be such", () => {
  const key = fc.string({ maxLength: 10 });
  const json = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fc.dictionary(key, fc.jsonValue()))
    .map((given) => JSON.stringify(given)).filter((text) => /^[ -\x7f]*$/.test(text));
  fc.assert(
    fc.property(json, neighbour, neighbour, (text, before, after) => {
      assert.ok(looksLikeJson(text, before, after));
      assert.ok(looksLikeJson(JSON.stringify(JSON.parse(text), null, 2), before, after));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("each byte in a string, and after a backslash, is judged as JSON.parse judges it", () => {
  for (let code = 0; code < 128; code++) {
    const char = String.fromCharCode(code);
    const texts = [
      `"${char}"`,
      `"\\${char}"`,
      `"\\u00${char}0"`,
      `"\\u000${char}"`,
      `${char}1`,
      `[1${char}2]`,
      `1${char}`,
    ];
    for (const text of texts) assert.equal(looksLikeJson(text), parses(text), JSON.stringify(text));
  }
});

Deno.test("what is not ASCII is left to others", () => {
  for (const text of ['"é"', "\u00a01", "\ufeff{}", '"\u2028"']) {
    const bytes = encoder.encode(text);
    assert.equal(isJson(bytes, 0, bytes.length), false);
  }
  for (let byte = 128; byte < 256; byte++) assert.equal(isJson(Uint8Array.of(0x22, byte, 0x22), 0, 3), false);
});

Deno.test("nothing is no JSON, and what comes before the end of the bytes is all that counts", () => {
  assert.equal(isJson(new Uint8Array(0), 0, 0), false);
  assert.equal(isJson(encoder.encode("1"), 1, 1), false);
  const bytes = encoder.encode('{"a":"b"}');
  for (let to = 0; to <= bytes.length; to++) assert.equal(isJson(bytes, 0, to), to === bytes.length);
});

Deno.test("what is nested too deeply is left to others, and costs no more than its depth", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(looksLikeJson(nested(MAX_JSON_DEPTH)), true);
  assert.equal(looksLikeJson(nested(MAX_JSON_DEPTH + 1)), false);
  assert.equal(looksLikeJson('{"a":'.repeat(MAX_JSON_DEPTH) + "1" + "}".repeat(MAX_JSON_DEPTH)), true);
  assert.equal(looksLikeJson('{"a":'.repeat(MAX_JSON_DEPTH + 1) + "1" + "}".repeat(MAX_JSON_DEPTH + 1)), false);
  assert.equal(looksLikeJson(nested(1_000_000)), false);
});
