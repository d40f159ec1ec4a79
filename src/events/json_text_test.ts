import assert from "node:assert/strict";
import fc from "fast-check";
import { cutData } from "./json_text.ts";

const DEPTH = 64;

/** What the text says when the data is put back: of the same value as the text itself. */
function putBack(text: string, batch: boolean): unknown {
  const cut = cutData(text, batch, DEPTH);
  if (cut === null) return undefined;
  const value = JSON.parse(cut.envelope);
  for (const event of batch ? value : [value]) {
    if (Object.hasOwn(event, "data")) event.data = JSON.parse(cut.data[event.data]!);
  }
  return value;
}

/** What `JSON.parse` says; undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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

Deno.test("events come out as they went in, whatever their data", () => {
  const event = fc.record({ id: fc.string(), data: fc.oneof(json, spaced), x: json }, { requiredKeys: ["id"] });
  const text = event.map(({ id, data, x }) =>
    `{ "id" : ${JSON.stringify(id)}${x === undefined ? "" : `,"x":${x}`}${
      data === undefined ? "" : `,"data":${data} `
    }}`
  );
  fc.assert(fc.property(text, (one) => assert.deepEqual(putBack(one, false), JSON.parse(one))));
  fc.assert(fc.property(fc.array(text), (many) => {
    const batch = `\t[${many.join(" ,\r\n")}] `;
    assert.deepEqual(putBack(batch, true), JSON.parse(batch));
  }));
});

Deno.test("what is no JSON is never cut, and what is cut is the same", () => {
  const broken = fc.tuple(
    fc.constantFrom('{"data":', '{"id":1,"data":', "{", '{"a":'),
    fc.array(piece),
    fc.constantFrom("}", ""),
  );
  fc.assert(
    fc.property(broken, ([before, pieces, after]) => {
      const one = before + pieces.join("") + after;
      for (const [text, batch] of [[one, false], [`[${one}]`, true], [`[${one},${one}]`, true]] as const) {
        const found = putBack(text, batch);
        if (found !== undefined) assert.deepEqual(found, parsed(text), text);
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("the text of data stays as it came", () => {
  const data = '{ "n": 12345678901234567890, "a":1,"a":2, "__proto__": {"x":-0} , "s":"\\u00e9\\/é\\ud800"}';
  assert.deepEqual(cutData(`{"id":"1","data":${data},"z":1}`, false, DEPTH), {
    envelope: '{"id":"1","data":0,"z":1}',
    data: [data],
  });
  assert.deepEqual(cutData(`[{"data":1},{},{"data":"x" }]`, true, DEPTH), {
    envelope: '[{"data":0},{},{"data":1 }]',
    data: ["1", '"x"'],
  });
});

Deno.test("what is not quite usual is left to the parser", () => {
  const odd = ['{"data":1,"data":2}', '{"d\\u0061ta":0}', "[]", "1", "", '{"data":1}x', '{"data":1,}', '{"data":01}'];
  for (const text of odd) assert.equal(cutData(text, false, DEPTH), null, text);
  for (const text of ['{"data":1}', "[1]", "[[]]", "[{}", "[{},]", "[{}]]"]) {
    assert.equal(cutData(text, true, DEPTH), null, text);
  }
});

Deno.test("what JSON does not allow is found inside data too", () => {
  const strings = ['"', '"a', '"\u0001"', '"\n"', '"\\x"', '"\\', '"\\u12"', '"\\u12g4"', "'a'"];
  const numbers = ["01", "-", "+1", ".5", "1.", "1e", "1e+", "-a", "0x1", "1_0", "NaN", "Infinity"];
  const others = [
    "",
    "tru",
    "nulL",
    "undefined",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{1:2}",
    "{,}",
    "{",
  ];
  for (const data of [...strings, ...numbers, ...others]) {
    for (const value of [data, `[${data}`, `{"a":[1,${data}]}`]) {
      assert.equal(cutData(`{"data":${value}}`, false, DEPTH), null, value);
    }
  }
});

Deno.test("depth is bounded, that of the events around included", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.notEqual(cutData(`{"data":${nested(63)}}`, false, DEPTH), null);
  assert.equal(cutData(`{"data":${nested(64)}}`, false, DEPTH), null);
  assert.notEqual(cutData(`[{"data":${nested(62)}}]`, true, DEPTH), null);
  assert.equal(cutData(`[{"data":${nested(63)}}]`, true, DEPTH), null);
  assert.equal(cutData(`{"x":${nested(1_000_000)}}`, false, DEPTH), null);
});
