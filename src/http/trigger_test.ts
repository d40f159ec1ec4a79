import assert from "node:assert/strict";
import { ServiceError, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { fixture, type FixtureOptions, notReady } from "./fixtures_test.ts";

const PATH = "/trigger-test-event";
const JSON_TYPE = { "Content-Type": "application/json" };

Deno.test("without a body a default event is published", async () => {
  const { ask, published, inheritances } = fixture();
  const response = await ask(PATH, { method: "POST", headers: { "X-Correlation-ID": "c-1" } });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    success: true,
    message: "Test event published",
    stream: "event-stream",
    eventId: "id-1",
    entryId: "1-0",
  });
  assert.deepEqual(published, [{
    type: "test.manual",
    data: { message: "Test event triggered over HTTP" },
  }]);
  assert.equal(inheritances[0]?.correlationId, "c-1");
});

Deno.test("a JSON object becomes the event's data, and the trace travels with it", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const types = [
    "application/json",
    "application/json; charset=utf-8",
    "application/vnd.acme+json",
    "APPLICATION/JSON",
  ];
  for (const type of types) {
    const { ask, published, inheritances } = fixture();
    const headers = { "Content-Type": type, traceparent, "X-Correlation-ID": "c-2" };
    assert.equal((await ask(PATH, { method: "POST", body: '{"a":[1,{"b":null}]}', headers })).status, 200, type);
    assert.deepEqual(published[0]?.data, { a: [1, { b: null }] });
    assert.equal(inheritances[0]?.correlationId, "c-2");
    assert.equal(inheritances[0]?.traceparent, traceparent);
  }
});

Deno.test("a body without a content type is taken as JSON", async () => {
  const { ask, published } = fixture();
  const response = await ask(PATH, { method: "POST", body: new TextEncoder().encode('{"a":1}') });
  assert.equal(response.status, 200);
  assert.deepEqual(published[0]?.data, { a: 1 });
});

Deno.test("anything but a JSON object is a 400 problem with a code, and publishes nothing", async () => {
  const deep = `{"a":${"[".repeat(64)}${"]".repeat(64)}}`;
  const cases: [string | Uint8Array<ArrayBuffer>, string][] = [
    ["null", "body_not_object"],
    ["[]", "body_not_object"],
    ['"x"', "body_not_object"],
    ["1", "body_not_object"],
    ["{", "body_not_json"],
    [" ", "body_not_json"],
    ["NaN", "body_not_json"],
    ['{"a":1}}', "body_not_json"],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "body_not_utf8"],
    [deep, "body_too_deep"],
    ["[".repeat(1_000_000), "body_too_deep"],
  ];
  for (const [body, code] of cases) {
    const { ask, published, errors } = fixture();
    const response = await ask(PATH, { method: "POST", body, headers: JSON_TYPE });
    assert.equal(response.status, 400, code);
    assert.equal((await response.json()).code, code);
    assert.equal(published.length + errors.length, 0);
  }
});

Deno.test("another content type, or a compressed body, is a 415", async () => {
  for (const headers of [{ "Content-Type": "text/plain" }, { ...JSON_TYPE, "Content-Encoding": "gzip" }]) {
    const { ask, published } = fixture();
    const response = await ask(PATH, { method: "POST", body: "{}", headers });
    assert.equal(response.status, 415);
    assert.equal(published.length, 0);
  }
  assert.equal(
    (await fixture().ask(PATH, { method: "POST", body: "", headers: { "Content-Type": "text/plain" } })).status,
    200,
  );
});

Deno.test("a body above the limit is a 413, and one at the limit is taken", async () => {
  const options: FixtureOptions = { settings: { maxBodyBytes: 10 } };
  const large = await fixture(options).ask(PATH, { method: "POST", body: '{"a":"xyz"}', headers: JSON_TYPE });
  assert.equal(large.status, 413);
  assert.equal(large.headers.get("connection"), "close");
  assert.equal(
    (await fixture(options).ask(PATH, { method: "POST", body: '{"a":"xy"}', headers: JSON_TYPE })).status,
    200,
  );
});

Deno.test("the limit lets a burst through, then answers 429 until time has passed", async () => {
  const { ask, clock, published } = fixture({ settings: { triggerRateLimit: 2 } });
  const statuses = async (n: number): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < n; i++) found.push((await ask(PATH, { method: "POST" })).status);
    return found;
  };
  assert.deepEqual(await statuses(3), [200, 200, 429]);
  const refused = await ask(PATH, { method: "POST" });
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.headers.get("content-type"), "application/problem+json");
  await clock.advance(500);
  assert.deepEqual(await statuses(2), [200, 429]);
  assert.equal(published.length, 3);
});

Deno.test("a limit of 0 is none", async () => {
  const { ask } = fixture({ settings: { triggerRateLimit: 0 } });
  for (let i = 0; i < 50; i++) assert.equal((await ask(PATH, { method: "POST" })).status, 200);
});

Deno.test("a token that is wanted must be right, and a wrong one costs nobody's rate", async () => {
  const { ask } = fixture({ settings: { apiToken: "s3cret-token", triggerRateLimit: 1 } });
  const wrong = ["", "Bearer", "Bearer ", "Bearer x", "Basic s3cret-token", "Bearer s3cret-token, Bearer s3cret-token"];
  for (
    const value of [...wrong, "s3cret-token", "Bearer s3cret-tokem", `Bearer ${"x".repeat(100_000)}`, "Bearer \u00e9"]
  ) {
    const response = await ask(PATH, {
      method: "POST",
      ...(value === "" ? {} : { headers: { Authorization: value } }),
    });
    assert.equal(response.status, 401, value.slice(0, 40));
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    assert.equal((await response.json()).code, "unauthorized");
  }
  const right = await ask(PATH, { method: "POST", headers: { Authorization: "bearer s3cret-token" } });
  assert.equal(right.status, 200);
});

Deno.test("an unusable store is a 503 that says when to come back and no more", async () => {
  const cases: [Error, string][] = [
    [new StoreUnavailableError("connection", "to 10.0.0.1:6379"), "Redis is not usable: connection"],
    [new StoreRefusedError("out_of_memory", "OOM at 10.0.0.1"), "Redis refused the event: out_of_memory"],
    [new ServiceError("shutting_down", "at 10.0.0.1"), "The service is shutting down"],
    [
      new StoreUnavailableError("timeout", "10.0.0.1", { outcomeUnknown: true }),
      "Redis is not usable: timeout; the outcome is unknown, the event may have been published",
    ],
  ];
  for (const [thrown, error] of cases) {
    const { ask, errors } = fixture({ publish: () => Promise.reject(thrown) });
    const response = await ask(PATH, { method: "POST" });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "5");
    assert.deepEqual(await response.json(), { success: false, error, retryAfter: 5 });
    assert.equal(errors.length, 0);
  }
});

Deno.test("once not ready because of Redis, nothing is tried: the publisher might hang", async () => {
  const publish = (): Promise<never> => Promise.reject(new Error("asked although it is known to fail"));
  const { ask } = fixture({ publish, health: { ready: () => notReady("timeout") } });
  const response = await ask(PATH, { method: "POST" });
  assert.equal(response.status, 503);
  assert.equal((await response.json()).error, "Redis is not usable: timeout");
});

Deno.test("while draining, publishing goes on", async () => {
  const { ask, published } = fixture({ health: { ready: () => notReady("shutting_down") } });
  assert.equal((await ask(PATH, { method: "POST" })).status, 200);
  assert.equal(published.length, 1);
});

Deno.test("an event at fault is the client's problem, another failure is ours", async () => {
  const cases: [Error, number, number][] = [
    [new ServiceError("event_invalid", "data is wrong"), 400, 0],
    [new ServiceError("event_too_large", "too much"), 413, 0],
    [new ServiceError("lease_lost", "internal"), 500, 1],
    [new TypeError("bug"), 500, 1],
  ];
  for (const [thrown, status, reported] of cases) {
    const { ask, errors } = fixture({ publish: () => Promise.reject(thrown) });
    assert.equal((await ask(PATH, { method: "POST" })).status, status);
    assert.equal(errors.length, reported);
  }
});

Deno.test("__proto__ stays a key like any other", async () => {
  const { ask, published } = fixture();
  const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  assert.equal((await ask(PATH, { method: "POST", body, headers: JSON_TYPE })).status, 200);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.equal(JSON.stringify(published[0]?.data), body);
});

Deno.test("numbers that a double cannot hold are published as they came", async () => {
  const { ask, published } = fixture();
  const body =
    '{"a":12345678901234567890,"b":1e999,"c":-0,"d":0.12345678901234567890,"e":1,"__proto__":9007199254740993}';
  assert.equal((await ask(PATH, { method: "POST", body, headers: JSON_TYPE })).status, 200);
  assert.equal(JSON.stringify(published[0]?.data), body);
});
