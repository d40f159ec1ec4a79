/** `GET /metrics` of the whole process, compared with what a real Redis holds. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const STREAM = "event-stream";
const GROUP = "redis-stream-service";
const OWN = `stream="${STREAM}",group="${GROUP}"`;

type Samples = ReadonlyMap<string, number>;

async function scrape(url: string): Promise<Samples> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

function outcome(samples: Samples, type: string, name: string): number {
  return samples.get(`stream_events_total{${OWN},type="${type}",outcome="${name}"}`) ?? 0;
}

/** Sum over all series of a counter whose labels hold this text. */
function total(samples: Samples, name: string, holding = ""): number {
  let sum = 0;
  for (const [key, value] of samples) if (key.startsWith(`${name}{`) && key.includes(holding)) sum += value;
  return sum;
}

/** How many entries of each type the stream holds. */
async function typesIn(redis: TestRedis): Promise<Map<string, number>> {
  const text = new TextDecoder();
  const rows = await redis.command(["XRANGE", STREAM, "-", "+"]) as [unknown, Uint8Array[]][];
  const found = new Map<string, number>();
  for (const [, fields] of rows) {
    const words = fields.map((field) => typeof field === "string" ? field : text.decode(field));
    const type = words[words.indexOf("type") + 1]!;
    found.set(type, (found.get(type) ?? 0) + 1);
  }
  return found;
}

async function publish(url: string, events: readonly object[], query = ""): Promise<void> {
  const all = events.map((event) => ({ specversion: "1.0", source: "/tests", type: "test.script", ...event }));
  const response = await fetch(`${url}/events${query}`, {
    method: "POST",
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(all),
  });
  assert.equal(response.status, 202, await response.text());
}

function service(redis: TestRedis, env: Record<string, string> = {}): ServiceProcess {
  return startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS: "./tests/fixtures/handlers.ts", ...env },
  });
}

Deno.test("after a quiet period the counters are what Redis holds, to the event", async () => {
  await using redis = await startRedis();
  await using process = service(redis, {
    RETRY_BACKOFF: "20",
    RETRY_BACKOFF_MAX: "50",
    MAX_DELIVERIES: "3",
    DEDUP_WINDOW: "60000",
    TEST_EVENT_INTERVAL: "4000",
  });
  const url = await process.ready();
  const many = (count: number, data: object, prefix: string): object[] =>
    Array.from({ length: count }, (_, n) => ({ id: `${prefix}-${n}`, subject: `s-${n % 7}`, data }));
  await publish(url, many(400, {}, "plain"));
  await publish(url, many(50, { emit: ["effect.a", "effect.b"] }, "emitting"));
  await publish(url, many(30, { failUntil: 3, emit: ["effect.a"] }, "retried"));
  await publish(url, many(10, { failUntil: 99 }, "spent"));
  await publish(url, many(5, { hopeless: true }, "hopeless"));
  await publish(url, many(20, {}, "plain"), "?delay=0");
  await publish(url, Array.from({ length: 40 }, (_, n) => ({ id: `n-${n}`, type: "nobody.cares" })));
  await publish(url, many(9, {}, "delayed"), "?delay=300");
  // The same event twice, not by way of the service: its handler runs once.
  for (let n = 0; n < 16; n++) {
    const fields = ["id", `d-${n % 8}`, "source", "/hand", "type", "test.script", "data", "{}"];
    await redis.command(["XADD", STREAM, "*", ...fields]);
  }
  await redis.command(["XADD", STREAM, "*", "no", "type"]);
  const handled = 400 + 50 + 30 + 9 + 8;
  const samples = await waitFor(async () => {
    const now = await scrape(url);
    const settled = total(now, "stream_events_total") - total(now, "stream_events_total", 'outcome="retried"');
    const length = Number(await redis.command(["XLEN", STREAM]));
    const quiet = settled === length && outcome(now, "test.script", "processed") === handled &&
      total(now, "stream_events_published_total", 'type="test.scheduled"') > 0;
    // The gauges are up to a second older.
    return quiet && ["lag", "pending", "parked"].every((name) => now.get(`stream_${name}{${OWN}}`) === 0) &&
      now.get(`stream_dead_letters{${OWN}}`) === 16 && now;
  }, { timeoutMs: 30_000, everyMs: 200, what: "everything to be settled" });

  assert.equal(outcome(samples, "test.script", "processed"), handled);
  assert.equal(outcome(samples, "test.script", "retried"), 30 * 2 + 10 * 2);
  assert.equal(outcome(samples, "test.script", "dead_lettered"), 15);
  assert.equal(outcome(samples, "undecodable", "dead_lettered"), 1);
  assert.equal(outcome(samples, "test.script", "duplicate"), 8);
  assert.equal(outcome(samples, "nobody.cares", "ignored"), 40);
  const letters = Number(await redis.command(["XLEN", `{${STREAM}}:${GROUP}:dlq`]));
  assert.equal(total(samples, "stream_events_total", 'outcome="dead_lettered"'), letters);
  assert.equal(samples.get(`stream_delayed{${OWN}}`), 0);
  assert.equal(samples.get(`stream_oldest_age_seconds{${OWN}}`), 0);

  const types = await typesIn(redis);
  const published = (type: string): number => total(samples, "stream_events_published_total", `type="${type}"`);
  assert.equal(published("test.script"), types.get("test.script")! - 16);
  for (const type of ["effect.a", "effect.b", "nobody.cares"]) assert.equal(published(type), types.get(type), type);
  assert.deepEqual([published("effect.a"), published("effect.b")], [80, 50]);
  // Once every 4 s, so that one may have come between the two looks.
  assert.ok(Math.abs(published("test.scheduled") - types.get("test.scheduled")!) <= 1);

  // The two of a duplicate may run side by side, so the handler's own account is what counts.
  const attempts = samples.get('stream_handler_duration_seconds_count{type="test.script"}')!;
  const least = handled + 80 + 15;
  assert.ok(attempts >= least && attempts <= least + 8, `${attempts} attempts`);
  const told = (): number => process.records.filter(({ message }) => /^start /.test(String(message))).length;
  await waitFor(() => told() === attempts, { what: `${attempts} attempts in the handler's log` });
  assert.equal(samples.get("stream_event_age_seconds_count"), attempts);
  assert.equal(samples.get('http_request_duration_seconds_count{method="POST",route="/events",status="202"}'), 8);
  assert.equal(samples.get("redis_up"), 1);
});

Deno.test("two streams: effects count where they appear, gauges for each stream", async () => {
  await using redis = await startRedis();
  await using process = service(redis, { STREAM: `${STREAM},second` });
  const url = await process.ready();
  const data = JSON.stringify({ emit: ["effect.a"] });
  await redis.command(["XADD", "second", "*", "id", "1", "source", "/hand", "type", "test.script", "data", data]);
  const samples = await waitFor(async () => {
    const now = await scrape(url);
    return outcome(now, "effect.a", "ignored") === 1 && now;
  }, { what: "the effect to be settled" });
  assert.equal(samples.get(`stream_events_published_total{stream="${STREAM}",type="effect.a"}`), 1);
  assert.equal(total(samples, "stream_events_published_total", 'stream="second"'), 0);
  const second = `stream="second",group="${GROUP}"`;
  assert.equal(samples.get(`stream_events_total{${second},type="test.script",outcome="processed"}`), 1);
  await waitFor(async () => (await scrape(url)).get(`stream_pending{${second}}`) === 0, { what: "the gauge" });
});

Deno.test("the lag is right where Redis has lost count", async () => {
  await using redis = await startRedis();
  await using process = service(redis, { CONSUMER_ENABLED: "false" });
  const url = await process.ready();
  await redis.command(["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]).catch(() => {});
  await publish(url, Array.from({ length: 10 }, (_, n) => ({ id: `e-${n}` })));
  const [fourth] = (await redis.command(["XRANGE", STREAM, "-", "+"]) as [Uint8Array][])[3]!;
  await redis.command(["XREADGROUP", "GROUP", GROUP, "by-hand", "COUNT", "2", "STREAMS", STREAM, ">"]);
  await redis.command(["XDEL", STREAM, fourth]);
  const info = await redis.command(["XINFO", "GROUPS", STREAM]) as unknown[][];
  assert.equal(info[0]!.at(-1), null, "Redis says NULL, or this test shows nothing");
  await waitFor(async () => (await scrape(url)).get(`stream_lag{${OWN}}`) === 7, { what: "the right lag" });
  assert.equal((await scrape(url)).get(`stream_pending{${OWN}}`), 2);
});

Deno.test("a scrape never waits for a Redis that hangs, and a thousand cost it next to nothing", async () => {
  await using redis = await startRedis();
  await using process = service(redis, { COMMAND_TIMEOUT: "1000" });
  const url = await process.ready();
  const commands = async (): Promise<number> =>
    Number(/evalsha:calls=(\d+)/.exec(await redis.cli("INFO", "commandstats"))?.[1] ?? 0);
  const during = async (work: () => Promise<void>): Promise<{ calls: number; seconds: number }> => {
    const [before, startedAt] = [await commands(), performance.now()];
    await work();
    return { calls: await commands() - before, seconds: (performance.now() - startedAt) / 1_000 };
  };
  const idle = await during(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
  const busy = await during(async () => {
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 20 }, () => scrape(url)));
    }
  });
  const idleCalls = Math.ceil(idle.calls / idle.seconds * busy.seconds);
  assert.ok(
    busy.calls <= idleCalls + 2 * busy.seconds + 5,
    `${busy.calls} calls in ${busy.seconds} s, idle ${idleCalls}`,
  );

  redis.stop();
  await waitFor(() => status(`${url}/health/ready`, 503), { what: "not ready" });
  const times: number[] = [];
  for (let n = 0; n < 10; n++) {
    const startedAt = performance.now();
    const samples = await scrape(url);
    times.push(performance.now() - startedAt);
    assert.deepEqual([samples.get("redis_up"), samples.get(`stream_lag{${OWN}}`)], [0, 0]);
  }
  // Most of them: the machine may be busy now and then.
  times.sort((a, b) => a - b);
  assert.ok(times[7]! < 500, times.map(Math.round).join(" "));
  redis.cont();
  await waitFor(async () => {
    const samples = await scrape(url);
    return samples.get("redis_up") === 1 && (samples.get("redis_reconnects_total") ?? 0) > 0;
  }, { what: "Redis to be up again" });
});

Deno.test("with METRICS_ENABLED=false there is no such page", async () => {
  await using redis = await startRedis();
  await using process = service(redis, { METRICS_ENABLED: "false" });
  const url = await process.ready();
  assert.ok(await status(`${url}/metrics`, 404));
});
