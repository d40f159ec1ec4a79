import assert from "node:assert/strict";
import { AuditTrail } from "../admin/audit.ts";
import { bury, type CoreFixture, coreFixture } from "../admin/fixtures_test.ts";
import { LiveHub } from "../admin/live.ts";
import { Watch } from "../admin/watch.ts";
import { Happenings } from "../happenings.ts";
import { recordingLogger } from "../telemetry/recording_logger.ts";
import { adminRoutes } from "./admin_routes.ts";
import { Guard } from "./admin_routes_guard.ts";
import { moreAdminRoutes } from "./admin_routes_more.ts";
import { withPreview } from "./admin_routes_preview.ts";
import { type Fixture, fixture } from "./fixtures_test.ts";

const TOKEN = "an-admin-token-of-some-length";

interface Api extends CoreFixture {
  readonly http: Fixture;
  readonly audit: readonly { readonly message: string }[];
  readonly published: unknown[];
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
}

async function api(): Promise<Api> {
  const made = await coreFixture();
  const { clock, core: found } = made;
  const { logger, records } = recordingLogger("INFO", "audit");
  const happenings = new Happenings();
  const live = new LiveHub({ happenings, clock });
  const published: unknown[] = [];
  const core = () => found;
  const watch = new Watch({
    ...{ clock, happenings, live, core, problem: () => null, warnings: () => [] },
    service: { name: "shop", version: "1" },
  });
  const guarding = { token: TOKEN, clock, audit: logger, retryAfterSeconds: () => 5 };
  const guard = new Guard(guarding);
  const publisher = {
    publish: (event: unknown) => {
      published.push(event);
      return Promise.resolve({ id: "e-1", stream: "orders", entryId: "1-1", deduplicated: false });
    },
  };
  const routes = [
    ...adminRoutes({ ...guarding, guard, core, live }),
    ...moreAdminRoutes({ guard, clock, core, watch, trail: new AuditTrail(), publisher }),
  ];
  const http = fixture({
    routes: routes.map((route) => withPreview(route, (text) => text.replaceAll("hunter2", "***"))),
  });
  const ask: Api["ask"] = (path, init = {}) =>
    http.ask(`/admin/api/${path}`, { ...init, headers: { Authorization: `Bearer ${TOKEN}`, ...init.headers } });
  return { ...made, http, audit: records, published, ask };
}

const post = (body: unknown): RequestInit => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

Deno.test("every further endpoint wants the token, answers with it, and is described by its errors", async () => {
  const { http, ask, clock } = await api();
  const paths: [string, string, number][] = [
    ["GET", "now", 200],
    ["GET", "history?minutes=15", 200],
    ["GET", "history?minutes=900", 400],
    ["GET", "consumers", 200],
    ["GET", "search?id=x", 200],
    ["GET", "search", 400],
    ["GET", "search?id=x&id=y", 400],
    ["GET", "dead-letter-groups", 200],
    ["GET", "audit", 200],
    ["POST", "dead-letters/bulk", 400],
    ["POST", "test-event", 200],
  ];
  for (const [method, path, status] of paths) {
    // Wrong tokens are limited.
    await clock.advance(1_000);
    assert.equal((await http.ask(`/admin/api/${path}`, { method })).status, 401, path);
    const response = await ask(path, { method });
    assert.equal(response.status, status, `${path}: ${await response.text()}`);
  }
});

Deno.test("bulk: a filter that is misspelt changes nothing, a dry run leaves no line, a change does", async () => {
  const { ask, audit, core, stores: [store] } = await api();
  await bury(store!, "a");
  await bury(store!, "b");
  const wrong: unknown[] = [
    { action: "delete", typo: "a" },
    { action: "destroy" },
    { action: "delete", dryRun: "yes" },
    { action: "delete", type: 1 },
    { action: "delete", letters: [{ id: "1-1" }] },
    { action: "delete", letters: [{ id: "1-1", stream: "orders" }], type: "a" },
    [],
  ];
  for (const body of wrong) {
    assert.equal((await ask("dead-letters/bulk", post(body))).status, 400, JSON.stringify(body));
  }
  const dry = await (await ask("dead-letters/bulk", post({ action: "delete", type: "a", dryRun: true }))).json();
  assert.deepEqual([dry.matched, dry.deleted, audit.length], [1, 0, 0]);
  await ask("dead-letters/bulk", post({ action: "delete", type: "a", until: dry.until }));
  assert.match(audit[0]!.message, /^dead_letters\.delete \{"type":"a","until":"\d+"\}: \{"matched":1,.*"deleted":1/);
  assert.deepEqual((await core.letters.list({})).items.map(({ type }) => type), ["b"]);
});

Deno.test("a test event is published with what was given, and leaves a line", async () => {
  const { ask, published, audit } = await api();
  const answer = await ask("test-event", { ...post({ data: { a: 1 }, subject: "s" }) });
  assert.deepEqual(await answer.json(), { stream: "orders", eventId: "e-1", entryId: "1-1" });
  const { type, data, subject } = published[0] as Record<string, unknown>;
  assert.deepEqual([type, data, subject], ["test.manual", { a: 1 }, "s"]);
  assert.match(audit[0]!.message, /^test_event\.publish test\.manual/);
  assert.equal((await ask("test-event", post({ subject: 1 }))).status, 400);
});

Deno.test("a preview cuts long values, masks secrets by name and by value, and says so; without it all is as it was", async () => {
  const { ask, stores: [store] } = await api();
  const data = JSON.stringify({ list: [{ apiKey: "k", n: 12345678901234567890n.toString() }], note: "x".repeat(500) });
  await bury(store!, "t", "invalid", [
    "data",
    data,
    "authorization",
    "Bearer x",
    "note",
    "pw hunter2",
    "two",
    "1",
    "two",
    "2",
  ]);
  const one = async (preview: string): Promise<Record<string, unknown>> =>
    (await (await ask(`dead-letters?limit=1${preview}`)).json()).items[0];
  const whole = await one("");
  assert.equal((whole["fields"] as Record<string, unknown>)["data"], data);
  assert.ok(!("cut" in whole));
  const cut = await one("&preview=40");
  const fields = cut["fields"] as Record<string, unknown>;
  assert.equal(String(fields["data"]).length, 40);
  assert.match(String(fields["data"]), /"apiKey":"\*\*\*"/);
  assert.deepEqual([fields["authorization"], fields["note"], fields["two"]], ["***", "pw ***", ["1", "2"]]);
  assert.equal(cut["masked"], true);
  assert.ok((cut["cut"] as Record<string, number>)["data"]! > 500);
  for (const preview of ["0", "x", "99999999"]) {
    assert.equal((await ask(`dead-letters?preview=${preview}`)).status, 400);
  }
  assert.equal((await ask("dead-letters?preview=5&preview=6")).status, 400);
});
