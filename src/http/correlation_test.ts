import assert from "node:assert/strict";
import { correlationOf } from "./correlation.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const of = (headers: Record<string, string>): unknown => correlationOf(new Headers(headers), () => "made");

Deno.test("a harmless id is kept", () => {
  for (const id of ["a", "A_b.c:d-9", "x".repeat(128)]) {
    assert.deepEqual(of({ "X-Correlation-ID": id }), { correlationId: id });
  }
});

Deno.test("a hostile id is replaced", () => {
  for (const id of ["", "x".repeat(129), "a b", "<script>", "a,b", "\u001b[31m", "\u00e9", "a%0d%0a"]) {
    assert.deepEqual(of({ "X-Correlation-ID": id }), { correlationId: "made" }, JSON.stringify(id));
  }
});

Deno.test("a valid traceparent is kept and stands in for a missing or hostile id", () => {
  const trace = { traceparent: TRACEPARENT, traceId: TRACE_ID };
  assert.deepEqual(of({ traceparent: TRACEPARENT }), { correlationId: TRACE_ID, ...trace });
  assert.deepEqual(of({ traceparent: TRACEPARENT, "X-Correlation-ID": "a b" }), { correlationId: TRACE_ID, ...trace });
  assert.deepEqual(of({ traceparent: TRACEPARENT, "X-Correlation-ID": "a" }), { correlationId: "a", ...trace });
});

Deno.test("a malformed traceparent is as good as none", () => {
  const bad = [
    "",
    "x",
    TRACEPARENT.toUpperCase(),
    TRACEPARENT.replace("00-", "ff-"),
    `${TRACEPARENT}-x`,
    `${TRACEPARENT}, ${TRACEPARENT}`,
    TRACEPARENT.replace(TRACE_ID, "0".repeat(32)),
    TRACEPARENT.replace("00f067aa0ba902b7", "0".repeat(16)),
  ];
  for (const traceparent of bad) assert.deepEqual(of({ traceparent }), { correlationId: "made" }, traceparent);
});
