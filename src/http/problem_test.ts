import assert from "node:assert/strict";
import { jsonResponse } from "./problem.ts";

Deno.test("a long answer says its length in bytes, a short one leaves that to the runtime", async () => {
  const value = { text: "é".repeat(600_000) };
  const long = jsonResponse(value, 201, { "X-A": "b" });
  assert.equal(long.headers.get("content-length"), String(1_200_000 + '{"text":""}'.length));
  assert.deepEqual([long.status, long.headers.get("x-a"), long.headers.get("content-type")], [
    201,
    "b",
    "application/json",
  ]);
  assert.deepEqual(await long.json(), value);
  assert.equal(jsonResponse({}).headers.get("content-length"), null);
});
