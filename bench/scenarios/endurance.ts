/**
 * What lasts: memory over a long backlog, probes while it is worked on, the start, and both directions at once.
 * @module
 */
import { type Bench, benchRedis, dropGroup, pause, runC, type Scenario, serviceEnv } from "../lib/bench.ts";
import { Child, figure } from "../lib/child.ts";
import { fill } from "../lib/fill.ts";
import { memoryOf } from "../lib/proc.ts";
import { interleave, ratio, type Result, type Series } from "../lib/series.ts";
import { median, quantile, slope } from "../lib/stats.ts";
import { freePort, type TestRedis } from "../../testing/redis_server.ts";

/** A backlog of 5 million: memory, and probes while it is worked on. */
export const backlog: Scenario = { name: "backlog", run: runBacklog };
/** Start to first answer, and memory when idle. */
export const start: Scenario = { name: "start", run: runStart };
/** Publishing and consuming at once. */
export const both: Scenario = { name: "both", run: runBoth };

const one = (name: string, unit: string, value: number): Series => ({
  name,
  unit,
  rounds: [{ value, load: Deno.loadavg()[0]! }],
});

async function runBacklog(bench: Bench): Promise<Result> {
  const events = bench.quick ? 300_000 : 5_000_000;
  await using redis = await benchRedis();
  await fill(redis.port, "orders", events);
  const env = { ...serviceEnv(redis, "orders", "g"), BENCH_EVENTS: String(events), BENCH_MEMORY: "250" };
  await using child = new Child("consume", env);
  const url = String((await child.until("ready"))["ready"]);
  const memory: number[] = [];
  const probes: number[] = [];
  for (let done = false; !done;) {
    probes.push(await probe(url));
    for (let next = child.latest(""); next !== null; next = child.latest("")) {
      if ("memory" in next) memory.push(figure(next, "memory") / 1e6);
      done ||= "seconds" in next;
    }
    await pause(20);
  }
  // The first third is that of the heap finding its size.
  const steady = memory.slice(Math.floor(memory.length / 3));
  const drift = slope(steady) * steady.length / median(steady);
  return {
    scenario: "backlog",
    title: `${events.toLocaleString("en-US")} events, memory every 250 ms, /health/live every 20 ms`,
    series: [
      one("resident memory", "MB", median(steady)),
      one("probe, median", "ms", median(probes)),
      one("probe, slowest", "ms", Math.max(...probes)),
      one("probe, p99", "ms", quantile(probes, 0.99)),
    ],
    targets: [
      { what: "growth over the last two thirds, part of the median", found: drift, wanted: "<= 0.1" },
      { what: "slowest probe at full load, ms", found: Math.max(...probes), wanted: "<= 100" },
    ],
    notes: [],
  };
}

async function probe(url: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`${url}/health/live`);
  await response.body?.cancel();
  return performance.now() - startedAt;
}

async function runStart(bench: Bench): Promise<Result> {
  await using redis = await benchRedis();
  const rounds = bench.quick ? 3 : 7;
  const memory: Record<string, number[]> = { bare: [], service: [] };
  const series = await interleave(
    rounds,
    ["bare", "service"].map((way) => ({
      name: way === "bare" ? "bare Deno.serve that imports the same client" : "service",
      unit: "ms to the first 200",
      run: async (round) => ({ value: await firstAnswer(redis, way, `g${round}`, memory[way]!) }),
    })),
  );
  const [bare, service] = series as [Series, Series];
  const above = median(memory["service"]!) - median(memory["bare"]!);
  return {
    scenario: "start",
    title: "cold start to the first 200 on /health/live; memory 3 s later",
    series: [
      ...series,
      one("bare, memory", "MB", median(memory["bare"]!)),
      one("service, memory", "MB", median(memory["service"]!)),
    ],
    targets: [
      { what: "start, service / bare", found: ratio(service, bare), wanted: "<= 1.5" },
      { what: "memory above the bare one, MB", found: above, wanted: "<= 40" },
    ],
    notes: [],
  };
}

async function firstAnswer(redis: TestRedis, way: string, group: string, memory: number[]): Promise<number> {
  const port = freePort();
  const startedAt = performance.now();
  const env = { ...serviceEnv(redis, "start", group), SERVICE_PORT: String(port), BENCH_WAY: way };
  await using child = new Child("start", env);
  for (;;) {
    const answered = await fetch(`http://127.0.0.1:${port}/health/live`).then(
      (response) => response.text(),
      () => null,
    );
    if (answered !== null) break;
    await pause(2);
  }
  const took = performance.now() - startedAt;
  await pause(3_000);
  memory.push(await memoryOf(child.pid) / 1e6);
  await child.stop();
  await dropGroup(redis, "start", group).catch(() => {});
  return took;
}

async function runBoth(bench: Bench): Promise<Result> {
  const events = bench.quick ? 100_000 : 400_000;
  await using redis = await benchRedis();
  const hasC = bench.cClient !== null;
  const produce = (): Promise<unknown> =>
    hasC
      ? runC(bench, ["produce", "-p", String(redis.port), "-s", "both", "-n", String(events), "-P", "256"])
      : fill(redis.port, "both", events);
  const byC = {
    name: "C produces, C consumes",
    unit: "events/s",
    run: (round: number) => sideBySide(redis, `c${round}`, produce, () => consumeC(bench, redis, `c${round}`, events)),
  };
  const byService = {
    name: `${hasC ? "C" : "the bench"} produces, service consumes`,
    unit: "events/s",
    run: (round: number) => sideBySide(redis, `s${round}`, produce, () => consumeS(redis, `s${round}`, events)),
  };
  const series = await interleave(Math.min(bench.rounds, 3), hasC ? [byC, byService] : [byService]);
  return { scenario: "both", title: "both directions at once, consumed", series, targets: [], notes: [] };
}

async function sideBySide(
  redis: TestRedis,
  group: string,
  produce: () => Promise<unknown>,
  consume: () => Promise<{ value: number; cpu: number }>,
): Promise<{ value: number; cpu: number }> {
  await redis.command(["DEL", "both"]);
  await redis.command(["XGROUP", "CREATE", "both", group, "0", "MKSTREAM"]);
  const [found] = await Promise.all([consume(), produce()]);
  await dropGroup(redis, "both", group);
  return found;
}

async function consumeC(
  bench: Bench,
  redis: TestRedis,
  group: string,
  events: number,
): Promise<{ value: number; cpu: number }> {
  const found = await runC(bench, [
    "consume",
    "-p",
    String(redis.port),
    "-s",
    "both",
    "-g",
    group,
    "-n",
    String(events),
    "--block",
    "1000",
  ]);
  return { value: found.evps, cpu: (found.cpu_user + found.cpu_sys) / events * 100_000 };
}

async function consumeS(redis: TestRedis, group: string, events: number): Promise<{ value: number; cpu: number }> {
  await using child = new Child("consume", { ...serviceEnv(redis, "both", group), BENCH_EVENTS: String(events) });
  const message = await child.until("seconds");
  return { value: events / figure(message, "seconds"), cpu: figure(message, "cpuSeconds") / events * 100_000 };
}
