import assert from "node:assert/strict";
import { closeWhileDraining } from "./draining.ts";

Deno.test("answers close their connection while the process drains, and only then", async () => {
  let draining = false;
  const handler = closeWhileDraining(() => Promise.resolve(new Response("x")), () => draining);
  const connection = async () => (await handler(new Request("http://x/"))).headers.get("connection");
  assert.equal(await connection(), null);
  draining = true;
  assert.equal(await connection(), "close");
});
