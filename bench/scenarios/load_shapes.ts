/**
 * What the shape of the load costs: failures, order, size, and several replicas.
 * @module
 */
import {
  type Bench,
  benchRedis,
  consumeByC,
  consumeByService,
  dropGroup,
  pause,
  type Scenario,
  serviceEnv,
} from "../lib/bench.ts";
import { Child, figure } from "../lib/child.ts";
import { fill } from "../lib/fill.ts";
import { interleave, ratio, type Result, seriesOf } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** One event of ten fails once. */
export const failing: Scenario = { name: "failing", run: runFailing };
/** Events of 1,000 subjects, each in order. */
export const order: Scenario = { name: "order", run: runOrder };
/** 100 B, 1 KB, 100 KB. */
export const sizes: Scenario = { name: "sizes", run: runSizes };
/** 1, 2 and 4 replicas on one stream. */
export const replicas: Scenario = { name: "replicas", run: runReplicas };

async function runFailing(bench: Bench): Promise<Result> {
  const events = bench.quick ? 60_000 : 300_000;
  await using redis = await benchRedis();
  await fill(redis.port, "orders", events);
  const env = { RETRY_BACKOFF: "100", RETRY_BACKOFF_MAX: "100", LOG_LEVEL: "WARN" };
  const way = (name: string, more: Record<string, string>) => ({
    name,
    unit: "events/s",
    run: (round: number) => service(redis, "orders", `${name.slice(0, 2)}${round}`, events, { ...env, ...more }),
  });
  const series = await interleave(bench.rounds, [way("none fails", {}), way("10 % fail once", { BENCH_FAIL: "10" })]);
  const found = ratio(seriesOf(series, "10 % fail once"), seriesOf(series, "none fails"));
  return {
    scenario: "failing",
    title: "each failure is parked durably and comes back",
    series,
    targets: [{ what: "10 % failing / none failing", found, wanted: ">= 0.7" }],
    notes: [],
  };
}

async function runOrder(bench: Bench): Promise<Result> {
  const events = bench.quick ? 60_000 : 300_000;
  await using redis = await benchRedis();
  await fill(redis.port, "keyed", events, { subjects: 1_000 });
  const way = (name: string, ordering: string) => ({
    name,
    unit: "events/s",
    run: (round: number) => service(redis, "keyed", `${ordering}${round}`, events, { CONSUMER_ORDERING: ordering }),
  });
  const series = await interleave(bench.rounds, [way("no order", "none"), way("order per key", "key")]);
  const found = ratio(seriesOf(series, "order per key"), seriesOf(series, "no order"));
  return {
    scenario: "order",
    title: "1,000 keys",
    series,
    targets: [{ what: "order per key / no order", found, wanted: ">= 0.85" }],
    notes: [],
  };
}

async function runSizes(bench: Bench): Promise<Result> {
  const shapes = [[100, 100_000], [1_000, 100_000], [100_000, 3_000]] as const;
  await using redis = await benchRedis();
  const ways = shapes.flatMap(([bytes, full]) => {
    const events = bench.quick ? full / 4 : full;
    const stream = `s${bytes}`;
    return [
      {
        name: `C client, ${bytes} B`,
        unit: "events/s",
        run: (round: number) => consumeByC(bench, redis, stream, `c${round}`, events),
      },
      {
        name: `service, ${bytes} B`,
        unit: "events/s",
        run: (round: number) => service(redis, stream, `s${round}`, events),
      },
    ];
  });
  for (const [bytes, full] of shapes) {
    await fill(redis.port, `s${bytes}`, bench.quick ? full / 4 : full, { dataBytes: bytes });
  }
  const series = await interleave(Math.min(bench.rounds, 3), ways);
  const targets = shapes.map(([bytes]) => ({
    what: `service / C client, ${bytes} B`,
    found: ratio(seriesOf(series, `service, ${bytes} B`), seriesOf(series, `C client, ${bytes} B`)),
    wanted: "",
  }));
  return { scenario: "sizes", title: "size of the data", series, targets, notes: [] };
}

async function runReplicas(bench: Bench): Promise<Result> {
  const events = bench.quick ? 100_000 : 400_000;
  await using redis = await benchRedis();
  await fill(redis.port, "orders", events);
  const shares: number[] = [];
  const series = await interleave(
    Math.min(bench.rounds, 3),
    [1, 2, 4].map((count) => ({
      name: `${count} replica${count === 1 ? "" : "s"}`,
      unit: "events/s",
      run: (round: number) => together(redis, `r${count}-${round}`, events, count, shares),
    })),
  );
  const found = ratio(seriesOf(series, "2 replicas"), seriesOf(series, "1 replica"));
  return {
    scenario: "replicas",
    title: "on one stream",
    series,
    targets: [
      { what: "2 replicas / 1", found, wanted: ">= 1.5" },
      { what: "smallest part of its fair share that a replica got", found: Math.min(...shares), wanted: "" },
    ],
    notes: ["Redis and the replicas share the cores: more than there are cores cannot help."],
  };
}

/** All begin together: the group is made, and paused until each has joined. */
async function together(
  redis: TestRedis,
  group: string,
  events: number,
  count: number,
  shares: number[],
): Promise<{ value: number }> {
  await redis.command(["XGROUP", "CREATE", "orders", group, "0"]);
  await redis.command(["SET", `{orders}:${group}:paused`, "1"]);
  const env = { ...serviceEnv(redis, "orders", group), BENCH_MEMORY: "100" };
  const children = Array.from({ length: count }, () => new Child("consume", env));
  try {
    for (const child of children) await child.until("ready");
    await redis.command(["DEL", `{orders}:${group}:paused`]);
    await Promise.race(children.map((child) => child.until("began")));
    const startedAt = performance.now();
    while (!await finished(redis, group)) await pause(20);
    const seconds = (performance.now() - startedAt) / 1_000;
    await pause(250);
    for (const child of children) shares.push(await handledBy(child) / (events / count));
    return { value: events / seconds };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
    await dropGroup(redis, "orders", group);
  }
}

async function finished(redis: TestRedis, group: string): Promise<boolean> {
  const groups = await redis.command(["XINFO", "GROUPS", "orders"]) as readonly (readonly unknown[])[];
  const info = groups.find((one) => one[1] === group) ?? [];
  const value = (name: string): unknown => info[info.indexOf(name) + 1];
  return value("lag") === 0 && value("pending") === 0;
}

/** The latest figure that the child told. */
async function handledBy(child: Child): Promise<number> {
  let handled = 0;
  for (;;) {
    const message = child.latest("handled");
    if (message === null) return handled;
    handled = figure(message, "handled");
    await pause(0);
  }
}

async function service(
  redis: TestRedis,
  stream: string,
  group: string,
  events: number,
  env: Readonly<Record<string, string>> = {},
): Promise<{ value: number; cpu: number }> {
  const { value, cpu } = await consumeByService(redis, stream, group, events, env);
  return { value, cpu };
}
