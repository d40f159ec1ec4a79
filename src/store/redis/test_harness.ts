/**
 * A real Redis behind the conformance suite's harness, and behind the tests of this folder.
 * @module
 */
import { Buffer } from "node:buffer";
import { type Clock, sleep, systemClock } from "../../clock.ts";
import type { Capability, Harness, RawEntry } from "../../../testing/conformance/harness.ts";
import { startRedis, type TestRedis } from "../../../testing/redis_server.ts";
import { waitFor } from "../../../testing/wait.ts";
import { RedisStreamAdmin } from "./admin.ts";
import type { Fields } from "../../events/event.ts";
import { PackedFields } from "../../events/packed.ts";
import type { Delivery, Settlement, TakeOver } from "../port.ts";
import type { RedisChannel } from "./channel.ts";
import type { RawReply } from "./embedded/raw_client.ts";
import { keysOf, LEASE_HORIZON_MS } from "./keys.ts";
import { RedisStreamStore } from "./redis_stream_store.ts";
import { TestChannel } from "./test_channel.ts";

/** What a real Redis can be made to do. */
export const CAPABILITIES: ReadonlySet<Capability> = new Set(["refusal", "lost_index", "durability"]);

/** Starts a server of its own. */
export async function openHarness(config: Readonly<Record<string, string>> = {}): Promise<RedisHarness> {
  return new RedisHarness(await startRedis({ config }));
}

/** The same, over which what is parked is kept in memory too. */
export async function openKeepingHarness(): Promise<RedisHarness> {
  return new RedisHarness(await startRedis(), true);
}

/** What a test of this folder may want otherwise. */
export interface StoreOptions {
  readonly stream?: string;
  readonly publishStream?: string;
  readonly command?: RedisChannel;
  readonly settling?: RedisChannel;
  readonly clock?: Clock;
}

/** What is parked over it is kept, as in a service, whose links tell where the fields lie. */
class KeepingStore extends RedisStreamStore {
  readonly #packed = new Map<string, PackedFields>();

  override async read(...args: Parameters<RedisStreamStore["read"]>): Promise<readonly Delivery[]> {
    return this.#note(await super.read(...args));
  }

  override async recover(...args: Parameters<RedisStreamStore["recover"]>): Promise<readonly Delivery[]> {
    return this.#note(await super.recover(...args));
  }

  override async takeOver(...args: Parameters<RedisStreamStore["takeOver"]>): Promise<TakeOver> {
    const taken = await super.takeOver(...args);
    this.#note(taken.deliveries);
    return taken;
  }

  override settle(consumer: string, settlements: readonly Settlement[], windowMs?: number) {
    const packed = settlements.map((one) => {
      const fields = one.kind === "park" ? this.#packed.get(one.ref) : undefined;
      return fields === undefined ? one : { ...one, packed: fields };
    });
    return super.settle(consumer, packed, windowMs);
  }

  #note(deliveries: readonly Delivery[]): readonly Delivery[] {
    for (const { ref, fields } of deliveries) if (!ref.startsWith("r:")) this.#packed.set(ref, packedOf(fields));
    return deliveries;
  }
}

function packedOf(fields: Fields): PackedFields {
  let at = 0;
  const places = fields.flatMap(({ length }) => [at, at += length]);
  return new PackedFields(Buffer.concat(fields), { table: Uint32Array.from(places) });
}

/** See the module's text. */
export class RedisHarness implements Harness {
  readonly stream = "events";
  readonly leaseMs = 30_000;
  readonly can = CAPABILITIES;
  readonly redis: TestRedis;
  readonly #channels: TestChannel[] = [];

  readonly #keeping: boolean;

  /** @param keeping What is parked is kept in memory too. */
  constructor(redis: TestRedis, keeping = false) {
    this.redis = redis;
    this.#keeping = keeping;
  }

  channel(): TestChannel {
    const channel = new TestChannel(this.redis.url);
    this.#channels.push(channel);
    return channel;
  }

  /** A channel that connects at once. */
  opened(): TestChannel {
    const channel = this.channel();
    channel.whenReady().catch(() => {});
    return channel;
  }

  store(
    group = "g",
    options: StoreOptions = {},
  ): RedisStreamStore {
    const stream = options.stream ?? this.stream;
    const Store = this.#keeping ? KeepingStore : RedisStreamStore;
    return new Store({
      stream,
      group,
      ...(options.publishStream === undefined ? {} : { publishStream: options.publishStream }),
      command: options.command ?? this.channel(),
      blocking: this.channel(),
      settling: options.settling ?? this.opened(),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      durabilityTimeoutMs: 100,
    });
  }

  admin(group = "g"): RedisStreamAdmin {
    return new RedisStreamAdmin({ stream: this.stream, group, command: this.channel() });
  }

  /** Sets the key's remaining time back, so that nobody has to wait. */
  async passLease(consumer: string, group = "g"): Promise<void> {
    const key = keysOf(this.stream, group).lease(consumer);
    await this.redis.command(["PEXPIRE", key, LEASE_HORIZON_MS - this.leaseMs - 1]);
  }

  async elapse(ms: number): Promise<void> {
    const until = systemClock.monotonic() + ms + 2;
    while (systemClock.monotonic() < until) await sleep(systemClock, until - systemClock.monotonic());
  }

  async untilBlocked(reads: number): Promise<void> {
    await waitFor(async () => {
      const info = String(await this.redis.command(["INFO", "clients"]));
      return Number(/blocked_clients:(\d+)/.exec(info)?.[1]) >= reads;
    }, { what: `${reads} blocked reads` });
  }

  async foreignRead(consumer: string, count: number, group = "g"): Promise<readonly string[]> {
    const reply = await this.redis.command(
      ["XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", this.stream, ">"],
    );
    return rows(rows(rows(reply)[0])[1]).map((entry) => String(rows(entry)[0]));
  }

  async refuse(on: boolean): Promise<void> {
    await this.redis.command(["CONFIG", "SET", "maxmemory", on ? "1" : "0"]);
  }

  async deleteStream(): Promise<void> {
    await this.redis.command(["DEL", this.stream]);
  }

  async destroyGroup(group = "g"): Promise<void> {
    await this.redis.command(["XGROUP", "DESTROY", this.stream, group]);
  }

  async removeConsumer(consumer: string, group = "g"): Promise<void> {
    await this.redis.command(["XGROUP", "DELCONSUMER", this.stream, group, consumer]);
  }

  async deleteEntry(entryId: string): Promise<void> {
    await this.redis.command(["XDEL", this.stream, entryId]);
  }

  async flushAll(): Promise<void> {
    await this.redis.command(["FLUSHALL"]);
  }

  async loseIndex(group = "g"): Promise<void> {
    const { prefix } = keysOf(this.stream, group);
    const parked = rows(await this.redis.command(["KEYS", `${prefix}parked:*`])).map(String);
    await this.redis.command(["DEL", `${prefix}orphans`, ...parked]);
  }

  async entries(stream = this.stream): Promise<readonly RawEntry[]> {
    const reply = await this.redis.command(["XRANGE", stream, "-", "+"], { bytes: true });
    return rows(reply).map((entry) => {
      const [id, fields] = rows(entry);
      return { id: Buffer.from(id as Uint8Array).toString(), fields: rows(fields) as readonly Uint8Array[] };
    });
  }

  async pendingIds(group = "g"): Promise<readonly string[]> {
    const reply = await this.redis.command(["XPENDING", this.stream, group, "-", "+", 100_000]);
    return rows(reply).map((row) => String(rows(row)[0]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels) await channel[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}

/** A raw reply as a list. */
export function rows(reply: RawReply | undefined): readonly RawReply[] {
  return Array.isArray(reply) ? reply : [];
}
