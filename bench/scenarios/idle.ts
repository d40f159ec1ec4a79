/**
 * What an idle service costs: commands a second that clients send, calls that scripts make, processor time, memory.
 * @module
 */
import { type Bench, benchRedis, pause, type Scenario, serviceEnv } from "../lib/bench.ts";
import { Child } from "../lib/child.ts";
import { cpuSecondsOf } from "../lib/proc.ts";
import type { Result, Series } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** Until what a start brings is over: connections, scripts, the first looks. */
const SETTLE_MS = 6_000;

/** See the module's text. */
export const idle: Scenario = { name: "idle", run };

async function run({ quick }: Bench): Promise<Result> {
  const seconds = quick ? 20 : 60;
  await using redis = await benchRedis();
  const env = { ...serviceEnv(redis, "idle", "idlers"), TEST_EVENT_INTERVAL: "10000" };
  await using child = new Child("consume", env);
  await child.until("ready");
  await pause(SETTLE_MS);
  const cpuBefore = await cpuSecondsOf(child.pid);
  await redis.command(["CONFIG", "RESETSTAT"]);
  const startedAt = performance.now();
  await pause(seconds * 1_000);
  const took = (performance.now() - startedAt) / 1_000;
  const calls = await callsByCommand(redis);
  // The reset itself, and the look at the statistics.
  const sent = (await commands(redis) - 2) / took;
  const cpu = (await cpuSecondsOf(child.pid) - cpuBefore) / took;
  const load = Deno.loadavg()[0]!;
  const one = (name: string, unit: string, value: number): Series => ({ name, unit, rounds: [{ value, load }] });
  return {
    scenario: "idle",
    title: `the defaults, nothing to do but the test event every 10 s, over ${seconds} s`,
    series: [
      one("commands that the service sends", "/s", sent),
      one("calls with those inside scripts", "/s", calls.total / took),
      one("processor", "% of a core", cpu * 100),
    ],
    targets: [
      { what: "commands a second", found: sent, wanted: "<= 2" },
      { what: "% of a core", found: cpu * 100, wanted: "<= 1" },
    ],
    notes: [`Calls: ${calls.text}.`],
  };
}

/** Commands that clients sent since the statistics were reset; those that scripts call are not among them. */
async function commands(redis: TestRedis): Promise<number> {
  const text = String(await redis.command(["INFO", "stats"]));
  return Number(/^total_commands_processed:(\d+)/m.exec(text)?.[1] ?? 0);
}

async function callsByCommand(redis: TestRedis): Promise<{ total: number; text: string }> {
  const lines = String(await redis.command(["INFO", "commandstats"])).split("\r\n");
  const calls = lines.flatMap((line) => {
    const found = /^cmdstat_(\S+?):calls=(\d+)/.exec(line);
    return found === null ? [] : [{ name: found[1]!, count: Number(found[2]) }];
  }).sort((a, b) => b.count - a.count);
  return {
    total: calls.reduce((sum, { count }) => sum + count, 0),
    text: calls.map(({ name, count }) => `${name} ${count}`).join(", "),
  };
}
