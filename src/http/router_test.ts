import assert from "node:assert/strict";
import { fixture, healthReport, notReady, READY } from "./fixtures_test.ts";

Deno.test("each probe answers with the contract's status, type and body", async () => {
  const report = healthReport("healthy");
  const cases: [string, number, string, string][] = [
    ["/health/live", 200, "text/plain; charset=utf-8", "OK"],
    ["/health/ready", 200, "application/json", JSON.stringify(READY)],
    ["/health", 200, "application/json", JSON.stringify(report)],
    ["/health-check", 200, "text/plain; charset=utf-8", "ok"],
  ];
  const { ask } = fixture();
  for (const [path, status, type, body] of cases) {
    const response = await ask(path);
    assert.equal(response.status, status, path);
    assert.equal(response.headers.get("content-type"), type, path);
    assert.equal(await response.text(), body, path);
  }
});

Deno.test("probes tell of trouble with 503, and degraded is still 200", async () => {
  const { ask } = fixture({
    health: { live: () => false, ready: () => notReady("readonly"), report: () => healthReport("unhealthy") },
  });
  const live = await ask("/health/live");
  assert.equal(live.status, 503);
  assert.equal(await live.text(), "STALLED");
  const ready = await ask("/health/ready");
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), notReady("readonly"));
  assert.equal((await ask("/health")).status, 503);
  assert.equal((await ask("/health-check")).status, 200);
  assert.equal((await fixture({ health: { report: () => healthReport("degraded") } }).ask("/health")).status, 200);
});

Deno.test("HEAD answers as GET without a body", async () => {
  const { ask } = fixture({ health: { ready: () => notReady("timeout") } });
  for (const path of ["/health/live", "/health/ready", "/health", "/health-check"]) {
    const [head, get] = [await ask(path, { method: "HEAD" }), await ask(path)];
    assert.equal(head.status, get.status, path);
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"), path);
    assert.equal(await head.text(), "", path);
    await get.body?.cancel();
  }
});

Deno.test("an unknown path is a 404 problem that repeats nothing of the path", async () => {
  const { ask, requests } = fixture();
  const paths = ["/", "/nope", "/health/", "//health", "/health//live", "/Health", "/%68ealth", "/health%2flive", "/*"];
  for (const path of [...paths, "/<script>alert(1)</script>", "/health/live/x", "/health\u00e9", "/health;x=1"]) {
    const response = await ask(path);
    assert.equal(response.status, 404, path);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = await response.json();
    assert.deepEqual(Object.keys(problem), ["type", "title", "status", "code", "correlationId"]);
    assert.equal(problem.status, 404);
    assert.equal(problem.correlationId, response.headers.get("x-correlation-id"));
  }
  assert.ok(requests.every((request) => request.route === "other"));
});

Deno.test("a wrong method is a 405 problem with what is allowed", async () => {
  const { ask } = fixture();
  for (const path of ["/health/live", "/health/ready", "/health", "/health-check"]) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
      const response = await ask(path, { method });
      assert.equal(response.status, 405, `${method} ${path}`);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
      assert.equal((await response.json()).status, 405);
    }
  }
  for (const method of ["GET", "HEAD", "PUT", "OPTIONS"]) {
    const response = await ask("/trigger-test-event", { method });
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "POST");
    await response.body?.cancel();
  }
});

Deno.test("OPTIONS * is a 405 that names the methods there are", async () => {
  const response = await fixture().ask("/*", { method: "OPTIONS" });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "GET, HEAD, POST");
});

Deno.test("every answer has the security headers and is not stored", async () => {
  const { ask } = fixture({ settings: { apiToken: "t" }, health: { report: () => JSON.parse("!") } });
  const asked: [string, RequestInit][] = [
    ["/health/live", {}],
    ["/nope", {}],
    ["/health", {}],
    ["/health/live", { method: "PUT" }],
    ["/health/ready", { method: "HEAD" }],
    ["/trigger-test-event", { method: "POST" }],
    ["/%zz", {}],
  ];
  const statuses: number[] = [];
  for (const [path, init] of asked) {
    const { headers, status } = await ask(path, init);
    statuses.push(status);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("server"), null);
    assert.equal(headers.get("x-powered-by"), null);
  }
  assert.deepEqual(statuses, [200, 404, 500, 405, 200, 401, 400]);
});

Deno.test("a route may widen the content security policy", async () => {
  const csp = "default-src 'self'";
  const { ask } = fixture({
    routes: [{
      method: "GET",
      pattern: "/admin/",
      handle: () => new Response("", { headers: { "Content-Security-Policy": csp } }),
    }],
  });
  assert.equal((await ask("/admin/")).headers.get("content-security-policy"), csp);
});

Deno.test("a fault of ours is a generic 500, reported once, whatever was thrown", async () => {
  for (const thrown of [new Error("secret at /srv/x.ts:1"), "text", undefined]) {
    const { ask, errors, requests } = fixture({
      routes: [{
        method: "GET",
        pattern: "/fault",
        handle: () => {
          throw thrown;
        },
      }],
    });
    const response = await ask("/fault", { headers: { "X-Correlation-ID": "c-1" } });
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.deepEqual(JSON.parse(text), {
      type: "about:blank",
      title: "Internal error",
      status: 500,
      code: "internal_error",
      correlationId: "c-1",
    });
    assert.deepEqual(errors, [thrown]);
    assert.equal(requests[0]?.status, 500);
    assert.equal(requests[0]?.route, "/fault");
  }
});

Deno.test("requests are told by pattern and known method, with their duration", async () => {
  const slow = fixture({
    routes: [{
      method: "GET",
      pattern: "/items/:id",
      handle: async (_request, { params }) => {
        await slow.clock.advance(25);
        return new Response(params["id"] ?? "");
      },
    }],
  });
  const response = await slow.ask("/items/a%20b?x=1", { headers: { "X-Correlation-ID": "c-2" } });
  assert.equal(await response.text(), "a b");
  await slow.ask("/health", { method: "BREW" });
  const [item, health] = slow.requests;
  assert.match(item?.traceId ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(slow.requests, [
    { method: "GET", route: "/items/:id", status: 200, durationMs: 25, correlationId: "c-2", traceId: item?.traceId },
    {
      method: "OTHER",
      route: "/health",
      status: 405,
      durationMs: 0,
      correlationId: health?.correlationId,
      traceId: health?.traceId,
    },
  ]);
});

Deno.test("the correlation id comes back, hostile ones are replaced, and it reaches the context of the logs", async () => {
  const contexts: unknown[] = [];
  const { ask } = fixture({
    runInContext: (ids, fn) => {
      contexts.push(ids.correlationId);
      return fn();
    },
  });
  const given = await ask("/health/live", { headers: { "X-Correlation-ID": "abc:1.2_3-4" } });
  assert.equal(given.headers.get("x-correlation-id"), "abc:1.2_3-4");
  const hostile = await ask("/nope", { headers: { "X-Correlation-ID": "<script>" } });
  assert.match(hostile.headers.get("x-correlation-id") ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(contexts, ["abc:1.2_3-4", hostile.headers.get("x-correlation-id")]);
});

Deno.test("a valid traceparent is echoed and gives the correlation id; else the request is given one", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const { headers } = await fixture().ask("/health/live", { headers: { traceparent } });
  assert.equal(headers.get("traceparent"), traceparent);
  assert.equal(headers.get("x-correlation-id"), traceId);
  const bad = await fixture().ask("/health/live", {
    headers: { traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01` },
  });
  assert.match(bad.headers.get("traceparent") ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.doesNotMatch(bad.headers.get("traceparent") ?? "", /^00-0{32}/);
});
