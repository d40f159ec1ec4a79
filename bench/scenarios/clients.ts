/**
 * Which client reads best: our own link, and node-redis with all that it can be told. For docs/adr/0008.
 * @module
 */
import { type Bench, benchRedis, type Scenario } from "../lib/bench.ts";
import { fill } from "../lib/fill.ts";
import { interleave, type Result } from "../lib/series.ts";
import { bare } from "./consume.ts";

const WAYS: readonly (readonly [name: string, env: Readonly<Record<string, string>>])[] = [
  ["own reader", { BENCH_CLIENT: "resp" }],
  ["own reader, 2 under way", { BENCH_CLIENT: "resp", BENCH_DEPTH: "2" }],
  ["own reader, 3 under way", { BENCH_CLIENT: "resp", BENCH_DEPTH: "3" }],
  ["own reader, JSON parsed", { BENCH_CLIENT: "resp", BENCH_JSON: "1" }],
  ["node-redis", { BENCH_OPTIONS: "plain" }],
  ["node-redis, default timeout", { BENCH_OPTIONS: "timeout" }],
  ["node-redis, 2 under way", { BENCH_OPTIONS: "plain", BENCH_DEPTH: "2" }],
  ["node-redis, 3 under way", { BENCH_OPTIONS: "plain", BENCH_DEPTH: "3" }],
  ["node-redis, raw replies", { BENCH_OPTIONS: "arrays" }],
  ["node-redis, raw replies as bytes", { BENCH_OPTIONS: "buffers" }],
  ["node-redis, RESP3, raw replies", { BENCH_OPTIONS: "resp3" }],
  ["node-redis, JSON parsed", { BENCH_OPTIONS: "plain", BENCH_JSON: "1" }],
];

/** See the module's text. */
export const clients: Scenario = { name: "clients", run };

async function run(bench: Bench): Promise<Result> {
  const events = bench.quick ? 50_000 : 200_000;
  await using redis = await benchRedis();
  await fill(redis.port, "orders", events);
  const ways = WAYS.map(([name, env], index) => ({
    name,
    unit: "events/s",
    run: (round: number) => bare(redis, `g${index}-${round}`, events, env),
  }));
  const series = await interleave(Math.min(bench.rounds, 3), ways);
  return { scenario: "clients", title: "bare loops, batches of 500", series, targets: [], notes: [] };
}
