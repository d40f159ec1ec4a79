/**
 * How long an event takes from publishing to its handler, at 2,000 a second.
 * @module
 */
import { type Bench, benchRedis, dropGroup, type Scenario, serviceEnv } from "../lib/bench.ts";
import { Child, figure } from "../lib/child.ts";
import type { Result, Series } from "../lib/series.ts";
import { median } from "../lib/stats.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** See the module's text. */
export const latency: Scenario = { name: "latency", run };

interface Ages {
  readonly p50: number;
  readonly p99: number;
  /** Load average of the machine afterwards. */
  readonly load: number;
}

async function run(bench: Bench): Promise<Result> {
  const events = bench.quick ? 6_000 : 16_000;
  await using redis = await benchRedis();
  const found: Record<"bare" | "service", Ages[]> = { bare: [], service: [] };
  const series: Series[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    for (const way of round % 2 === 0 ? ["bare", "service"] as const : ["service", "bare"] as const) {
      found[way].push(await measure(redis, way, `${way}${round}`, events));
    }
  }
  for (const way of ["bare", "service"] as const) {
    for (const name of ["p50", "p99"] as const) {
      const rounds = found[way].map((ages) => ({ value: ages[name], load: ages.load }));
      series.push({ name: `${way === "bare" ? "bare loop" : "service"}, ${name}`, unit: "ms", rounds });
    }
  }
  const above = median(found.service.map(({ p50 }, round) => p50 - found.bare[round]!.p50));
  return {
    scenario: "latency",
    title: "publish to handler at 2,000 events/s",
    series,
    targets: [{ what: "p50 above that of a bare loop, ms", found: above, wanted: "<= 1" }],
    notes: ["The 99th percentile is noise on a machine of two cores."],
  };
}

async function measure(redis: TestRedis, way: string, group: string, events: number): Promise<Ages> {
  await redis.command(["DEL", "ticks"]);
  await redis.command(["XGROUP", "CREATE", "ticks", group, "0", "MKSTREAM"]);
  const env = { ...serviceEnv(redis, "ticks", group), BENCH_EVENTS: String(events) };
  await using reader = new Child("latency", { ...env, BENCH_WAY: way });
  await reader.until("ready");
  await using _pace = new Child("latency", { ...env, BENCH_WAY: "pace" });
  const message = await reader.until("p50");
  await dropGroup(redis, "ticks", group);
  return { p50: figure(message, "p50"), p99: figure(message, "p99"), load: Deno.loadavg()[0]! };
}
