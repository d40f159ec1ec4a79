/**
 * The Redis store keeps every promise of the port, on a real server.
 * @module
 */
import { type Clock, systemClock } from "../../src/clock.ts";
import type { RedisConfig } from "../../src/config/types.ts";
import { Happenings } from "../../src/happenings.ts";
import { RedisConnectionManager } from "../../src/store/redis/connection/manager.ts";
import { RedisStreamAdmin } from "../../src/store/redis/admin.ts";
import { RedisStreamStore } from "../../src/store/redis/redis_stream_store.ts";
import type { Capability, Harness, RawEntry } from "../../testing/conformance/harness.ts";
import { runConformance } from "../../testing/conformance/run.ts";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";

const STREAM = "events";
const LEASE_MS = 150;
const CAN: ReadonlySet<Capability> = new Set(["refusal", "lost_index", "durability"]);

// One server for the file: starting one takes longer than most clauses.
let server: TestRedis | undefined;
Deno.test.beforeAll(async () => {
  server = await startRedis();
  // Opens the connection that all clauses share, so that no clause is blamed for it.
  await server.command(["PING"]);
});
Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

function redis(): TestRedis {
  if (server === undefined) throw new Error("asked for the server before it was started: wanted it from beforeAll");
  return server;
}

function configOf(port: number): RedisConfig {
  return {
    topology: { kind: "single", address: { host: "127.0.0.1", port } },
    user: null,
    password: null,
    passwordFile: null,
    db: 0,
    tls: null,
    connectionTimeoutMs: 2_000,
    commandTimeoutMs: 2_000,
    retryDelaysMs: [100],
    maxRetryAttempts: 0,
  };
}

/** Counts timers, so that a clause can wait for the last of them: an ended read looks once more, 20 ms later. */
class CountedClock implements Clock {
  #pending = 0;

  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  after(ms: number, callback: () => void, unref?: boolean): () => void {
    this.#pending++;
    let open = true;
    const end = (): void => {
      if (open) this.#pending--;
      open = false;
    };
    const cancel = systemClock.after(ms, () => {
      end();
      callback();
    }, unref);
    return () => {
      end();
      cancel();
    };
  }
}

/** A bulk string as text; of anything else its text. */
function text(reply: unknown): string {
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : String(reply);
}

function rows(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function bytesOf(reply: unknown): Uint8Array {
  return reply instanceof Uint8Array ? reply : new TextEncoder().encode(String(reply));
}

async function ask(...args: readonly string[]): Promise<unknown> {
  return await redis().command(args, { bytes: true });
}

async function entriesOf(stream: string): Promise<readonly RawEntry[]> {
  return rows(await ask("XRANGE", stream, "-", "+")).map((row) => {
    const [id, fields] = rows(row);
    return { id: text(id), fields: rows(fields).map(bytesOf) };
  });
}

/** Polls what the store says, as a reaper does; another consumer asks, so that nothing changes. */
async function leaseRanOut(consumer: string, store: RedisStreamStore): Promise<void> {
  await waitFor(async () => {
    const peer = (await store.peers("@observer")).find((other) => other.consumer === consumer);
    return peer?.state === "expired";
  }, { what: `the lease of ${consumer} to run out` });
}

async function storeTimePassed(ms: number): Promise<void> {
  const now = async (): Promise<number> => {
    const [seconds, micros] = rows(await ask("TIME")).map(text);
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  };
  const end = await now() + ms;
  await waitFor(async () => await now() > end, { everyMs: 5, what: `${ms} ms of store time to pass` });
}

async function blockedReads(): Promise<number> {
  return Number(/blocked_clients:(\d+)/.exec(text(await ask("INFO", "clients")))?.[1] ?? NaN);
}

async function pendingIds(group: string): Promise<readonly string[]> {
  if (Number(await ask("EXISTS", STREAM)) === 0) return [];
  return rows(await ask("XPENDING", STREAM, group, "-", "+", "100000")).map((row) => text(rows(row)[0]));
}

async function deleteKeys(pattern: string): Promise<void> {
  const keys = rows(await ask("KEYS", pattern)).map(text);
  if (keys.length > 0) await ask("DEL", ...keys);
}

/** A manager whose channels are ready. Each store gets a blocking channel of its own, as each consumer does. */
async function connect(clock: Clock): Promise<{ manager: RedisConnectionManager; stores: StoreMaker }> {
  const manager = new RedisConnectionManager({
    config: configOf(redis().port),
    clock,
    random: () => 0.5,
    happenings: new Happenings(),
    clientName: "conformance",
  });
  const command = manager.command(STREAM);
  const blocking = Array.from({ length: 4 }, (_, index) => manager.blocking(`reads-${index}`, STREAM));
  manager.start();
  await Promise.all([command, ...blocking].map((channel) => channel.whenReady(AbortSignal.timeout(5_000))));
  let made = 0;
  const stores: StoreMaker = (group = "g", options = {}) => {
    const channel = blocking[made++ % blocking.length] ?? command;
    return new RedisStreamStore({
      stream: STREAM,
      group,
      clock,
      command,
      blocking: channel,
      durabilityTimeoutMs: 100,
      ...options,
    });
  };
  return { manager, stores };
}

type StoreMaker = (...args: Parameters<Harness["store"]>) => RedisStreamStore;

async function open(): Promise<Harness> {
  await ask("FLUSHALL");
  const clock = new CountedClock();
  const { manager, stores } = await connect(clock);
  return {
    stream: STREAM,
    leaseMs: LEASE_MS,
    can: CAN,
    store: stores,
    admin: (group = "g") => new RedisStreamAdmin({ stream: STREAM, group, command: manager.command(STREAM) }),
    passLease: (consumer, group) => leaseRanOut(consumer, stores(group)),
    elapse: storeTimePassed,
    untilBlocked: async (reads) => {
      await waitFor(async () => await blockedReads() === reads, { what: `${reads} blocked reads` });
    },
    async foreignRead(consumer, count, group = "g"): Promise<readonly string[]> {
      const reply = await ask("XREADGROUP", "GROUP", group, consumer, "COUNT", String(count), "STREAMS", STREAM, ">");
      return rows(rows(rows(reply)[0])[1]).map((row) => text(rows(row)[0]));
    },
    refuse: async (on) => void await ask("CONFIG", "SET", "maxmemory", on ? "1" : "0"),
    deleteStream: async () => void await ask("DEL", STREAM),
    destroyGroup: async (group = "g") => void await ask("XGROUP", "DESTROY", STREAM, group),
    removeConsumer: async (consumer, group = "g") => {
      await ask("XGROUP", "DELCONSUMER", STREAM, group, consumer);
    },
    deleteEntry: async (entryId) => void await ask("XDEL", STREAM, entryId),
    flushAll: async () => void await ask("FLUSHALL"),
    async loseIndex(group = "g"): Promise<void> {
      await deleteKeys(`{${STREAM}}:${group}:parked:*`);
      await deleteKeys(`{${STREAM}}:${group}:orphans`);
    },
    entries: (stream = STREAM) => entriesOf(stream),
    pendingIds: (group = "g") => pendingIds(group),
    async [Symbol.asyncDispose](): Promise<void> {
      await ask("CONFIG", "SET", "maxmemory", "0");
      await manager.close(1_000);
      await waitFor(() => clock.pending === 0, { what: "the last timer" });
    },
  };
}

runConformance({ name: "redis", open, can: CAN });
