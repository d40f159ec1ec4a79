/** `POST /events` of the whole process against a real Redis. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { getJson, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const STREAM = "event-stream";
const JSON_TYPE = "application/cloudevents+json";
const BATCH_TYPE = "application/cloudevents-batch+json";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly tookMs: number;
}

async function post(url: string, body: BodyInit, headers: Record<string, string>, query = ""): Promise<Answer> {
  const startedAt = performance.now();
  const answer = await getJson(`${url}/events${query}`, { method: "POST", body, headers });
  return { ...answer, tookMs: performance.now() - startedAt };
}

function event(id: string, more: object = {}): string {
  return JSON.stringify({ specversion: "1.0", id, source: "/tests", type: "test.script", ...more });
}

/** Entries of the stream, each as its fields. */
async function entries(redis: TestRedis, key = STREAM): Promise<Map<string, string>[]> {
  const text = new TextDecoder();
  const word = (value: unknown): string => value instanceof Uint8Array ? text.decode(value) : String(value);
  const rows = await redis.command(["XRANGE", key, "-", "+"]) as [unknown, unknown[]][];
  return rows.map(([, fields]) => {
    const pairs: [string, string][] = [];
    for (let at = 0; at + 1 < fields.length; at += 2) pairs.push([word(fields[at]), word(fields[at + 1])]);
    return new Map(pairs);
  });
}

Deno.test("all three modes reach their handler, and the stream holds what was sent to the letter", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS: "./tests/fixtures/handlers.ts" },
  });
  const url = await service.ready();
  const exact = '{"n":12345678901234567890,"f":1.10,"e":1e400}';
  const structured = event("one", { subject: "s" }).replace("}", `,"data":${exact}}`);
  assert.equal((await post(url, structured, { "content-type": JSON_TYPE, "x-correlation-id": "c-1" })).status, 202);
  assert.equal((await post(url, `[${event("two")},${event("three")}]`, { "content-type": BATCH_TYPE })).status, 202);
  const binary = { "ce-specversion": "1.0", "ce-id": "four", "ce-source": "%E2%82%AC", "ce-type": "test.script" };
  assert.equal((await post(url, `  ${exact} `, { ...binary, "content-type": "application/json" })).status, 202);
  for (const id of ["one", "two", "three", "four"]) {
    await service.record((line) => line["message"] === `end ${id}`, `the handler's last line for ${id}`);
  }
  const found = await entries(redis);
  assert.deepEqual(found.map((fields) => fields.get("id")), ["one", "two", "three", "four"]);
  assert.deepEqual([found[0]?.get("data"), found[0]?.get("correlationid")], [exact, "c-1"]);
  assert.deepEqual([found[3]?.get("data"), found[3]?.get("source")], [`  ${exact} `, "€"]);
});

Deno.test("many clients that repeat the same events at once add each event once", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, CONSUMER_ENABLED: "false" } });
  const url = await service.ready();
  const requests = Array.from(
    { length: 300 },
    (_, n) => post(url, event(`e-${n % 30}`), { "content-type": JSON_TYPE }),
  );
  const answers = await Promise.all(requests);
  assert.ok(answers.every((answer) => answer.status === 202));
  const fresh = answers.filter(({ body }) => !(body["events"] as { deduplicated: boolean }[])[0]!.deduplicated);
  assert.equal(fresh.length, 30);
  const ids = new Set(answers.map(({ body }) => (body["events"] as { entryId: string }[])[0]!.entryId));
  assert.equal(ids.size, 30);
  assert.equal((await entries(redis)).length, 30);
});

Deno.test("a delayed event appears on time, and never twice", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url } });
  const url = await service.ready();
  const startedAt = performance.now();
  const answer = await post(url, event("later"), { "content-type": JSON_TYPE }, "?delay=600");
  assert.deepEqual(answer.body["events"], [{ id: "later", entryId: null, deduplicated: false }]);
  assert.equal((await entries(redis)).length, 0);
  await waitFor(async () => (await entries(redis)).length === 1, { everyMs: 20, what: "the delayed event" });
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 590 && tookMs < 1_900, `${tookMs} ms`);
  const again = await post(url, event("later"), { "content-type": JSON_TYPE }, "?delay=600");
  const [repeated] = again.body["events"] as { entryId: string; deduplicated: boolean }[];
  assert.ok(repeated!.deduplicated && repeated!.entryId !== null);
});

Deno.test("with Redis gone a publish is refused in a moment, and works again when it is back", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, RETRY_DELAYS: "200", API_TOKEN: "tok" } });
  const url = await service.ready();
  const headers = { "content-type": JSON_TYPE, authorization: "Bearer tok" };
  assert.equal((await post(url, event("a"), { "content-type": JSON_TYPE })).status, 401);
  assert.equal((await post(url, event("a"), headers)).status, 202);
  await redis.kill9();
  await waitFor(() => status(`${url}/health/ready`, 503), { what: "not ready" });
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const { status: code, body, tookMs } = await post(url, event("b"), headers);
    assert.deepEqual([code, body["success"], typeof body["retryAfter"]], [503, false, "number"]);
    times.push(tookMs);
  }
  // The machine may be busy once; the rule is for the request, not for the machine.
  times.sort((a, b) => a - b);
  assert.ok(times[10]! < 100, times.map(Math.round).join(" "));
  await redis.restart();
  await waitFor(() => status(`${url}/health/ready`, 200), { what: "ready again" });
  assert.equal((await post(url, event("b"), headers)).status, 202);
});

Deno.test("replica:1 is confirmed by a replica; without one it is a 503, and repeating adds nothing", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, PUBLISH_DURABILITY: "replica:1", COMMAND_TIMEOUT: "2000", CONSUMER_ENABLED: "false" },
  });
  const url = await service.ready();
  const alone = await Promise.all(["a", "b", "c"].map((id) => post(url, event(id), { "content-type": JSON_TYPE })));
  for (const { status: code, body, tookMs } of alone) {
    assert.deepEqual([code, body["code"]], [503, "durability_not_reached"]);
    assert.match(String(body["detail"]), /repeating/);
    assert.ok(tookMs < 2_500, `${tookMs} ms`);
  }
  assert.ok(await status(`${url}/health/ready`, 200), "a missing replica is no reason for not being ready");
  await using _replica = await startRedis({ config: { replicaof: `127.0.0.1 ${redis.port}` } });
  await waitFor(async () => String(await redis.cli("INFO", "replication")).includes("state=online"), {
    what: "the replica to be online",
  });
  const [again, fresh] = await waitFor(async () => {
    const both = await Promise.all(["a", "d"].map((id) => post(url, event(id), { "content-type": JSON_TYPE })));
    return both.every((answer) => answer.status === 202) && both;
  }, { what: "the replica's confirmation" });
  const [first] = alone[0]!.body["events"] as { entryId: string }[];
  const events = [{ id: "a", entryId: first!.entryId, deduplicated: true }];
  assert.deepEqual(again!.body, { events, durability: "replica:1" });
  assert.equal(fresh!.body["durability"], "replica:1");
  assert.deepEqual((await entries(redis)).map((fields) => fields.get("id")).sort(), ["a", "b", "c", "d"]);
});

Deno.test("fsync on a Redis that cannot wait for its disk: not ready for that reason, and nothing is written", async () => {
  // Either it has no WAITAOF (before 7.2), or it refuses that without an append-only file.
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, PUBLISH_DURABILITY: "fsync" } });
  const url = await service.listening();
  await waitFor(async () => (await getJson(`${url}/health/ready`)).body["reason"] === "durability_unsupported", {
    what: "the reason",
  });
  const answer = await post(url, event("a"), { "content-type": JSON_TYPE });
  assert.deepEqual([answer.status, answer.body["error"]], [503, "Redis is not usable: durability_unsupported"]);
  assert.equal((await getJson(`${url}/trigger-test-event`, { method: "POST" })).status, 503);
  assert.equal(await redis.command(["EXISTS", STREAM]), 1, "the group is there all the same");
  assert.equal((await entries(redis)).length, 0);
});
