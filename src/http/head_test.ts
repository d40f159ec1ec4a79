import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { fixture } from "./fixtures_test.ts";
import type { Route } from "./routes.ts";
import { startHttpServer } from "./server.ts";

const EMPTY: Route = { method: "GET", pattern: "/empty", handle: () => new Response(null, { status: 204 }) };

Deno.test("HEAD tells the length that GET has, on the wire too", async () => {
  const { handler } = fixture({ routes: [EMPTY] });
  const server = startHttpServer({ handler, hostname: "127.0.0.1", port: 0, clock: systemClock });
  try {
    for (const path of ["/health", "/health/live", "/health/ready", "/nope", "/empty"]) {
      // The correlation id is part of a problem: the same one makes the same length.
      const headers = { "X-Correlation-ID": "c-1" };
      const get = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
      const length = (await get.arrayBuffer()).byteLength;
      const head = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: "HEAD", headers });
      assert.equal(head.status, get.status, path);
      assert.equal(Number(head.headers.get("content-length") ?? 0), length, path);
      assert.equal(head.headers.get("content-type"), get.headers.get("content-type"), path);
      assert.equal(await head.text(), "");
    }
  } finally {
    await server.close(1_000);
  }
});

Deno.test("HEAD where only POST is answers 405 with the length of the problem", async () => {
  const { ask } = fixture();
  const response = await ask("/trigger-test-event", { method: "HEAD" });
  assert.equal(response.status, 405);
  assert.ok(Number(response.headers.get("content-length")) > 50);
  assert.equal(await response.text(), "");
});
