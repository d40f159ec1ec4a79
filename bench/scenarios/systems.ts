/**
 * Other systems on Redis, with the same events and a handler that does nothing, beside the service with everything on.
 *
 * They run in Node, for which they are made, with the settings that were fastest of those tried; their packages have a
 * lock of their own in `bench/systems/` and are fetched the first time.
 * @module
 */
import { type Bench, benchRedis, consumeByService, consumed, dropGroup, type Scenario } from "../lib/bench.ts";
import { dataOf, fill } from "../lib/fill.ts";
import { interleave, ratio, type Result, seriesOf } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

/** What takes longer has hung. */
const LONGEST_MS = 180_000;
const HOME = new URL("../systems/", import.meta.url).pathname;

/** See the module's text. */
export const systems: Scenario = { name: "systems", run };

/** How many events take each of them some five seconds, the stream that they read, and what is wanted. */
const OTHERS = [
  { name: "redis-streams-broker", events: 300_000, stream: "orders", wanted: ">= 2.5" },
  { name: "Moleculer channels", events: 200_000, stream: "payloads", wanted: ">= 6" },
  { name: "Moleculer channels, 1 subscriber", events: 20_000, stream: "few", wanted: "" },
  { name: "BullMQ", events: 60_000, stream: "jobs", wanted: ">= 12" },
] as const;

async function run(bench: Bench): Promise<Result> {
  const part = bench.quick ? 0.2 : 1;
  const events = 1_000_000 * part;
  const there = await areThere();
  await using redis = await benchRedis();
  await fill(redis.port, "orders", events);
  await fillPayloads(redis, "payloads", 200_000 * part);
  await fillPayloads(redis, "few", 20_000 * part);
  const series = await interleave(bench.rounds, [
    { name: "service", unit: "events/s", run: (round) => consumeByService(redis, "orders", `s${round}`, events) },
    ...OTHERS.map((other) => ({
      name: other.name,
      unit: "events/s",
      run: (round: number) => there ? theirs(redis, other, round, other.events * part) : unknown(),
    })),
  ]);
  const service = seriesOf(series, "service");
  return {
    scenario: "systems",
    title: "other systems on Redis, handling events of some 250 bytes of JSON",
    series,
    targets: OTHERS.map(({ name, wanted }) => ({
      what: `service / ${name}`,
      found: ratio(service, seriesOf(series, name)),
      wanted,
    })),
    notes: there
      ? [
        "redis-streams-broker 1,000 a read over ioredis; Moleculer 16 subscribers of 100, which is the fastest way that was found, and 1 of 100, as in its own throughput test; BullMQ 100 at a time. All in Node.",
      ]
      : ["Not measured: they want Node, and their packages from npm."],
  };
}

/** Fetched where they are not. @returns False: they cannot be had. */
async function areThere(): Promise<boolean> {
  try {
    const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    // Written last: half of an installation is none.
    if (await exists(`${HOME}node_modules/.package-lock.json`)) return true;
    const signal = AbortSignal.timeout(LONGEST_MS);
    return (await new Deno.Command("npm", { args, cwd: HOME, stdin: "null", stdout: "null", signal }).output()).success;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

function unknown(): Promise<{ value: number }> {
  return Promise.resolve({ value: NaN });
}

/** What Moleculer reads: one field of JSON. */
async function fillPayloads(redis: TestRedis, stream: string, events: number): Promise<void> {
  const script = "for n = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'payload', ARGV[2]) end";
  for (let from = 0; from < events; from += 10_000) {
    const count = Math.min(10_000, events - from);
    await redis.command(["EVAL", script, "1", stream, String(count), dataOf(0)]);
  }
}

async function theirs(
  redis: TestRedis,
  { name, stream }: { readonly name: string; readonly stream: string },
  round: number,
  events: number,
): Promise<{ value: number; cpu: number }> {
  const group = `${name.replaceAll(/\W/g, "")}${round}`;
  // A queue is filled and emptied: it cannot be read twice.
  const from = stream === "jobs" ? `${stream}${round}` : stream;
  const { success, stdout, stderr } = await new Deno.Command("node", {
    args: ["worker.js"],
    cwd: HOME,
    env: {
      BENCH_SYSTEM: name,
      REDIS_PORT: String(redis.port),
      STREAM: from,
      CONSUMER_GROUP: group,
      BENCH_EVENTS: String(events),
      BENCH_DATA: dataOf(0),
    },
    stdin: "null",
    signal: AbortSignal.timeout(LONGEST_MS),
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const found = /BENCH (\{.*"seconds".*\})/.exec(text(stdout))?.[1];
  if (!success || found === undefined) throw new Error(`${name}: ${text(stderr).slice(-2_000)}`);
  if (stream !== "jobs") await dropGroup(redis, stream, group);
  const { value, cpu } = consumed(JSON.parse(found));
  return { value, cpu };
}
