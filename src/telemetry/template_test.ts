import assert from "node:assert/strict";
import type { PlainFields } from "./plain.ts";
import { Templates } from "./template.ts";

const fields: PlainFields = { id: "A1", n: 3, order: { id: "B2", "a.b": 1 }, list: ["x", "y"], "dotted.name": true };

for (
  const [template, expected] of [
    ["plain", "plain"],
    ["{id} and {n}", "A1 and 3"],
    ["{ id }", "A1"],
    ["{order.id} {list.1}", "B2 y"],
    ["{dotted.name}", "true"],
    ["{order}", '{"id":"B2","a.b":1}'],
    ["{{id}} }} {{", "{id} } {"],
    ["{unknown} {order.toString} {constructor}", "{unknown} {order.toString} {constructor}"],
    ["{", "{"],
    ["{id", "{id"],
    ["a}b{}c", "a}b{}c"],
  ] as const
) {
  Deno.test(`the template ${template} renders as ${expected}`, () => {
    const templates = new Templates();
    assert.equal(templates.render(template, fields), expected);
    assert.equal(templates.render(template, fields), expected, "the same from the cache");
  });
}

Deno.test("a value that looks like a placeholder is not rendered again", () => {
  assert.equal(new Templates().render("{a}", { a: "{b}", b: "no" }), "{b}");
});

Deno.test("a template of a megabyte of braces renders at once", () => {
  const hostile = "{".repeat(1_000_000);
  assert.equal(new Templates().render(hostile, {}).length, 500_000);
});
