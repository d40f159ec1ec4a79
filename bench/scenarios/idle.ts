/**
 * What an idle service costs: commands a second that it sends, calls with those inside scripts, processor time.
 * @module
 */
import { type Bench, benchRedis, pause, type Scenario, serviceEnv } from "../lib/bench.ts";
import { Child } from "../lib/child.ts";
import { CommandMonitor } from "../../testing/command_monitor.ts";
import { cpuSecondsOf } from "../lib/proc.ts";
import type { Result, Series } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** Until what a start brings is over: connections, scripts, the first looks. */
const SETTLE_MS = 6_000;

/** See the module's text. */
export const idle: Scenario = { name: "idle", run };

async function run({ quick }: Bench): Promise<Result> {
  const ms = quick ? 10_000 : 30_000;
  await using redis = await benchRedis();
  const env = { ...serviceEnv(redis, "idle", "idlers"), TEST_EVENT_INTERVAL: "10000" };
  await using child = new Child("consume", env);
  await child.until("ready");
  await pause(SETTLE_MS);
  const cpuBefore = await cpuSecondsOf(child.pid);
  const callsBefore = await calls(redis);
  using monitor = await CommandMonitor.open(redis.port);
  const startedAt = performance.now();
  await pause(ms);
  const seconds = (performance.now() - startedAt) / 1_000;
  const sent = monitor.total / seconds;
  const cpu = (await cpuSecondsOf(child.pid) - cpuBefore) / seconds * 100;
  const load = Deno.loadavg()[0]!;
  const one = (name: string, unit: string, value: number): Series => ({ name, unit, rounds: [{ value, load }] });
  return {
    scenario: "idle",
    title: `the defaults, nothing to do but the test event every 10 s, over ${ms / 1_000} s`,
    series: [
      one("commands that the service sends", "/s", sent),
      one("calls with those inside scripts", "/s", (await calls(redis) - callsBefore) / seconds),
      one("processor", "% of a core", cpu),
    ],
    targets: [
      { what: "commands a second", found: sent, wanted: "<= 2" },
      { what: "% of a core", found: cpu, wanted: "<= 1" },
    ],
    notes: [`Commands: ${monitor.counts.map(([name, count]) => `${name} ${count}`).join(", ")}.`],
  };
}

/** Calls since the server's start. */
async function calls(redis: TestRedis): Promise<number> {
  const text = String(await redis.command(["INFO", "stats"]));
  return Number(/^total_commands_processed:(\d+)/m.exec(text)?.[1] ?? 0);
}
