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
import { interleave, middle, middleCpu, ratio, type Result, type Series, seriesOf } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** One event of ten fails once. */
export const failing: Scenario = { name: "failing", run: runFailing };
/** Events of 1,000 subjects, each in order. */
export const order: Scenario = { name: "order", run: runOrder };
/** 100 B, 1 KB, 100 KB. */
export const sizes: Scenario = { name: "sizes", run: runSizes };
/** What two replicas are to do more than one, where the cores allow so much. */
const WANTED_OF_TWO = 1.5;
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
  await fill(redis.port, "waits", events / WAITING_PART);
  const found: Together[] = [];
  const way = (name: string, stream: string, count: number, env: Readonly<Record<string, string>> = {}) => ({
    name,
    unit: "events/s",
    run: async (round: number) => {
      const size = stream === "waits" ? events / WAITING_PART : events;
      const one = await together(redis, stream, `r${count}-${round}`, size, count, env);
      found.push(one);
      return one;
    },
  });
  const waits = { BENCH_WAIT: "5" };
  const series = await interleave(bench.rounds, [
    way("1 replica, handlers wait 5 ms", "waits", 1, waits),
    way("2 replicas, handlers wait 5 ms", "waits", 2, waits),
    way("1 replica", "orders", 1),
    way("2 replicas", "orders", 2),
    way("4 replicas", "orders", 4),
  ]);
  const of = (name: string): Series => seriesOf(series, name);
  const cores = navigator.hardwareConcurrency;
  // What all cores could do if none of them ever waited, for what an event costs one replica and Redis together.
  const most = cores * 100_000 / middleCpu(of("1 replica")) / middle(of("1 replica"));
  return {
    scenario: "replicas",
    title: "on one stream",
    series,
    targets: [
      {
        what: "2 replicas / 1, handlers wait",
        found: ratio(of("2 replicas, handlers wait 5 ms"), of("1 replica, handlers wait 5 ms")),
        wanted: `>= ${WANTED_OF_TWO}`,
      },
      {
        what: "2 replicas / 1, handlers do nothing",
        found: ratio(of("2 replicas"), of("1 replica")),
        wanted: most >= WANTED_OF_TWO ? `>= ${WANTED_OF_TWO}` : "",
      },
      { what: `the most that ${cores} cores allow / 1 replica`, found: most, wanted: "" },
      {
        what: "smallest part of its fair share that a replica got",
        found: Math.min(...found.map(({ share }) => share)),
        wanted: "",
      },
    ],
    notes: [
      "Redis and the replicas share the cores. Processor time is that of Redis and all replicas together, so that the most " +
      "that the cores allow is known: handlers that do nothing leave little room for a second replica, those that wait much.",
    ],
  };
}

/** What several did. */
interface Together {
  readonly value: number;
  readonly cpu: number;
  /** The smallest part of its fair share that one of them got. */
  readonly share: number;
}

/** Handlers that wait need fewer events for the same time. */
const WAITING_PART = 8;

/** All begin together: the group is made, and paused until each has joined. */
async function together(
  redis: TestRedis,
  stream: string,
  group: string,
  events: number,
  count: number,
  env: Readonly<Record<string, string>>,
): Promise<Together> {
  await redis.command(["XGROUP", "CREATE", stream, group, "0"]);
  await redis.command(["SET", `{${stream}}:${group}:paused`, "1"]);
  const shared = { ...serviceEnv(redis, stream, group), ...env, BENCH_MEMORY: "100", BENCH_SHARE: "1" };
  const children = Array.from({ length: count }, () => new Child("consume", shared));
  try {
    for (const child of children) await child.until("ready");
    const busyBefore = await busySeconds(redis);
    await redis.command(["DEL", `{${stream}}:${group}:paused`]);
    await Promise.race(children.map((child) => child.until("began")));
    const startedAt = performance.now();
    while (!await finished(redis, stream, group)) await pause(20);
    const seconds = (performance.now() - startedAt) / 1_000;
    let busy = await busySeconds(redis) - busyBefore;
    await pause(250);
    let share = Infinity;
    for (const child of children) {
      share = Math.min(share, await handledBy(child) / (events / count));
      Deno.kill(child.pid, "SIGUSR2");
      busy += figure(await child.until("cpuSeconds"), "cpuSeconds");
    }
    return { value: events / seconds, cpu: busy / events * 100_000, share };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
    await dropGroup(redis, stream, group);
  }
}

/** Processor seconds that Redis has used. */
async function busySeconds(redis: TestRedis): Promise<number> {
  const info = String(await redis.command(["INFO", "cpu"]));
  const of = (name: string): number => Number(new RegExp(`^${name}:([0-9.]+)`, "m").exec(info)?.[1] ?? NaN);
  return of("used_cpu_user") + of("used_cpu_sys");
}

async function finished(redis: TestRedis, stream: string, group: string): Promise<boolean> {
  const groups = await redis.command(["XINFO", "GROUPS", stream]) as readonly (readonly unknown[])[];
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
