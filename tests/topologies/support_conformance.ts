/**
 * The conformance suite's harness over a topology: the store gets its channels from the connection manager, with the
 * settings that a service would have; the tests' own hands go to whoever owns the key.
 * @module
 */
import { type Clock, systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { RedisConfig } from "../../src/config/types.ts";
import { Happenings } from "../../src/happenings.ts";
import { RedisConnectionManager } from "../../src/store/redis/connection/manager.ts";
import { RedisStreamAdmin } from "../../src/store/redis/admin.ts";
import { RedisStreamStore } from "../../src/store/redis/redis_stream_store.ts";
import type { Capability, Harness, RawEntry } from "../../testing/conformance/harness.ts";
import { runConformance } from "../../testing/conformance/run.ts";
import type { TestRedis } from "../../testing/redis_server.ts";
import type { TestTopology } from "../../testing/topology.ts";
import { waitFor } from "../../testing/wait.ts";

const STREAM = "events";
const LEASE_MS = 150;
const CAN: ReadonlySet<Capability> = new Set(["refusal", "lost_index", "durability"]);

type Store = ReturnType<Harness["store"]>;
type StoreArgs = Parameters<Harness["store"]>;

/** Registers the suite. One topology serves all clauses of the file. */
export function conformanceOn(name: string, start: () => Promise<TestTopology>): void {
  let topology: TestTopology | undefined;
  Deno.test.beforeAll(async () => {
    topology = await start();
    // Opens the connections that all clauses share, so that no clause is blamed for them.
    for (const server of topology.servers) await server.command(["PING"]);
  });
  Deno.test.afterAll(async () => {
    await topology?.[Symbol.asyncDispose]();
  });
  runConformance({ name, open: () => TopologyHarness.open(topology!), can: CAN });
}

/** The settings of Redis as the service reads them. */
export function redisConfigOf(env: Readonly<Record<string, string>>): RedisConfig {
  const timers = { CONNECTION_TIMEOUT: "2000", COMMAND_TIMEOUT: "2000", RETRY_DELAYS: "100" };
  return parseConfig({ ...timers, ...env }, { hostname: "test", version: "0", mintToken: () => "" }).config.redis;
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

/** See the module's text. */
class TopologyHarness implements Harness {
  readonly stream = STREAM;
  readonly leaseMs = LEASE_MS;
  readonly can = CAN;
  readonly #redis: TestRedis;
  readonly #topology: TestTopology;
  readonly #clock = new CountedClock();
  readonly #manager: RedisConnectionManager;
  #made = 0;

  private constructor(topology: TestTopology, redis: TestRedis) {
    this.#topology = topology;
    this.#redis = redis;
    this.#manager = new RedisConnectionManager({
      config: redisConfigOf(topology.env),
      clock: this.#clock,
      random: () => 0.5,
      happenings: new Happenings(),
      clientName: "conformance",
    });
  }

  static async open(topology: TestTopology): Promise<TopologyHarness> {
    const harness = new TopologyHarness(topology, await topology.owner(STREAM));
    await harness.flushAll();
    // The second is of the stream that one clause publishes effects to; in a cluster it has a node of its own.
    const channels = [STREAM, `${STREAM}-out`].map((stream) => harness.#manager.command(`{${stream}}`));
    for (let index = 0; index < 3; index++) channels.push(harness.#manager.blocking(`reads-${index}`, STREAM));
    harness.#manager.start();
    await Promise.all(channels.map((channel) => channel.whenReady(AbortSignal.timeout(5_000))));
    return harness;
  }

  store(group: StoreArgs[0] = "g", options: StoreArgs[1] = {}): Store {
    const { stream = STREAM, ...rest } = options;
    return new RedisStreamStore({
      stream,
      group,
      clock: this.#clock,
      command: this.#manager.command(`{${stream}}`),
      blocking: this.#manager.blocking(`reads-${this.#made++ % 3}`, STREAM),
      durabilityTimeoutMs: 100,
      ...(options.publishStream === undefined || this.#topology.kind !== "cluster"
        ? {}
        : { relay: this.#manager.command(`{${options.publishStream}}`) }),
      ...rest,
    });
  }

  admin(group = "g"): RedisStreamAdmin {
    return new RedisStreamAdmin({ stream: STREAM, group, command: this.#manager.command(STREAM) });
  }

  /** Asks as another consumer does, so that nothing changes. */
  async passLease(consumer: string, group = "g"): Promise<void> {
    const store = this.store(group);
    await waitFor(async () => {
      const peer = (await store.peers("@observer")).find((other) => other.consumer === consumer);
      return peer?.state === "expired";
    }, { what: `the lease of ${consumer} to run out` });
  }

  async elapse(ms: number): Promise<void> {
    const now = async (): Promise<number> => {
      const [seconds, micros] = rows(await this.#ask("TIME")).map(text);
      return Number(seconds) * 1_000 + Number(micros) / 1_000;
    };
    const end = await now() + ms;
    await waitFor(async () => await now() > end, { everyMs: 5, what: `${ms} ms of store time to pass` });
  }

  async untilBlocked(reads: number): Promise<void> {
    await waitFor(async () => {
      const info = text(await this.#ask("INFO", "clients"));
      return Number(/blocked_clients:(\d+)/.exec(info)?.[1]) === reads;
    }, { what: `${reads} blocked reads` });
  }

  async foreignRead(consumer: string, count: number, group = "g"): Promise<readonly string[]> {
    const args = ["GROUP", group, consumer, "COUNT", String(count), "STREAMS", STREAM, ">"];
    const reply = await this.#ask("XREADGROUP", ...args);
    return rows(rows(rows(reply)[0])[1]).map((row) => text(rows(row)[0]));
  }

  async refuse(on: boolean): Promise<void> {
    await this.#ask("CONFIG", "SET", "maxmemory", on ? "1" : "0");
  }

  async deleteStream(): Promise<void> {
    await this.#ask("DEL", STREAM);
  }

  async destroyGroup(group = "g"): Promise<void> {
    await this.#ask("XGROUP", "DESTROY", STREAM, group);
  }

  async removeConsumer(consumer: string, group = "g"): Promise<void> {
    await this.#ask("XGROUP", "DELCONSUMER", STREAM, group, consumer);
  }

  async deleteEntry(entryId: string): Promise<void> {
    await this.#ask("XDEL", STREAM, entryId);
  }

  async flushAll(): Promise<void> {
    await this.#ask("FLUSHALL");
  }

  async loseIndex(group = "g"): Promise<void> {
    const keys = rows(await this.#ask("KEYS", `{${STREAM}}:${group}:parked:*`)).map(text);
    await this.#ask("DEL", `{${STREAM}}:${group}:orphans`, ...keys);
  }

  async entries(stream = STREAM): Promise<readonly RawEntry[]> {
    const owner = await this.#topology.owner(stream);
    return rows(await owner.command(["XRANGE", stream, "-", "+"], { bytes: true })).map((row) => {
      const [id, fields] = rows(row);
      return { id: text(id), fields: rows(fields).map(bytesOf) };
    });
  }

  async pendingIds(group = "g"): Promise<readonly string[]> {
    if (Number(await this.#ask("EXISTS", STREAM)) === 0) return [];
    return rows(await this.#ask("XPENDING", STREAM, group, "-", "+", "100000")).map((row) => text(rows(row)[0]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse(false);
    await this.#manager.close(1_000);
    await waitFor(() => this.#clock.pending === 0, { what: "the last timer" });
  }

  async #ask(...args: readonly string[]): Promise<unknown> {
    return await this.#redis.command(args, { bytes: true });
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
