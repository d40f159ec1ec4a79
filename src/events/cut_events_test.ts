import assert from "node:assert/strict";
import fc from "fast-check";
import { type CutEvent, cutEvents } from "./cut_events.ts";
import { EventInvalidError } from "./errors.ts";
import type { EventInit } from "./event.ts";
import { eventOfCut, eventOfJson } from "./http_codec.ts";
import { JsonText } from "./json_text.ts";

const DEPTH = 64;
const encoder = new TextEncoder();

/** As bytes come: what has no UTF-8 does not get that far. */
function cutOf(text: string, batch: boolean): readonly CutEvent[] | null {
  const bytes = encoder.encode(text);
  return cutEvents(bytes, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), batch, DEPTH);
}

/** The event with its data read, or what is wrong with it. */
function outcome(make: () => EventInit): unknown {
  try {
    const { data, ...rest } = make();
    // What stands for one that is absent, and has no prototype or another, is the same.
    return JSON.parse(JSON.stringify({ ...rest, data: data instanceof JsonText ? JSON.parse(data.text) : data }));
  } catch (error) {
    if (error instanceof EventInvalidError) return error.message;
    throw error;
  }
}

/** Cuts, and sees to it that all is as if the text had been parsed. @returns False where it was not cut. */
function sameAsParsed(text: string, batch: boolean): boolean {
  const cut = cutOf(text, batch);
  if (cut === null) return false;
  const value = JSON.parse(text.toWellFormed());
  const found = cut.map((one) => outcome(() => eventOfCut(one)));
  const wanted = (batch ? value : [value]).map((one: unknown) => outcome(() => eventOfJson(one)));
  assert.deepEqual(found, wanted, text);
  return true;
}

const json = fc.json();
const spaced = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value, null, 2));
/** Pieces that are JSON, nearly JSON, or none. */
const piece = fc.constantFrom(
  ...[
    '"',
    "\\",
    "\\u00e9",
    "\\u00g9",
    "\\x",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "01",
    "-",
    "-0",
    "1.",
    ".5",
    "1e",
    "1e+5",
  ],
  ...["tru", "true", "null", "nul", "data", '"data":', "\u0001", "\n", " ", "\u00a0", "\ufeff", "1E400", "é", "\ud800"],
);

/** An attribute, or what is none. */
const member = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)) },
  fc.constantFrom(
    '"1.0"',
    '"text/plain"',
    '"a\\u00e9\\n\\"\\\\"',
    "null",
    "true",
    "7",
    "-7",
    "-0",
    "1e3",
    "[]",
    "{}",
    '"\\ud800"',
  ),
);
const NAMES = [
  "specversion",
  "id",
  "type",
  "source",
  "subject",
  "time",
  "datacontenttype",
  "x",
  "y1",
  "__proto__",
  "é",
];

Deno.test("events are cut as they would be parsed, whatever they are made of", () => {
  const some = fc.array(fc.tuple(fc.constantFrom(...NAMES), member), { maxLength: 12 });
  const each = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), member), {
    maxLength: 5,
    selector: ([name]) => name,
  });
  const members = fc.oneof(some, { weight: 3, arbitrary: each });
  const event = fc.tuple(members, fc.option(fc.oneof(json, spaced)), fc.boolean()).map(([some, data, valid]) => {
    const required = valid ? [["specversion", '"1.0"'], ["id", '"1"'], ["type", '"t"'], ["source", '"s"']] : [];
    const rest = some.filter(([name]) => !required.some(([known]) => known === name));
    const all = [...required, ...rest, ...data === null ? [] : [["data", data]]];
    return `{${all.map(([name, value]) => ` "${name}" : ${value}`).join(",\n")} }`;
  });
  let cut = 0;
  fc.assert(fc.property(event, (one) => void (sameAsParsed(one, false) && cut++)), { numRuns: 1_000 });
  assert.ok(cut > 150, `${cut} of 1,000 were cut`);
  fc.assert(fc.property(fc.array(event), (many) => void sameAsParsed(`\t[${many.join(" ,\r\n")}] `, true)));
});

Deno.test("a member that has the name of what every object has is told like any other", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    for (const members of [`"${name}":"x"`, `"${name}":"x","y":"z"`, `"y":"z","${name}":1`]) {
      const text = `{"specversion":"1.0","id":"1","type":"t","source":"s",${members}}`;
      const [event] = cutOf(text, false) ?? assert.fail(text);
      assert.ok(Object.hasOwn(event!.extensions!, name), text);
      assert.ok(sameAsParsed(text, false), text);
    }
  }
});

Deno.test("what is required is missed in an event that was cut as in one that was parsed", () => {
  const whole = { specversion: "1.0", id: "1", type: "t", source: "s" };
  for (const name of Object.keys(whole)) {
    for (const text of [JSON.stringify({ ...whole, [name]: undefined }), JSON.stringify({ ...whole, [name]: null })]) {
      assert.ok(sameAsParsed(text, false), text);
      assert.throws(() => eventOfCut(cutOf(text, false)![0]!), { attribute: name });
    }
  }
});

Deno.test("what an event shares with the one before is what it says itself", () => {
  const values = ["ab", "a", "abc", "ab", "", "ab", "b", "\\u0061b", "é", "éa", "é"];
  for (const name of ["type", "source", "datacontenttype", "specversion"] as const) {
    for (const text of [values, values.filter((value) => !value.includes("é"))]) {
      const events = text.map((value) => `{"${name}":"${value}"}`);
      const found = cutOf(`[${events.join(",{},")}]`, true) ?? assert.fail(name);
      assert.deepEqual(
        found.filter((_, at) => at % 2 === 0).map((one) => one[name]),
        text.map((v) => JSON.parse(`"${v}"`)),
      );
      const close = cutOf(`[${events.join(",")}]`, true) ?? assert.fail(name);
      assert.deepEqual(close.map((one) => one[name]), text.map((v) => JSON.parse(`"${v}"`)));
    }
  }
});

Deno.test("usual events are cut, whatever their data", () => {
  const text = fc.record({
    id: fc.string({ unit: "grapheme" }),
    data: fc.oneof(json, spaced),
    type: fc.constantFrom("a", "b", "é"),
  })
    .map(({ id, data, type }) =>
      `{"specversion":"1.0","id":${
        JSON.stringify(id)
      },"source":"s","type":"${type}","subject":null,"x":1,"data": ${data} }`
    );
  fc.assert(fc.property(text, (one) => assert.ok(sameAsParsed(one, false))));
  fc.assert(fc.property(fc.array(text), (many) => assert.ok(sameAsParsed(` [${many.join(" ,\r\n")}]\n`, true))));
});

Deno.test("what is no JSON is never cut, and what is cut is the same", () => {
  const broken = fc.tuple(
    fc.constantFrom('{"data":', '{"id":"1","data":', "{", '{"a":', '{"id":'),
    fc.array(piece),
    fc.constantFrom("}", ""),
  );
  fc.assert(
    fc.property(broken, ([before, pieces, after]) => {
      const one = before + pieces.join("") + after;
      // Fails where the parser finds what was cut to be no JSON.
      for (const [text, batch] of [[one, false], [`[${one}]`, true], [`[${one},${one}]`, true]] as const) {
        sameAsParsed(text, batch);
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("the text of data stays as it came, in what is ASCII and in what is not", () => {
  const data = '{ "n": 12345678901234567890, "a":1,"a":2, "__proto__": {"x":-0} , "s":"\\u00e9\\/é\\ud800"}';
  for (const text of [data, data.replace("é", "e")]) {
    assert.equal(cutOf(`{"id":"1","data":${text},"z":1}`, false)?.[0]?.data?.text, text);
    assert.deepEqual(
      cutOf(`[{"data":1},{},{"data":"x" },{"data":${text}}]`, true)?.map((one) => one.data?.text),
      ["1", undefined, '"x"', text],
    );
  }
});

Deno.test("what is not quite usual is left to the parser", () => {
  const odd = [
    ...[
      '{"data":1,"data":2}',
      '{"d\\u0061ta":0}',
      "[]",
      "1",
      "",
      '{"data":1}x',
      '{"data":1,}',
      '{"data":01}',
      "\ufeff{}",
    ],
    ...['{"id":1}', '{"id":"1","id":"1"}', '{"x":"1","x":null}', '{"x":[]}', '{"x":-0}', '{"data_base64":"AA=="}'],
  ];
  for (const text of odd) assert.equal(cutOf(text, false), null, text);
  for (const text of ['{"data":1}', "[1]", "[[]]", "[{}", "[{},]", "[{}]]"]) {
    assert.equal(cutOf(text, true), null, text);
  }
});

Deno.test("what JSON does not allow is found inside data too", () => {
  const strings = ['"', '"a', '"\u0001"', '"\n"', '"\\x"', '"\\', '"\\u12"', '"\\u12g4"', "'a'"];
  const numbers = ["01", "-", "+1", ".5", "1.", "1e", "1e+", "-a", "0x1", "1_0", "NaN", "Infinity"];
  const others = [
    ...["", "tru", "nulL", "undefined", "[1,]", "[,1]", "[1 2]", "["],
    ...['{"a"}', '{"a":}', '{"a":1,}', "{1:2}", "{,}", "{"],
  ];
  for (const data of [...strings, ...numbers, ...others]) {
    for (const value of [data, `[${data}`, `{"a":[1,${data}]}`]) {
      for (const name of ["data", "x", "id"]) assert.equal(cutOf(`{"${name}":${value}}`, false), null, value);
    }
  }
});

Deno.test("depth is bounded, that of the events around included", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.notEqual(cutOf(`{"data":${nested(63)}}`, false), null);
  assert.equal(cutOf(`{"data":${nested(64)}}`, false), null);
  assert.notEqual(cutOf(`[{"data":${nested(62)}}]`, true), null);
  assert.equal(cutOf(`[{"data":${nested(63)}}]`, true), null);
  assert.equal(cutOf(`{"x":${nested(1_000_000)}}`, false), null);
});
