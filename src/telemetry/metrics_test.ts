import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings, type Outcome } from "../happenings.ts";
import { Metrics, type MetricsOptions } from "./metrics.ts";

/** CONTRACT section 9, with their types. */
const PROMISED: Readonly<Record<string, string>> = {
  stream_events_published_total: "counter",
  stream_events_total: "counter",
  stream_handler_duration_seconds: "histogram",
  stream_event_age_seconds: "histogram",
  stream_lag: "gauge",
  stream_pending: "gauge",
  stream_parked: "gauge",
  stream_dead_letters: "gauge",
  stream_oldest_age_seconds: "gauge",
  stream_leases_lost_total: "counter",
  stream_store_lost_total: "counter",
  redis_up: "gauge",
  redis_reconnects_total: "counter",
  http_request_duration_seconds: "histogram",
};
const GROUP = 'stream="s",group="g"';

interface Fixture {
  readonly metrics: Metrics;
  readonly happenings: Happenings;
  /** Lines of the exposition that are no comments: name with labels to value. */
  readonly scrape: () => Promise<Map<string, number>>;
}

function fixture(more: Partial<MetricsOptions> = {}): Fixture {
  const happenings = new Happenings((error) => {
    throw error;
  });
  const metrics = new Metrics({
    clock: new FakeClock(),
    happenings,
    service: { name: "svc", version: "1.2.3" },
    streams: ["s", "other"],
    group: "g",
    redisUsable: () => true,
    logLinesDropped: () => 0,
    ...more,
  });
  return { metrics, happenings, scrape: async () => samplesOf((await metrics.expose()).text) };
}

function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

function settled(type: string, outcome: Outcome, count: number): Parameters<Happenings["emit"]>[0] {
  return { kind: "settled", stream: "s", group: "g", type, outcome, count, refs: [] };
}

Deno.test("every promised name is there from the start, with its type, and told in docs/metrics.md", async () => {
  const { metrics } = fixture();
  const { text, contentType } = await metrics.expose();
  assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
  for (const [name, type] of Object.entries(PROMISED)) {
    assert.ok(text.includes(`# TYPE ${name} ${type}\n`), name);
  }
  const page = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) assert.ok(page.includes(`\`${name}`), `docs: ${name}`);
});

Deno.test("where labels are known, counters begin with 0", async () => {
  const { metrics, scrape } = fixture();
  metrics.knowTypes({ handled: ["order.placed"], published: ["order.placed", "beat"] });
  const samples = await scrape();
  for (const outcome of ["processed", "retried", "dead_lettered", "ignored", "duplicate"]) {
    for (const stream of ["s", "other"]) {
      const name = `stream_events_total{stream="${stream}",group="g",type="order.placed",outcome="${outcome}"}`;
      assert.equal(samples.get(name), 0, name);
    }
  }
  assert.equal(samples.get('stream_events_published_total{stream="s",type="beat"}'), 0);
  assert.equal(samples.get('stream_handler_duration_seconds_count{type="order.placed"}'), 0);
  assert.equal(samples.get('stream_store_lost_total{stream="s",cause="deleted"}'), 0);
  assert.equal(
    samples.get('stream_store_lost_total{stream="s",cause="rolled_back"}'),
    0,
    "or an increase would not show",
  );
  assert.equal(samples.get("stream_leases_lost_total"), 0);
  assert.equal(samples.get("redis_reconnects_total"), 0);
});

Deno.test("what happened is counted, also before the library was loaded", async () => {
  const { metrics, happenings, scrape } = fixture();
  const live = (): void => {
    happenings.emit(settled("t", "processed", 3));
    happenings.emit(settled("t", "retried", 1));
    happenings.emit({ kind: "published", stream: "s", type: "t", count: 5, origin: "effect" });
    happenings.emit({ kind: "attempted", stream: "s", type: "t", agesMs: [1_500], succeededMs: [], failedMs: [] });
    happenings.emit({ kind: "attempted", stream: "s", type: "t", agesMs: [], succeededMs: [20], failedMs: [30] });
    happenings.emit({ kind: "store_lost", stream: "s", cause: "evicted", count: 2 });
    happenings.emit({ kind: "lease_lost", stream: "s", consumer: "c", held: 1 });
    metrics.request({ method: "GET", route: "/health", status: 200, durationMs: 2 });
  };
  live();
  await metrics.load();
  live();
  const samples = await scrape();
  const wanted: [string, number][] = [
    [`stream_events_total{${GROUP},type="t",outcome="processed"}`, 6],
    [`stream_events_total{${GROUP},type="t",outcome="retried"}`, 2],
    ['stream_events_published_total{stream="s",type="t"}', 10],
    ["stream_event_age_seconds_sum", 3],
    ['stream_event_age_seconds_bucket{le="1"}', 0],
    ['stream_event_age_seconds_bucket{le="2.5"}', 2],
    ['stream_handler_duration_seconds_sum{type="t"}', 0.1],
    ['stream_handler_duration_seconds_count{type="t"}', 4],
    ['stream_store_lost_total{stream="s",cause="evicted"}', 4],
    ["stream_leases_lost_total", 2],
    ['http_request_duration_seconds_count{method="GET",route="/health",status="200"}', 2],
  ];
  for (const [name, value] of wanted) assert.equal(samples.get(name), value, name);
});

Deno.test("a connection made for the first time is no reconnect", async () => {
  const { happenings, scrape } = fixture();
  const link = (channel: string, state: "ready" | "lost"): void => happenings.emit({ kind: "link", channel, state });
  for (const channel of ["command", "reader"]) link(channel, "ready");
  assert.equal((await scrape()).get("redis_reconnects_total"), 0);
  link("command", "lost");
  link("command", "lost");
  link("command", "ready");
  assert.equal((await scrape()).get("redis_reconnects_total"), 1);
});

Deno.test("types of strangers are bounded over all metrics, and those of handlers always show", async () => {
  const { metrics, happenings, scrape } = fixture();
  await metrics.load();
  for (let n = 0; n < 5_000; n++) {
    happenings.emit(settled(`junk.${n}`, "ignored", 1));
    happenings.emit({ kind: "published", stream: "s", type: `junk.${n}`, count: 1, origin: "api" });
    happenings.emit({ kind: "attempted", stream: "s", type: `junk.${n}`, agesMs: [], succeededMs: [1], failedMs: [] });
  }
  metrics.knowTypes({ handled: ["mine"], published: [] });
  happenings.emit(settled("mine", "processed", 1));
  const samples = await scrape();
  assert.ok(samples.size < 200 * 20, String(samples.size));
  assert.equal(samples.get(`stream_events_total{${GROUP},type="mine",outcome="processed"}`), 1);
  assert.equal(samples.get(`stream_events_total{${GROUP},type="other",outcome="ignored"}`), 4_800);
  let all = 0;
  for (const [name, value] of samples) if (name.startsWith("stream_events_published_total{")) all += value;
  assert.equal(all, 5_000);
});

Deno.test("hostile types cannot add lines or labels", async () => {
  const { happenings, metrics } = fixture();
  const hostile = ['x"} 1\nredis_up 5\n', 'x"', "x\\", "x\u2028", "__proto__", "constructor", "a,type:b", "\r", "=1+1"];
  for (const type of hostile) happenings.emit(settled(type, "ignored", 1));
  const { text } = await metrics.expose();
  const lines = text.split("\n").filter((line) => line.startsWith("stream_events_total{"));
  const shape = /^stream_events_total\{stream="s",group="g",type="((?:[^"\\\n]|\\[\\"n])*)",outcome="ignored"\} \d+$/;
  for (const line of lines) assert.match(line, shape);
  // Two hold control characters and share `other`.
  assert.equal(lines.length, hostile.length - 1);
  assert.equal(text.match(/^redis_up /gm)?.length, 1);
});

Deno.test("gauges show what their stream says, and nothing before it has said anything", async () => {
  const { metrics, scrape } = fixture();
  assert.equal((await scrape()).has(`stream_lag{${GROUP}}`), false);
  const figures = { lag: 1, pending: 2, parked: 3, deadLetters: 4, delayed: 5, oldestAgeMs: 6_500 };
  metrics.watch([{ stream: "s", group: "g", stats: () => Promise.resolve(figures) }]);
  const samples = await scrape();
  const names = ["lag", "pending", "parked", "dead_letters", "delayed", "oldest_age_seconds"];
  assert.deepEqual(names.map((name) => samples.get(`stream_${name}{${GROUP}}`)), [1, 2, 3, 4, 5, 6.5]);
});

Deno.test("with Redis away a scrape says so and keeps the last figures", async () => {
  let up = true;
  const { metrics, scrape } = fixture({ redisUsable: () => up });
  const figures = { lag: 7, pending: 0, parked: 0, deadLetters: 0, delayed: 0, oldestAgeMs: 0 };
  metrics.watch([{
    stream: "s",
    group: "g",
    stats: () => up ? Promise.resolve(figures) : Promise.reject(new Error()),
  }]);
  assert.equal((await scrape()).get("redis_up"), 1);
  up = false;
  const samples = await scrape();
  assert.deepEqual([samples.get("redis_up"), samples.get(`stream_lag{${GROUP}}`)], [0, 7]);
});

Deno.test("the process tells of itself without any permission", async () => {
  let dropped = 0;
  const { scrape } = fixture({ logLinesDropped: () => dropped });
  assert.equal((await scrape()).get("log_lines_dropped_total"), 0);
  dropped = 5;
  const samples = await scrape();
  assert.equal(samples.get("log_lines_dropped_total"), 5);
  assert.ok((samples.get("process_resident_memory_bytes") ?? 0) > 10_000_000);
  assert.ok((samples.get("process_cpu_seconds_total") ?? 0) > 0);
  assert.ok((samples.get("process_start_time_seconds") ?? 0) > 1_600_000_000);
  assert.equal(samples.get('service_info{name="svc",version="1.2.3"}'), 1);
});

Deno.test("once disposed nothing is counted any more", async () => {
  const { metrics, happenings, scrape } = fixture();
  await metrics.load();
  metrics.dispose();
  happenings.emit(settled("t", "processed", 1));
  assert.equal((await scrape()).has(`stream_events_total{${GROUP},type="t",outcome="processed"}`), false);
});
