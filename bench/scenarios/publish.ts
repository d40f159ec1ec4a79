/**
 * Publishing through the service's publisher and over HTTP, against bare commands and against routes that publish nothing.
 * @module
 */
import { type Bench, benchRedis, consumed, type Scenario, serviceEnv } from "../lib/bench.ts";
import { Child, figure } from "../lib/child.ts";
import { cpuSecondsOf } from "../lib/proc.ts";
import { interleave, middle, ratio, type Result, seriesOf } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

const HTTP_BATCH = 100;

/** See the module's text. */
export const publish: Scenario = { name: "publish", run: runPublish };
/** See the module's text. */
export const http: Scenario = { name: "http", run: runHttp };

async function runPublish(bench: Bench): Promise<Result> {
  const events = bench.quick ? 40_000 : 200_000;
  await using redis = await benchRedis();
  const way = (name: string, env: Record<string, string>) => ({
    name,
    unit: "events/s",
    run: () => worker(redis, events, env),
  });
  const series = await interleave(bench.rounds, [
    { name: "redis-benchmark, XADD, 50 × 64", unit: "events/s", run: () => redisBenchmark(redis, events) },
    way("bare XADD, pipelined, same client", { BENCH_WAY: "bare" }),
    way("batches of 100", { BENCH_WAY: "batch" }),
    way("batches of 100, with ids", { BENCH_WAY: "batch", BENCH_IDS: "1" }),
    way("single", { BENCH_WAY: "single" }),
  ]);
  const bare = seriesOf(series, "bare XADD, pipelined, same client");
  return {
    scenario: "publish",
    title: "events of some 250 bytes, 400 under way",
    series,
    targets: [
      { what: "batches / bare pipelining", found: ratio(seriesOf(series, "batches of 100"), bare), wanted: ">= 0.7" },
      { what: "single / bare pipelining", found: ratio(seriesOf(series, "single"), bare), wanted: "" },
    ],
    notes: [
      "Deduplication (10 minutes by default) remembers each event that brings an id.",
      ...(Number.isNaN(middle(series[0]!))
        ? ["redis-benchmark is not there (Debian: apt-get install redis-tools)."]
        : []),
    ],
  };
}

async function worker(
  redis: TestRedis,
  events: number,
  env: Readonly<Record<string, string>>,
): Promise<{ value: number; cpu: number }> {
  await redis.command(["FLUSHALL"]);
  await using child = new Child("publish", {
    REDIS_URL: redis.url,
    STREAM: "orders",
    BENCH_EVENTS: String(events),
    ...env,
  });
  const { value, cpu } = consumed(await child.until("seconds"));
  return { value, cpu };
}

async function redisBenchmark(redis: TestRedis, events: number): Promise<{ value: number }> {
  await redis.command(["FLUSHALL"]);
  const args = ["-p", String(redis.port), "-n", String(events), "-c", "50", "-P", "64", "-q", "--csv"];
  const event = ["XADD", "orders", "*", "id", "x".repeat(36), "type", "order.created", "data", "x".repeat(255)];
  try {
    const { stdout } = await new Deno.Command("redis-benchmark", { args: [...args, ...event] }).output();
    const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
    return { value: Number(/","([\d.]+)"/.exec(line)?.[1] ?? NaN) };
  } catch {
    return { value: NaN };
  }
}

async function runHttp(bench: Bench): Promise<Result> {
  const single = bench.quick ? 10_000 : 40_000;
  const batches = Math.ceil(single / 20);
  await using redis = await benchRedis();
  const env = { ...serviceEnv(redis, "orders", "g"), LOG_LEVEL: "WARN" };
  await using service = new Child("http", { ...env, BENCH_WAY: "service" });
  await using nothing = new Child("http", { ...env, BENCH_WAY: "null" });
  const urls = { service: await urlOf(service), nothing: await urlOf(nothing) };
  const way = (name: string, child: Child, url: string, size: number) => ({
    name,
    unit: size === 1 ? "requests/s" : "events/s",
    run: () => load(child, url, size === 1 ? single : batches, size),
  });
  // Both have run once before it counts.
  await load(service, urls.service, 2_000, 1);
  await load(nothing, urls.nothing, 2_000, 1);
  const series = await interleave(bench.rounds, [
    way("single, nothing published", nothing, urls.nothing, 1),
    way("single", service, urls.service, 1),
    way("batches of 100", service, urls.service, HTTP_BATCH),
    {
      name: "publisher alone, batches of 100",
      unit: "events/s",
      run: () => worker(redis, batches * HTTP_BATCH, { BENCH_WAY: "batch" }),
    },
    {
      name: "publisher alone, with ids as over HTTP",
      unit: "events/s",
      run: () => worker(redis, batches * HTTP_BATCH, { BENCH_WAY: "batch", BENCH_IDS: "1" }),
    },
  ]);
  const batch = seriesOf(series, "batches of 100");
  return {
    scenario: "http",
    title: "POST /events over 32 connections, the sender on the same machine",
    series,
    targets: [
      {
        what: "single / the same route without Redis",
        found: ratio(seriesOf(series, "single"), seriesOf(series, "single, nothing published")),
        wanted: ">= 0.7",
      },
      {
        what: "batches of 100 / publishing batches",
        found: ratio(batch, seriesOf(series, "publisher alone, batches of 100")),
        wanted: ">= 0.6",
      },
      {
        what: "batches of 100 / publishing batches with ids",
        found: ratio(batch, seriesOf(series, "publisher alone, with ids as over HTTP")),
        wanted: "",
      },
    ],
    notes: [],
  };
}

async function urlOf(child: Child): Promise<string> {
  return String((await child.until("url"))["url"]);
}

async function load(
  server: Child,
  url: string,
  requests: number,
  batch: number,
): Promise<{ value: number; cpu: number }> {
  const before = await cpuSecondsOf(server.pid);
  await using child = new Child("load", {
    BENCH_URL: url,
    BENCH_REQUESTS: String(requests),
    BENCH_BATCH: String(batch),
  });
  const message = await child.until("seconds");
  if (figure(message, "wrong") > 0) throw new Error(`${figure(message, "wrong")} of ${requests} requests were refused`);
  const events = requests * batch;
  const cpu = (await cpuSecondsOf(server.pid) - before) / events * 100_000;
  return { value: events / figure(message, "seconds"), cpu };
}
