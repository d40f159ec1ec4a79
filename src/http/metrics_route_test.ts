import assert from "node:assert/strict";
import { fixture } from "./fixtures_test.ts";
import { metricsRoute } from "./metrics_route.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

Deno.test("GET /metrics gives the text with its content type and the security headers", async () => {
  const metrics = { expose: () => Promise.resolve({ text: "redis_up 1\n", contentType: TYPE }) };
  const { ask, requests } = fixture({ routes: [metricsRoute(metrics)] });
  const response = await ask("/metrics");
  assert.deepEqual([response.status, await response.text()], [200, "redis_up 1\n"]);
  assert.equal(response.headers.get("content-type"), TYPE);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.equal((await ask("/metrics", { method: "HEAD" })).status, 200);
  assert.equal((await ask("/metrics", { method: "POST" })).status, 405);
  assert.equal(requests[0]?.route, "/metrics");
});

Deno.test("without a library there are no metrics, and nothing else breaks", async () => {
  const { ask, errors } = fixture({ routes: [metricsRoute({ expose: () => Promise.reject(new Error("secret")) })] });
  const response = await ask("/metrics");
  assert.equal(response.status, 503);
  assert.ok(!(await response.text()).includes("secret"));
  assert.equal(errors.length, 0);
});
