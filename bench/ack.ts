/**
 * What a fenced acknowledgement of many entries costs, against a bare `XACK` of the same ids.
 *
 * `deno task bench:ack [rounds] [ids]` starts a Redis of its own and prints, for each way, the round trip as the caller
 * sees it and the time that the server's main thread spends, and how many times the bare one that is. The ways take
 * turns in small blocks, so that a change of the machine's mood meets all of them.
 * @module
 */
import { systemClock } from "../src/clock.ts";
import { Happenings } from "../src/happenings.ts";
import type { Settlement } from "../src/store/port.ts";
import type { RedisChannel } from "../src/store/redis/channel.ts";
import { RedisConnectionManager } from "../src/store/redis/connection/manager.ts";
import { RedisStreamStore } from "../src/store/redis/redis_stream_store.ts";
import { startRedis, type TestRedis } from "../testing/redis_server.ts";

const STREAM = "bench";
const GROUP = "g";
const CONSUMER = "c";
/** Batches of one way between two looks at the server's processor time, which it tells in microseconds. */
const BLOCK = 10;
/** Blocks of each way that are not counted. */
const WARM_UP = 3;

/** What is to be acknowledged: as a bare XACK wants it, and as the settler has it. */
interface Batch {
  readonly ids: readonly string[];
  readonly settlements: readonly Settlement[];
}

/** One way to acknowledge. */
interface Way {
  readonly name: string;
  readonly run: (batch: Batch) => Promise<unknown>;
  /** Microseconds: each round trip; the server's time for one batch, a mean for each block. */
  readonly trips: number[];
  readonly server: number[];
}

async function main([rounds = "400", size = "500"]: readonly string[]): Promise<void> {
  await using redis = await startRedis();
  await using manager = managerOf(redis.port);
  const channels = ["{bench}", "reader", "settler"].map((name, index) =>
    index === 0 ? manager.command(name) : manager.blocking(name, "{bench}")
  ) as [RedisChannel, RedisChannel, RedisChannel];
  manager.start();
  for (const channel of channels) await channel.whenReady(new AbortController().signal);
  const [command, blocking, settling] = channels;
  const store = new RedisStreamStore({ stream: STREAM, group: GROUP, command, blocking, settling });
  await store.ensureGroup();
  await store.register(CONSUMER, 3_600_000);
  const scripted = new RedisStreamStore({ stream: STREAM, group: GROUP, command, blocking });
  const ways = [
    way("bare XACK", ({ ids }) => command.send(["XACK", STREAM, GROUP, ...ids])),
    way("fenced, watch", ({ settlements }) => store.settle(CONSUMER, settlements)),
    way("fenced, script", ({ settlements }) => scripted.settle(CONSUMER, settlements)),
  ];
  const blocks = WARM_UP + Math.ceil(Number(rounds) / BLOCK);
  for (let block = 0; block < blocks; block++) {
    // Each block begins with another way.
    for (let turn = 0; turn < ways.length; turn++) {
      const measured = ways[(block + turn) % ways.length]!;
      await measure(redis, store, measured, Number(size), block >= WARM_UP);
    }
  }
  report(ways, Number(size));
}

function managerOf(port: number): RedisConnectionManager {
  return new RedisConnectionManager({
    config: {
      topology: { kind: "single", address: { host: "127.0.0.1", port } },
      user: null,
      password: null,
      passwordFile: null,
      db: 0,
      tls: null,
      connectionTimeoutMs: 10_000,
      commandTimeoutMs: 30_000,
      retryDelaysMs: [1_000],
      maxRetryAttempts: 1,
    },
    clock: systemClock,
    random: () => 0.5,
    happenings: new Happenings(),
    clientName: "bench",
  });
}

function way(name: string, run: Way["run"]): Way {
  return { name, run, trips: [], server: [] };
}

async function measure(
  redis: TestRedis,
  store: RedisStreamStore,
  { run, trips, server }: Way,
  size: number,
  counts: boolean,
): Promise<void> {
  const batches = await held(redis, store, size);
  const before = await serverMicros(redis);
  const times: number[] = [];
  for (const batch of batches) {
    const start = performance.now();
    await run(batch);
    times.push((performance.now() - start) * 1_000);
  }
  const spent = (await serverMicros(redis) - before) / BLOCK;
  const left = (await redis.command(["XPENDING", STREAM, GROUP]) as readonly unknown[])[0];
  if (left !== 0) throw new Error(`acknowledging ${BLOCK} batches: found ${left} entries left, wanted none`);
  if (!counts) return;
  trips.push(...times);
  server.push(spent);
}

/** A block of batches that the consumer holds, in a stream that holds nothing else. */
async function held(redis: TestRedis, store: RedisStreamStore, size: number): Promise<readonly Batch[]> {
  await redis.command(["XTRIM", STREAM, "MAXLEN", "0"]);
  const batches: Batch[] = [];
  for (let batch = 0; batch < BLOCK; batch++) {
    await store.append(Array.from({ length: size }, () => ({ fields: ["type", "bench"] })));
    const deliveries = await store.read(CONSUMER, size, 0, new AbortController().signal);
    batches.push({
      ids: deliveries.map(({ ref }) => ref),
      settlements: deliveries.map(({ ref }) => ({ kind: "done", ref })),
    });
  }
  return batches;
}

/** Processor time of the server's main thread so far. */
async function serverMicros(redis: TestRedis): Promise<number> {
  const info = String(await redis.command(["INFO", "cpu"]));
  const seconds = (name: string): number => Number(new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1] ?? 0);
  return (seconds("used_cpu_user_main_thread") + seconds("used_cpu_sys_main_thread")) * 1e6;
}

function report(ways: readonly Way[], size: number): void {
  const bare = ways[0]!;
  say(`${bare.trips.length} rounds of ${size} ids each; microseconds, and how many times the bare XACK`);
  say(
    `${"".padEnd(16)}${["trip p50", "trip p10", "server p50", "server p10"].map((name) => name.padStart(18)).join("")}`,
  );
  for (const { name, trips, server } of ways) {
    const cells = [
      [trips, bare.trips, 0.5],
      [trips, bare.trips, 0.1],
      [server, bare.server, 0.5],
      [server, bare.server, 0.1],
    ] as const;
    const texts = cells.map(([own, base, share]) => {
      const value = quantile(own, share);
      return `${value.toFixed(0)} (${(value / quantile(base, share)).toFixed(2)})`.padStart(18);
    });
    say(`${name.padEnd(16)}${texts.join("")}`);
  }
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) await main(Deno.args);
