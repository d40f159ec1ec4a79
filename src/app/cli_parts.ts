/**
 * The composition of the terminal face: one connection to the same Redis, the same core; no service need run.
 * @module
 */
import { AdminCore } from "../admin/core.ts";
import { diagnose } from "../admin/doctor.ts";
import type { CliBackend } from "../cli/deps.ts";
import type { Clock, Random } from "../clock.ts";
import type { Config, RedisConfig } from "../config/types.ts";
import { ServiceError, StoreUnavailableError } from "../errors.ts";
import { Happenings } from "../happenings.ts";
import { RedisStreamAdmin } from "../store/redis/admin.ts";
import { RedisConnectionManager } from "../store/redis/connection/manager.ts";
import { socketPathOf } from "../store/redis/embedded/paths.ts";
import { probe } from "../store/redis/embedded/probe.ts";
import { RedisInspector } from "../store/redis/inspect.ts";
import { RedisStreamStore } from "../store/redis/redis_stream_store.ts";
import { Publisher } from "../stream/publisher.ts";

/** What the backend is made from. */
export interface CliPartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
}

const PROBE_MS = 2_000;
const CLOSE_MS = 500;

/**
 * Connects; the first attempt decides.
 * @throws {StoreUnavailableError} Redis cannot be reached. @throws {ServiceError} `embedded_redis`: none is running.
 */
export async function openCli(options: CliPartsOptions): Promise<CliBackend> {
  const { config, clock, random } = options;
  const happenings = new Happenings();
  const redis = await reachable(config.redis, clock);
  const manager = new RedisConnectionManager({
    ...{ config: redis, clock, random, happenings },
    clientName: `${config.service.name}-cli`,
  });
  try {
    return await connected(manager, happenings, options);
  } catch (error) {
    await manager.close(CLOSE_MS);
    throw error;
  }
}

async function connected(
  manager: RedisConnectionManager,
  happenings: Happenings,
  { config, clock }: CliPartsOptions,
): Promise<CliBackend> {
  const { names, group, publishDedupWindowMs, durability } = config.stream;
  const streams = names.map((stream) => {
    const command = manager.command(`{${stream}}`);
    const store = new RedisStreamStore({ stream, group, publishStream: names[0]!, command, blocking: command, clock });
    return { command, store, admin: new RedisStreamAdmin({ stream, group, command }) };
  });
  await firstLink(manager, happenings, streams.map(({ command }) => command.whenReady.bind(command)));
  const [{ store, command }] = [streams[0]!];
  const { name, version } = config.service;
  const publisher = new Publisher({
    ...{ store, clock, happenings, durability, source: name },
    maxBytes: config.http.maxBodyBytes,
    dedupWindowMs: publishDedupWindowMs,
  });
  const inspector = new RedisInspector({ stream: names[0]!, group, command, clock, durability });
  const core = new AdminCore({
    ...{ service: { name, version }, streams, clock, schedules: null },
    recent: () => [],
    onPause: () => {},
  });
  return {
    core,
    publish: (event) => publisher.publishAll([event]),
    diagnose: async () => diagnose(await inspector.inspect(), durability),
    [Symbol.asyncDispose]: () => manager.close(CLOSE_MS),
  };
}

/** A person waits: what a service would try again is told at once. */
async function firstLink(
  manager: RedisConnectionManager,
  happenings: Happenings,
  ready: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const unlisten = happenings.listen((happening) => {
    if (happening.kind !== "link" || happening.cause === undefined) return;
    const message = `Cannot reach Redis (${happening.cause}): ${happening.message ?? "no answer"}`;
    failed.abort(new StoreUnavailableError(happening.cause, message));
  }, ["link"]);
  try {
    manager.start();
    await Promise.all(ready.map((wait) => wait(failed.signal)));
  } finally {
    unlisten();
  }
}

/** The embedded server is only ever used where it runs: starting it is the service's. */
async function reachable(redis: RedisConfig, clock: Clock): Promise<RedisConfig> {
  if (redis.topology.kind !== "embedded") return redis;
  const { dir } = redis.topology;
  // Where there is no folder there is no server; its parents may not be ours to look at.
  const real = await Deno.realPath(dir).catch(() => null);
  const path = real === null ? null : await socketPathOf(real);
  const found = path === null ? null : await probe(path, clock, PROBE_MS);
  if (path !== null && found?.kind === "server") return { ...redis, topology: { kind: "unix", path } };
  throw new ServiceError(
    "embedded_redis",
    `Using the embedded Redis in ${dir}: found none that runs; start the service (deno task start), or name your own ` +
      "Redis in REDIS_URL or REDIS_HOST",
  );
}
