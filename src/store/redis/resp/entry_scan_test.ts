import assert from "node:assert/strict";
import fc from "fast-check";
import { HEAD } from "./entry_scan.ts";
import { type Bytes, bytesOf, entry, join, MOST, read, readOne, scan } from "./entry_scan_fixtures_test.ts";

const encoder = new TextEncoder();
/** As deep as JSON is followed. */
const DEEPEST = 64;

/** What is looked at lies between other things, as it does in a reply of Redis. */
function looksLikeJson(text: Bytes, before = "", after = ""): boolean {
  const [found] = readOne(["a", before, "data", text, after, "1"]);
  return found!.json;
}

/** The same of many, in entries one after the other, each text followed by that. */
function lookLikeJson(texts: readonly string[], after: string): readonly boolean[] {
  const judged: boolean[] = [];
  for (let at = 0; at < texts.length; at += MOST) {
    const wire = texts.slice(at, at + MOST).map((text) =>
      `*2\r\n$3\r\n1-1\r\n*4\r\n$4\r\ndata\r\n$${text.length}\r\n${text}\r\n$1\r\na\r\n$${after.length}\r\n${after}\r\n`
    );
    const bytes = encoder.encode(wire.join(""));
    const found = scan(bytes);
    assert.equal(found?.count, wire.length);
    for (let head = 0; head < found!.table.length; head += HEAD + 8) judged.push(found!.table[head + 3] === 1);
  }
  return judged;
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
const neighbour = fc.constantFrom("", "0", "1e9", ".5", "rue", '"', '":1}', "\\", "}", "]", ",1", " ");

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
const { value: json } = fc.letrec<{ value: string }>((tie) => ({
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
const written = fc.tuple(space, json, space).map((parts) => parts.join(""));

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

/** All texts of so many of these pieces. */
function textsOf(pieces: readonly string[], length: number): string[] {
  let texts = [""];
  for (let n = 0; n < length; n++) texts = texts.flatMap((text) => pieces.map((piece) => text + piece));
  return texts;
}

Deno.test("every text of up to six tokens is judged as JSON.parse judges it", () => {
  const tokens = ["{", "}", "[", "]", ",", ":", '""', "1"];
  let found = 0;
  for (let length = 0; length <= 6; length++) {
    const texts = textsOf(tokens, length);
    for (const [n, is] of lookLikeJson(texts, "1").entries()) {
      const text = texts[n]!;
      if (is) found++;
      // Refusing takes JSON.parse ten times as long: not asked for what begins as nothing of many tokens does.
      if (is || length < 4 || /^[[{]/.test(text)) assert.equal(is, parses(text), text);
    }
  }
  assert.ok(found > 40, String(found));
});

Deno.test("every number of up to six characters is judged as JSON.parse judges it", () => {
  for (let length = 1; length <= 6; length++) {
    const texts = textsOf([..."01-+.e"], length);
    for (const [n, is] of lookLikeJson(texts, "0").entries()) assert.equal(is, parses(texts[n]!), texts[n]);
  }
});

Deno.test("JSON of ASCII as others write it is found to be such", () => {
  const key = fc.string({ maxLength: 10 });
  const ascii = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fc.dictionary(key, fc.jsonValue()))
    .map((given) => JSON.stringify(given)).filter((text) => /^[ -\x7f]*$/.test(text));
  fc.assert(
    fc.property(ascii, neighbour, neighbour, (text, before, after) => {
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
  for (const text of ['"é"', "\u00a01", "\ufeff{}", '"\u2028"']) assert.equal(looksLikeJson(text), false);
  for (let byte = 128; byte < 256; byte++) assert.equal(looksLikeJson(Uint8Array.of(0x22, byte, 0x22)), false);
});

Deno.test("nothing is no JSON, nor is what was cut off", () => {
  const text = '{"a":["b",-1.5e-7,true,false,null,{"c\\u00e9":{}}]}';
  for (let to = 0; to <= text.length; to++) assert.equal(looksLikeJson(text.slice(0, to)), to === text.length);
});

Deno.test("what is nested too deeply is left to others, and costs no more than its depth", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  const objects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
  assert.equal(looksLikeJson(nested(DEEPEST)), true);
  assert.equal(looksLikeJson(nested(DEEPEST + 1)), false);
  assert.equal(looksLikeJson(objects(DEEPEST)), true);
  assert.equal(looksLikeJson(objects(DEEPEST + 1)), false);
  assert.equal(looksLikeJson(`[${nested(DEEPEST - 1)},${nested(DEEPEST - 1)}]`), true);
  assert.equal(looksLikeJson(nested(30_000)), false);
});

Deno.test("a string ends where it ends, whatever its length and wherever its escapes are", () => {
  for (let length = 0; length < 70; length++) {
    assert.equal(looksLikeJson(`"${"x".repeat(length)}"`), true);
    assert.equal(looksLikeJson(`"${"x".repeat(length)}`, "", '"'), false);
    for (let at = 0; at <= length; at++) {
      const text = (middle: string): string => `"${"x".repeat(at)}${middle}${"x".repeat(length - at)}"`;
      assert.equal(looksLikeJson(text("\\n")), true);
      assert.equal(looksLikeJson(text("\\x")), false);
      assert.equal(looksLikeJson(text("\x1f")), false);
      assert.equal(looksLikeJson(text("é")), false);
      assert.equal(looksLikeJson(text('"')), false);
    }
  }
});

Deno.test("the data is the first `data`, or the first `payload` where there is none", () => {
  const json = (...values: Bytes[]): boolean => readOne(values)[0]!.json;
  assert.equal(json("data", "1", "data", "x"), true);
  assert.equal(json("data", "x", "data", "1"), false);
  assert.equal(json("payload", "1"), true);
  assert.equal(json("payload", "1", "payload", "x"), true);
  assert.equal(json("payload", "1", "data", "x"), false);
  assert.equal(json("payload", "x", "data", "1"), true);
  assert.equal(json("data", "1", "payload", "x"), true);
  for (const name of ["dat", "dataa", "Data", "payloa", "payloads", "paylo\0d", "preload", ""]) {
    assert.equal(json(name, "1"), false);
    assert.equal(json(name, "1", "payload", "x"), false);
    assert.equal(json(name, "x", "payload", "1"), true);
  }
  assert.equal(json("x", "data", "1", "1"), false);
  // A name without a value.
  assert.equal(json("a", "1", "data"), false);
});

const value = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom("data", "payload", "{}", "\r\n", "$1\r\na\r\n"),
);
const anEntry = fc.record({
  id: fc.constantFrom("1-1", "1700000000000-12345"),
  values: fc.array(value, { minLength: 1, maxLength: 9 }),
});

Deno.test("as many entries are read as are all there, each as it was written, wherever the bytes end and begin", () => {
  fc.assert(
    fc.property(fc.array(anEntry, { minLength: 1, maxLength: 8 }), fc.nat(9), fc.nat(), (entries, before, cut) => {
      const wire = entries.map(({ id, values }) => entry(id, ...values));
      const bytes = join(["*".repeat(before), ...wire, "*2\r\n"]);
      const to = before + cut % (bytes.length - before + 1);
      const whole: number[] = [];
      let end = before;
      for (const { length } of wire) if ((end += length) <= to) whole.push(end);
      const found = scan(bytes, before, { to });
      if (whole.length === 0) return assert.equal(found, null);
      assert.ok(found !== null);
      assert.equal(found.end, whole.at(-1));
      const wanted = entries.slice(0, whole.length).map((
        { id, values },
      ) => [id, values.map((one) => [...bytesOf(one)])]);
      assert.deepEqual(read(bytes, found).map(({ id, values }) => [id, values]), wanted);
    }),
  );
});

Deno.test("no bytes make it fail, nor find what is not there", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "*2\r\n",
      "$3\r\n",
      "1-1\r\n",
      "*2\r\n$1\r\n1\r\n",
      "$0\r\n\r\n",
      "$9999999\r\n",
      "*0\r\n",
      "*-1\r\n",
    ),
    fc.uint8Array({ maxLength: 6 }),
    anEntry.map(({ id, values }) => entry(id, ...values)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = join(pieces);
      const found = scan(bytes);
      if (found === null) return;
      const again = read(bytes, found).map(({ id, values }) => entry(id, ...values.map((one) => Uint8Array.from(one))));
      assert.deepEqual(join(again), bytes.subarray(0, found.end));
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("what is unusual is left to the parser", () => {
  const good = entry("1-1", "a", "b");
  const odd = [
    "*3\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n$0\r\n\r\n",
    "*2\r\n:11\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*-1\r\n",
    "*2\r\n$3\r\n1-1\r\n*0\r\n",
    "*2\r\n$3\r\n1-1\r\n$-1\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$-1\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$00000001\r\na\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$\r\na\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$\r\n\r\n$1\r\nb\r\n",
    "*2\r\n$\r\n\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\naa\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$1\na\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$1\n\ra\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$:\r\naaaaaaaaaa\r\n$1\r\nb\r\n",
    "*2\r\n$3\r\n1-1\n\r*2\r\n$1\r\na\r\n$1\r\nb\r\n",
  ];
  for (const text of odd) {
    assert.equal(scan(bytesOf(text)), null, text);
    // And what came before it stands.
    const bytes = join([good, text, good]);
    assert.deepEqual(scan(bytes)?.end, good.length, text);
  }
});

Deno.test("no more entries are read than are wanted, and none that is longer", () => {
  const bytes = join([
    entry("1-1", "a", "b"),
    entry("1-2", "a", "b"),
    entry("1-3", "a", "b".repeat(100)),
    entry("1-4", "a", "b"),
  ]);
  assert.equal(scan(bytes, 0, { most: 1 })?.count, 1);
  assert.equal(scan(bytes)?.count, 4);
  const fields = "a".length + "\r\n$100\r\n".length + 100;
  assert.equal(scan(bytes, 0, { longest: fields })?.count, 4);
  assert.equal(scan(bytes, 0, { longest: fields - 1 })?.count, 2);
});

Deno.test("data is not looked at where the fields are longer than is of use", () => {
  const values = ["a", "b", "data", "[1]", "c", "d"];
  const bytes = join([entry("1-1", ...values), entry("1-2", ...values, "e", ""), entry("1-3", ...values)]);
  const fields = values.map((one) => `$${one.length}\r\n${one}\r\n`).join("").length - "$1\r\n\r\n".length;
  const looked = (longestJson: number) => read(bytes, scan(bytes, 0, { longestJson })!).map(({ json }) => json);
  assert.deepEqual(looked(fields), [true, false, true]);
  assert.deepEqual(looked(fields - 1), [false, false, false]);
});

Deno.test("more than there is room for is read in parts", () => {
  const small = entry("1-1", "a", "b");
  const many = join(Array.from({ length: 40_000 }, () => small));
  const values = entry("1-2", ...Array.from({ length: 70_000 }, () => ""));
  assert.equal(scan(values, 0, { longest: 10_000_000 }), null);
  let at = 0;
  let count = 0;
  for (let found = scan(many, at, { most: 1e6 }); found !== null; found = scan(many, at, { most: 1e6 })) {
    count += found.count;
    at = found.end;
  }
  assert.deepEqual([count, at], [40_000, many.length]);
});
