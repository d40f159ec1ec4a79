import assert from "node:assert/strict";
import { describeError } from "./attempt.ts";

Deno.test("what is said of a failure is whole where it is short", () => {
  assert.equal(describeError(new TypeError("boom")), "TypeError: boom");
  assert.equal(describeError({ toString: () => "odd" }), "thrown: odd");
});

Deno.test("a long text of a failure is a copy of its beginning, and does not keep the rest alive", () => {
  const said = describeError(new Error("x".repeat(5_000)));
  assert.equal(said.length, 2_000);
  // A mere slice of the text would end without this, and refer to all of it.
  assert.equal(said.at(-1), "…");
});
