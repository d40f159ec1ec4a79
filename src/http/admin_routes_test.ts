import assert from "node:assert/strict";
import { publish } from "../../testing/conformance/steps.ts";
import { until } from "../../testing/wait.ts";
import { bury, type CoreFixture, coreFixture } from "../admin/fixtures_test.ts";
import { LiveHub } from "../admin/live.ts";
import { Happenings } from "../happenings.ts";
import { type RecordedLine, recordingLogger } from "../telemetry/recording_logger.ts";
import { adminRoutes } from "./admin_routes.ts";
import { type Fixture, fixture } from "./fixtures_test.ts";

const TOKEN = "an-admin-token-of-some-length";
const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };

interface Api extends CoreFixture {
  readonly http: Fixture;
  readonly audit: RecordedLine[];
  readonly happenings: Happenings;
  /** With the token; the path is below `/admin/api/`. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
}

async function api(streams?: readonly string[], options: { readonly maxWatchers?: number } = {}): Promise<Api> {
  const made = await coreFixture(streams);
  const { logger, records } = recordingLogger("INFO", "audit");
  const happenings = new Happenings();
  const live = new LiveHub({ happenings, clock: made.clock, ...options });
  const routes = adminRoutes({
    ...{ token: TOKEN, clock: made.clock, audit: logger, live },
    retryAfterSeconds: () => 5,
    core: () => made.core,
  });
  const http = fixture({ routes });
  const ask: Api["ask"] = (path, init = {}) =>
    http.ask(`/admin/api/${path}`, { ...init, headers: { ...AUTHORIZED, ...init.headers } });
  return { ...made, http, audit: records, happenings, ask };
}

const json = (body: unknown): RequestInit => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

Deno.test("what only takes POST is no id of a dead letter to the other methods", async () => {
  const { ask } = await api();
  for (const method of ["GET", "HEAD", "DELETE", "PUT"]) {
    const response = await ask("dead-letters/replay", { method });
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "POST");
    await response.body?.cancel();
  }
});

Deno.test("every endpoint wants the token, and only as a bearer", async () => {
  const paths: [string, string][] = [
    ["GET", "overview"],
    ["GET", "events"],
    ["GET", "events/1-1"],
    ["GET", "dead-letters"],
    ["GET", "dead-letters/1-1"],
    ["POST", "dead-letters/1-1/replay"],
    ["POST", "dead-letters/replay"],
    ["DELETE", "dead-letters/1-1"],
    ["POST", "consumer/pause"],
    ["POST", "consumer/resume"],
    ["GET", "schedules"],
    ["POST", "schedules/x/run"],
    ["GET", "live"],
    ["GET", "scaling"],
  ];
  for (const [method, path] of paths) {
    const { http, core } = await api();
    for (const headers of [{}, { Authorization: `Basic ${TOKEN}` }, { Authorization: TOKEN }, { Cookie: TOKEN }]) {
      const response = await http.ask(`/admin/api/${path}?token=${TOKEN}`, { method, headers });
      assert.equal(response.status, 401, `${method} ${path}`);
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
    }
    assert.equal((await core.overview()).paused, false, `${method} ${path} changed nothing`);
  }
});

Deno.test("wrong tokens are limited and told in the log without their value; the right one always gets in", async () => {
  const { http, ask, audit, clock } = await api();
  const wrong = (): Promise<Response> =>
    http.ask("/admin/api/overview", { headers: { Authorization: "Bearer guessed-it" } });
  const statuses: number[] = [];
  for (let n = 0; n < 8; n++) statuses.push((await wrong()).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
  assert.equal((await wrong()).headers.get("retry-after"), "1");
  assert.equal((await ask("overview")).status, 200);
  await clock.advance(1_000);
  assert.equal((await wrong()).status, 401, "a second later they are answered one by one again");
  assert.ok(audit.length >= 5 && audit.every(({ message }) => !message.includes("guessed")));
});

Deno.test("answers are JSON that nobody may cache, errors are problem documents", async () => {
  const { ask } = await api();
  const fine = await ask("dead-letters");
  assert.deepEqual(await fine.json(), { items: [], next: null });
  assert.deepEqual([fine.headers.get("content-type"), fine.headers.get("cache-control")], [
    "application/json",
    "no-store",
  ]);
  const cases: [string, RequestInit, number, string][] = [
    ["dead-letters?limit=0", {}, 400, "parameter_invalid"],
    ["dead-letters?limit=1&limit=2", {}, 400, "parameter_invalid"],
    ["dead-letters?cursor=x", {}, 400, "parameter_invalid"],
    ["dead-letters/x", {}, 400, "parameter_invalid"],
    ["dead-letters/1-1", {}, 404, "not_found"],
    ["dead-letters/1-1", { method: "DELETE" }, 404, "not_found"],
    ["dead-letters/1-1/replay", { method: "POST" }, 404, "not_found"],
    ["events/1-1", {}, 404, "not_found"],
    ["events/%ff", {}, 400, "parameter_invalid"],
    ["events?from=soon", {}, 400, "parameter_invalid"],
    ["schedules/none/run", { method: "POST" }, 404, "not_found"],
    ["dead-letters/replay?drurun=true", { method: "POST" }, 400, "parameter_invalid"],
    ["dead-letters/replay", json({ type: ["a"] }), 400, "parameter_invalid"],
    ["dead-letters/replay", json([]), 400, "parameter_invalid"],
    ["dead-letters/replay", { ...json({}), body: "{" }, 400, "body_not_json"],
    [
      "dead-letters/replay",
      { method: "POST", body: "{}", headers: { "Content-Type": "text/plain" } },
      415,
      "media_type_unsupported",
    ],
    ["dead-letters/replay", { ...json({}), body: "[".repeat(100_000) }, 413, "body_too_large"],
    ["consumer/pause", {}, 405, "method_not_allowed"],
    ["nothing", {}, 404, "not_found"],
  ];
  for (const [path, init, status, code] of cases) {
    const response = await ask(path, init);
    assert.equal(response.status, status, path);
    assert.equal(response.headers.get("content-type"), "application/problem+json", path);
    assert.equal((await response.json()).code, code, path);
  }
});

Deno.test("while Redis is away the overview tells, and the rest is 503 with a cause and no host", async () => {
  const { ask, broker } = await api();
  broker.offline(true);
  assert.equal((await (await ask("overview")).json()).redis.error, "connection");
  for (const path of ["scaling", "dead-letters", "events/1-1", "events", "schedules"]) {
    const response = await ask(path);
    if (path === "schedules") assert.equal(response.status, 200, "schedules that are not known need no Redis");
    else {
      assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"], path);
      assert.equal((await response.json()).detail, "Redis is not usable: connection");
    }
  }
});

Deno.test("a change is in the audit log with what was done to what, by whom, and what came of it", async () => {
  const { ask, audit, stores: [store], core } = await api();
  await bury(store!, "a");
  await bury(store!, "b");
  const { items: [second, first] } = await core.letters.list({});
  const requests: [string, RequestInit][] = [
    [`dead-letters/${first!.id}/replay`, { method: "POST" }],
    [`dead-letters/${first!.id}/replay`, { method: "POST" }],
    ["dead-letters/replay", json({ type: "b", dryRun: true })],
    ["dead-letters/replay", json({ filter: { type: "b" } })],
    [`dead-letters/${second!.id}`, { method: "DELETE" }],
    ["consumer/pause", { method: "POST" }],
    ["consumer/resume", { method: "POST" }],
  ];
  for (const [path, init] of requests) await (await ask(path, init)).body?.cancel();
  assert.deepEqual(audit.map(({ message }) => message), [
    `dead_letter.replay ${first!.id}: {"matched":1,"replayed":1}`,
    `dead_letter.replay ${first!.id}: failed: not_found`,
    'dead_letters.replay {"type":"b","dryRun":"true"}: {"matched":1,"replayed":0}',
    'dead_letters.replay {"type":"b"}: {"matched":1,"replayed":1}',
    `dead_letter.delete ${second!.id}: failed: not_found`,
    'consumer.pause group: {"paused":true}',
    'consumer.resume group: {"paused":false}',
  ]);
  assert.equal(audit[0]?.fields["remote"], "unknown", "this router has no socket");
});

Deno.test("a query leaves no line in the audit log", async () => {
  const { ask, audit, stores: [store] } = await api();
  const [id] = await publish(store!, 1);
  for (const path of ["overview", "scaling", `events/${id}`, "events", "dead-letters", "schedules"]) {
    assert.equal((await ask(path)).status, 200, path);
  }
  assert.deepEqual(audit, []);
});

/** Reads until the text has come. */
async function untilText(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(wanted)) {
    const { value, done } = await until(reader.read(), { what: wanted, timeoutMs: 2_000 });
    if (done) return `${text}<end>`;
    text += decoder.decode(value);
  }
  return text;
}

Deno.test("live passes happenings on, counts them each second, and sends a heartbeat", async () => {
  const { ask, happenings, clock } = await api();
  const response = await ask("live");
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reader = response.body!.getReader();
  await untilText(reader, ": connected");
  happenings.emit({ kind: "published", stream: "orders", type: "a\nevent: forged", count: 3, origin: "api" });
  happenings.emit({ kind: "read", stream: "orders", count: 0 });
  const text = await untilText(reader, "forged");
  assert.match(text, /^event: published\ndata: \{"time":".*","stream":"orders","type":"a\\nevent: forged","count":3/);
  await clock.advance(1_000);
  assert.match(await untilText(reader, "tick"), /event: tick\ndata: .*"published":3/);
  await clock.advance(15_000);
  await untilText(reader, ": heartbeat");
  await reader.cancel();
  await clock.advance(60_000);
  assert.equal(clock.pending, 0, "nothing ticks when nobody watches");
});

Deno.test("a client that does not read costs a bounded queue, and is told what it missed", async () => {
  const { ask, happenings, clock } = await api();
  const reader = (await ask("live")).body!.getReader();
  for (let second = 0; second < 20; second++) {
    for (let n = 0; n < 300; n++) happenings.emit({ kind: "promoted", stream: "orders", count: n });
    await clock.advance(1_000);
  }
  const text = await untilText(reader, "event: dropped");
  assert.ok(text.split("event: promoted").length <= 1_001);
  assert.match(text, /"suppressed":100/);
  await reader.cancel();
});

Deno.test("live sends the kinds that were asked for, and what a client asks for twice is refused", async () => {
  const { ask, happenings, clock } = await api();
  const reader = (await ask("live?kinds=now,tick")).body!.getReader();
  await untilText(reader, ": connected");
  happenings.emit({ kind: "promoted", stream: "orders", count: 1 });
  await clock.advance(1_000);
  assert.doesNotMatch(await untilText(reader, "event: tick"), /promoted/);
  await reader.cancel();
  assert.equal((await ask("live?kinds=now&kinds=tick")).status, 400);
});

Deno.test("a client that takes nothing for a minute loses its place to another one, and finds the end", async () => {
  const { ask, clock } = await api(["orders"], { maxWatchers: 2 });
  const stalled = (await ask("live")).body!.getReader();
  const reader = (await ask("live")).body!.getReader();
  for (let beat = 0; beat < 5; beat++) {
    assert.equal((await ask("live")).status, 429, `after ${beat} beats`);
    await clock.advance(15_000);
    await untilText(reader, ": heartbeat");
  }
  const next = await ask("live");
  assert.equal(next.status, 200);
  assert.match(await untilText(stalled, "never"), /^<end>$/);
  await next.body!.cancel();
  await reader.cancel();
  assert.equal(clock.pending, 0);
});

Deno.test("so many may watch, the next is turned away; the end of the service ends every stream", async () => {
  const { ask, happenings, clock } = await api(["orders"], { maxWatchers: 2 });
  const readers = [await ask("live"), await ask("live")].map(({ body }) => body!.getReader());
  const refused = await ask("live");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "5"]);
  assert.equal((await ask("live", { method: "HEAD" })).status, 200);
  await readers[0]!.cancel();
  readers[0] = (await ask("live")).body!.getReader();
  happenings.emit({ kind: "lifecycle", state: "draining" });
  for (const reader of readers) assert.match(await untilText(reader, "never"), /draining.*<end>$/s);
  assert.equal((await ask("live")).status, 429);
  assert.equal(clock.pending, 0);
});
