/**
 * Publishing: `BENCH_WAY` `bare` (pipelined XADD over the client that the service uses), `single` (one publish a call, many
 * under way), `batch` (100 events a call). `BENCH_IDS`: events bring ids, as they do over HTTP, and so are deduplicated.
 * @module
 */
import process from "node:process";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { EventInit } from "../../src/events/event.ts";
import { Happenings } from "../../src/happenings.ts";
import { RedisConnectionManager } from "../../src/store/redis/connection/manager.ts";
import { RedisStreamStore } from "../../src/store/redis/redis_stream_store.ts";
import { Publisher } from "../../src/stream/publisher.ts";
import { tell } from "../lib/child.ts";
import { dataOf, fieldsOf } from "../lib/fill.ts";

const BATCH = 100;
const env = Deno.env.toObject();
const events = Number(env["BENCH_EVENTS"]);
const stream = env["STREAM"]!;
const { config } = parseConfig({ REDIS_URL: env["REDIS_URL"]! }, {
  hostname: "bench",
  version: "0",
  mintToken: () => "",
});
const happenings = new Happenings();
await using manager = new RedisConnectionManager({
  config: config.redis,
  clock: systemClock,
  random: systemRandom,
  happenings,
  clientName: "bench",
});
const command = manager.command(`{${stream}}`);
const store = new RedisStreamStore({ stream, group: "g", command, blocking: command });
const publisher = new Publisher({
  store,
  clock: systemClock,
  happenings,
  source: "svc/orders",
  maxBytes: 1_048_576,
  dedupWindowMs: config.stream.publishDedupWindowMs,
  durability: { level: "memory" },
});
// Made once, as the bare commands' text is: making it is the caller's work, not the publisher's.
const data = JSON.parse(dataOf(0));
const [, , ...rest] = fieldsOf(0);
/** As long as the ids that the publisher makes. */
const idAt = (index: number): string => `0b6f3a52-7c1d-4e9a-9f00-${100_000_000_000 + index}`;
const ids = env["BENCH_IDS"] !== undefined;
let made = 0;
const eventAt = (): EventInit =>
  ids ? { type: "order.created", source: "svc/orders", id: `e-${made++}`, data } : { type: "order.created", data };
const slice = <T>(from: number, make: (index: number) => T): T[] =>
  Array.from({ length: Math.min(BATCH, events - from) }, (_, index) => make(from + index));

/** Publishes what begins there. @returns How many. */
const ways: Record<string, (from: number) => Promise<unknown>> = {
  bare: (from) => command.pipeline(slice(from, (index) => ["XADD", stream, "*", "id", idAt(index), ...rest])),
  single: (from) => Promise.all(slice(from, () => publisher.publish(eventAt()))),
  batch: (from) => publisher.publishAll(slice(from, eventAt)),
};
const way = ways[env["BENCH_WAY"] ?? "batch"]!;
manager.start();
await command.whenReady(AbortSignal.timeout(10_000));
for (let warm = 0; warm < 20; warm++) await way(0);
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
let next = 0;
await Promise.all(Array.from({ length: 4 }, async () => {
  while (next < events) {
    const from = next;
    next += BATCH;
    await way(from);
  }
}));
const cpu = process.cpuUsage(cpuAtStart);
tell({ events, seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (cpu.user + cpu.system) / 1e6 });
