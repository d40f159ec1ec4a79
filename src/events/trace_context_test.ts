import assert from "node:assert/strict";
import { newTraceparent, traceIdOf } from "./trace_context.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";

Deno.test("the trace id of a traceparent is read, and nothing is read from a malformed one", () => {
  assert.equal(traceIdOf(`00-${ID}-00f067aa0ba902b7-01`), ID);
  for (const bad of [null, undefined, "", ID, `ff-${ID}-00f067aa0ba902b7-01`, `00-${ID}-0000000000000000-01`]) {
    assert.equal(traceIdOf(bad), null, String(bad));
  }
});

Deno.test("new traces are valid and differ", () => {
  const made = Array.from({ length: 100 }, () => newTraceparent());
  assert.equal(new Set(made.map((traceparent) => traceIdOf(traceparent))).size, 100);
  assert.ok(made.every((traceparent) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(traceparent)));
});
