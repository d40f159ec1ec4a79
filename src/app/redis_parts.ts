/**
 * The Redis side of the composition: connections, stores, and the embedded server where one is wanted.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Config, RedisConfig } from "../config/types.ts";
import type { Happenings } from "../happenings.ts";
import type { RedisChannel } from "../store/redis/channel.ts";
import { RedisConnectionManager } from "../store/redis/connection/manager.ts";
import { slotOf } from "../store/redis/connection/slot.ts";
import { RedisStreamStore } from "../store/redis/redis_stream_store.ts";

/** What the parts are made from. */
export interface RedisPartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly onSecret: (secret: string) => void;
  /** Socket of the embedded server, when there is one. */
  readonly socketPath: string | null;
}

/** Connections and one store per stream. */
export interface RedisParts {
  readonly manager: RedisConnectionManager;
  readonly stores: readonly RedisStreamStore[];
  /** The command channel of the first stream. */
  readonly command: RedisChannel;
  /** Names of the links without which a stream's work stands still. */
  readonly linksOf: (stream: string) => readonly string[];
  /** Resolves with the first connections; rejects with the signal's reason. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  /** Sends what was published and still waits to go, then closes; waits so long, ms, for what is under way. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** How long a read waits for entries: within `COMMAND_TIMEOUT` with enough to spare for the answer. */
export function blockMsOf(config: Config): number {
  const { commandTimeoutMs } = config.redis;
  return Math.max(50, Math.min(4_000, Math.floor(Math.max(commandTimeoutMs / 2, commandTimeoutMs - 1_000))));
}

/** How long a publish waits for its durability: with the wait of those before it, within `COMMAND_TIMEOUT`. */
export function durabilityTimeoutMsOf(config: Config): number {
  return Math.min(3_000, Math.max(10, Math.floor(config.redis.commandTimeoutMs * 0.4)));
}

/** A link of that name only saves time: what goes over it goes by script while it is away. */
export function isSettler(link: string): boolean {
  return link.startsWith("settler:");
}

/** Name of the connection that publishes to a stream where that waits for more than memory. */
export function publisherName(stream: string): string {
  return `publisher:${stream}`;
}

/** How much longer it may take: together no more than `COMMAND_TIMEOUT`, where that is 100 ms at least. */
export function readMarginMsOf(config: Config): number {
  return Math.min(1_000, Math.max(50, config.redis.commandTimeoutMs - blockMsOf(config)));
}

/** Makes the parts; nothing connects before `manager.start()`. */
export function redisParts(options: RedisPartsOptions): RedisParts {
  const { config, clock, random, happenings, onSecret, socketPath } = options;
  const redis: RedisConfig = socketPath === null
    ? config.redis
    : { ...config.redis, topology: { kind: "unix", path: socketPath } };
  const manager = new RedisConnectionManager({
    config: redis,
    clock,
    random,
    happenings,
    clientName: config.service.name,
    onSecret,
  });
  const { names, group, durability } = config.stream;
  const first = names[0]!;
  const readers = names.map((stream) => manager.blocking(`reader:${stream}`, `{${stream}}`));
  const stores: readonly RedisStreamStore[] = names.map((stream) =>
    new RedisStreamStore({
      stream,
      group,
      publishStream: first,
      ...relayFor(redis, manager, stream, first),
      onEffect: (entryId) => stores[0]!.saw(entryId),
      command: manager.command(`{${stream}}`),
      blocking: manager.blocking(`reader:${stream}`, `{${stream}}`),
      // A kind for blocking commands, because it has a name: its own client is what matters. That closing does not wait
      // for it costs nothing: everything is settled, or given up, before.
      settling: manager.blocking(`settler:${stream}`, `{${stream}}`),
      readMarginMs: readMarginMsOf(config),
      clock,
      // WAIT concerns what its own connection wrote, and holds that connection up.
      ...(durability.level === "memory" ? {} : { publish: manager.blocking(publisherName(stream), `{${stream}}`) }),
      durabilityTimeoutMs: durabilityTimeoutMsOf(config),
    })
  );
  const command = manager.command(`{${first}}`);
  const ready = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([command, ...readers].map((channel) => channel.whenReady(signal)));
  };
  const linksOf = (stream: string): readonly string[] => [manager.command(`{${stream}}`).name, `reader:${stream}`];
  const close = async (graceMs: number): Promise<void> => {
    for (const store of stores) store.flushAppends();
    await manager.close(graceMs);
  };
  return { manager, stores, command, linksOf, ready, close };
}

/** In a cluster the stream that effects go to may be on another node; no script can write to both. */
function relayFor(
  { topology }: RedisConfig,
  manager: RedisConnectionManager,
  stream: string,
  publishStream: string,
): { relay?: RedisChannel } {
  if (topology.kind !== "cluster" || slotOf(stream) === slotOf(publishStream)) return {};
  return { relay: manager.command(`{${publishStream}}`) };
}

/** What the service reads from `INFO` now and then. */
export interface ServerFacts {
  readonly version: string;
  readonly uptimeMs: number;
  /** Policy that may drop streams when memory runs out; null when none can. */
  readonly evictionPolicy: string | null;
}

/** Asks the server about itself. @returns Null where it may not be asked. */
export async function serverFacts(command: RedisChannel): Promise<ServerFacts | null> {
  try {
    const text = String(await command.send(["INFO"]));
    const fact = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(text)?.[1] ?? "";
    const policy = fact("maxmemory_policy");
    const bounded = Number(fact("maxmemory")) > 0;
    return {
      version: fact("redis_version"),
      uptimeMs: Number(fact("uptime_in_seconds")) * 1_000,
      evictionPolicy: bounded && policy !== "" && policy !== "noeviction" ? policy : null,
    };
  } catch {
    return null;
  }
}
