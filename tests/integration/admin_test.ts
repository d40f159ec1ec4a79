/** The admin API and the command line against the real process and a real Redis. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { getJson, status } from "../../testing/service_process.ts";
import { until, waitFor } from "../../testing/wait.ts";
import { ask, cli, GROUP, settings, startAdminService, STREAM, TOKEN } from "./admin_support.ts";

/** Adds an event as another program would. @returns Its entry id. */
async function add(
  redis: TestRedis,
  type: string,
  data: unknown = {},
  id: string = crypto.randomUUID(),
): Promise<string> {
  return String(await redis.command(["XADD", STREAM, "*", "id", id, "type", type, "data", JSON.stringify(data)]));
}

async function stateOf(url: string, entryId: string): Promise<Record<string, unknown>> {
  return (await ask(url, `events/${entryId}`)).body;
}

async function untilState(url: string, entryId: string, state: string): Promise<Record<string, unknown>> {
  return await waitFor(async () => {
    const place = await stateOf(url, entryId);
    return place["state"] === state ? place : null;
  }, { what: `${entryId} to be ${state}` });
}

Deno.test("where tells each of the six states, over HTTP and in the terminal, and the overview counts them", async () => {
  await using redis = await startRedis();
  const env = settings(redis.url);
  const { service, url } = await startAdminService(env);
  await using _service = service;
  const trimmed = await add(redis, "test.script");
  const done = await add(redis, "test.script");
  const dead = await add(redis, "test.script", { hopeless: true });
  const parked = await add(redis, "test.script", { failUntil: 99 });
  const held = await add(redis, "test.script", { sleepMs: 20_000 });
  for (const id of [trimmed, done]) await untilState(url, id, "done");
  await redis.command(["XDEL", STREAM, trimmed]);
  await untilState(url, held, "held");
  const letter = await untilState(url, dead, "dead");
  const retry = await untilState(url, parked, "parked");
  assert.equal((await ask(url, "consumer/pause", "POST")).status, 200);
  await service.record((line) => String(line["message"]).includes("is paused"), "the pause");
  const waiting = await add(redis, "test.script");

  const wanted = { trimmed, done, dead, parked, held, waiting };
  for (const [state, id] of Object.entries(wanted)) {
    const overHttp = await stateOf(url, id);
    assert.equal(overHttp["state"], state);
    const inTerminal = await cli(env, "where", id, "--json");
    assert.deepEqual([inTerminal.code, inTerminal.json()["state"]], [0, state]);
  }
  const running = await stateOf(url, held);
  assert.match(String(running["owner"]), /-[0-9a-f]{8}$/);
  assert.ok(Date.parse(String(running["since"])) <= Date.now() && Number(running["leaseLeftMs"]) > 0);
  assert.ok(Date.parse(String(retry["until"])) > Date.now());
  assert.deepEqual([retry["attempts"], letter["reason"]], [1, "non_retryable"]);
  assert.match(JSON.stringify(retry["errors"]), /attempt 1 fails/);
  assert.match(JSON.stringify(letter["errors"]), /hopeless/);

  const { body: overview } = await ask(url, "overview");
  const { oldestAgeSeconds: _, ...totals } = overview["totals"] as Record<string, unknown>;
  assert.deepEqual(totals, { length: 5, lag: 1, pending: 1, parked: 1, due: 0, deadLetters: 1, delayed: 0 });
  const stats = (await cli(env, "stats", "--json")).json();
  const { oldestAgeSeconds: __, ...same } = stats["totals"] as Record<string, unknown>;
  assert.deepEqual([same, stats["paused"]], [totals, true]);
  assert.equal((await ask(url, "scaling")).body["backlog"], 2);
  assert.equal(Number(await redis.command(["XLEN", `{${STREAM}}:${GROUP}:dlq`])), 1);
});

Deno.test("a pause stops both replicas within a second; what runs ends, schedules go on, ready stays 200", async () => {
  await using redis = await startRedis();
  const env = settings(redis.url, { TEST_EVENT_INTERVAL: "500" });
  const [one, two] = [await startAdminService(env), await startAdminService(env)];
  await using _one = one.service;
  await using _two = two.service;
  const produced = new AbortController();
  const producing = (async (): Promise<number> => {
    let count = 0;
    for (; !produced.signal.aborted; count++) {
      await add(redis, "test.script");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return count;
  })();
  const starts = (service: typeof one.service): readonly number[] =>
    service.records.filter((line) => String(line["message"]).startsWith("start "))
      .map((line) => Date.parse(String(line["time"])));
  await waitFor(() => starts(one.service).length > 20 && starts(two.service).length > 20, { what: "both to work" });
  await add(redis, "test.slow", {}, "slow-one");
  const both = [one.service, two.service];
  const began = (text: string): boolean => both.some(({ records }) => records.some((line) => line["message"] === text));
  await waitFor(() => began("slow begins slow-one"), { what: "the slow one to begin" });
  const askedAt = Date.now();
  assert.deepEqual((await ask(one.url, "consumer/pause", "POST")).body, { paused: true });
  await waitFor(() => began("slow ends slow-one"), { what: "the slow one to end" });
  const scheduled = async (): Promise<number> => {
    const all = JSON.stringify(await redis.command(["XRANGE", STREAM, "-", "+"]));
    return all.split('"test.scheduled"').length;
  };
  const before = await scheduled();
  await waitFor(async () => await scheduled() > before + 3, { what: "schedules to go on" });
  for (const { service, url } of [one, two]) {
    const late = starts(service).filter((at) => at > askedAt + 1_000);
    assert.deepEqual(late, [], `started ${late.map((at) => at - askedAt)} ms after the pause`);
    assert.ok(await status(`${url}/health/ready`, 200));
  }
  // Longer than readiness believes in an old read: with 2 s of block time and 3 s for the answer.
  await waitFor(() => Date.now() > askedAt + 6_000, { what: "the old evidence to be too old", timeoutMs: 10_000 });
  for (const { url } of [one, two]) assert.ok(await status(`${url}/health/ready`, 200));
  produced.abort();
  const count = await producing;
  assert.equal((await cli(env, "resume")).code, 0);
  await waitFor(() => both.reduce((sum, service) => sum + starts(service).length, 0) === count, {
    what: "every event to be handled once",
    timeoutMs: 20_000,
  });
});

Deno.test("a replica that starts while the group is paused handles nothing until it is resumed", async () => {
  await using redis = await startRedis();
  const env = settings(redis.url);
  assert.equal((await cli(env, "pause")).code, 0);
  const entryId = await add(redis, "test.script");
  const { service, url } = await startAdminService(env);
  await using _service = service;
  await service.record((line) => String(line["message"]).includes("is paused"), "the pause");
  assert.equal((await stateOf(url, entryId))["state"], "waiting");
  assert.equal((await ask(url, "consumer/resume", "POST")).status, 200);
  await untilState(url, entryId, "done");
});

Deno.test("a replayed letter is handled once, and its effect appears once", async () => {
  await using redis = await startRedis();
  const env = settings(redis.url);
  const { service, url } = await startAdminService(env);
  await using _service = service;
  const ids = [await add(redis, "test.mended", {}, "m1"), await add(redis, "test.mended", {}, "m2")];
  for (const id of ids) await untilState(url, id, "dead");
  const { body: page } = await ask(url, "dead-letters");
  const [second, first] = page["items"] as Record<string, unknown>[];
  assert.deepEqual([first?.["entryId"], second?.["entryId"]], ids);
  const names = ["id", "entryId", "type", "reason", "error", "deliveries", "time", "fields"];
  for (const name of names) assert.ok(name in first!, name);
  assert.deepEqual((await ask(url, "dead-letters/replay", "POST", { dryRun: true })).body, { matched: 2, replayed: 0 });
  assert.equal((await ask(url, `dead-letters/${first?.["id"]}/replay`, "POST")).status, 200);
  await untilState(url, ids[0]!, "done");
  assert.deepEqual((await cli(env, "dead-letters", "replay", "--all", "--json")).json(), { matched: 1, replayed: 1 });
  await untilState(url, ids[1]!, "done");
  const effects = JSON.stringify(await redis.command(["XRANGE", STREAM, "-", "+"])).split('"test.effect"').length - 1;
  assert.equal(effects, 2);
  assert.equal((await ask(url, `dead-letters/${first?.["id"]}`)).status, 404);
});

Deno.test("without a token the admin API is off outside development; in development one is made and the log has the link", async () => {
  await using redis = await startRedis();
  const bare = { REDIS_URL: redis.url };
  const production = await startAdminService({ ...bare, ENVIRONMENT: "production", HOST: "127.0.0.1" });
  await using _production = production.service;
  assert.equal((await getJson(`${production.url}/admin/api/overview`)).status, 404);
  for (const path of ["/admin", "/admin/", "/admin/assets/app.js"]) {
    assert.ok(await status(production.url + path, 404), path);
  }
  const development = await startAdminService(bare);
  await using _development = development.service;
  const line = await development.service.record((one) => typeof one["link"] === "string", "the link");
  const [page = "", token = ""] = String(line["link"]).split("#");
  assert.match(page, /\/admin\/$/);
  assert.ok(await status(page, 200), "the link leads to the dashboard");
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await getJson(`${development.url}/admin/api/overview`, { headers })).status, 200);
  assert.equal((await getJson(`${development.url}/admin/api/overview`)).status, 401);
});

Deno.test("somebody who watches live sees an event come and be settled, and does not hold up the end", async () => {
  await using redis = await startRedis();
  const { service, url } = await startAdminService(settings(redis.url));
  await using _service = service;
  const response = await fetch(`${url}/admin/api/live`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) {
      const { value, done } = await until(reader.read(), { what: wanted });
      if (done) throw new Error(`the stream ended without ${wanted}: ${text}`);
      text += value;
    }
  };
  await readUntil(": connected");
  await fetch(`${url}/trigger-test-event`, { method: "POST" }).then((answer) => answer.body?.cancel());
  await readUntil("event: published");
  await readUntil("event: settled");
  service.signal("SIGTERM");
  const stoppedAt = performance.now();
  for (;;) if ((await until(reader.read(), { what: "the end of the stream" })).done) break;
  assert.equal(await service.exited(), 0);
  assert.ok(performance.now() - stoppedAt < 10_000, "the drain may take 20 s");
});
