/**
 * The parts that move events: built once the handlers are known, started when Redis is there.
 * @module
 */
import type { RecentErrors } from "../admin/recent.ts";
import type { Clock, Random } from "../clock.ts";
import type { Config } from "../config/types.ts";
import type { Registry } from "../handling/registry.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { Dispatcher } from "../stream/dispatcher.ts";
import { Publisher } from "../stream/publisher.ts";
import { Scheduler } from "../stream/scheduler.ts";
import { StreamWorker } from "../stream/worker.ts";
import type { Logging } from "../telemetry/logging.ts";
import type { Tracing } from "../tracing.ts";
import { type AdminParts, adminParts } from "./admin_parts.ts";
import { handlerLogger } from "./handler_logger.ts";
import { blockMsOf, type RedisParts, redisParts, serverFacts } from "./redis_parts.ts";
import { Watcher } from "./watcher.ts";

/** The parts that exist once the handlers are known. */
export interface RunningParts {
  readonly redis: RedisParts;
  readonly workers: readonly StreamWorker[];
  readonly dispatcher: Dispatcher;
  readonly deadlines: Deadlines;
  readonly scheduler: Scheduler;
  readonly publisher: Publisher;
  readonly watcher: Watcher;
  readonly admin: AdminParts;
}

/** What they are made from. */
export interface RunningPartsOptions {
  readonly config: Config;
  readonly logging: Logging;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly registry: Registry;
  readonly recent: RecentErrors;
  /** Of the embedded Redis; null: the configured one. */
  readonly socketPath: string | null;
  /** Null: nothing traces. */
  readonly tracing: Tracing | null;
  /** An event was published that is to be held for a while. */
  readonly onDelayed: () => void;
}

/** Builds them. Does no I/O. */
export function runningParts(options: RunningPartsOptions): RunningParts {
  const { config, clock, random, happenings, registry, logging, recent } = options;
  const redis = redisParts({ ...options, onSecret: (secret) => logging.addSecret(secret) });
  const store = redis.stores[0]!;
  const dispatcher = new Dispatcher(config.stream.concurrency);
  const deadlines = new Deadlines(clock);
  const publisher = publisherOf(options, store);
  const startId = crypto.randomUUID().slice(0, 8);
  const shared = { dispatcher, deadlines, publisher, startId, share: redis.stores.length };
  const workers = redis.stores.map((store) => {
    const links = redis.linksOf(store.stream);
    return workerOf(options, store, { ...shared, concerns: (link) => links.includes(link) });
  });
  const { schedules } = registry;
  const { timezone } = config.log;
  const scheduler = new Scheduler({ store, clock, random, happenings, publisher, schedules, timezone });
  const facts = (): ReturnType<typeof serverFacts> => serverFacts(redis.command);
  const watcher = new Watcher({ clock, random, happenings, stores: redis.stores, serverFacts: facts });
  const core = { config, clock, random, happenings, redis, workers, dispatcher, scheduler, schedules, recent };
  return { redis, workers, dispatcher, deadlines, scheduler, publisher, watcher, admin: adminParts(core) };
}

function publisherOf(
  { config, clock, happenings, onDelayed, tracing }: RunningPartsOptions,
  store: StreamStore,
): Publisher {
  return new Publisher({
    store,
    clock,
    happenings,
    source: config.service.name,
    maxBytes: config.http.maxBodyBytes,
    dedupWindowMs: config.stream.publishDedupWindowMs,
    durability: config.stream.durability,
    onDelayed,
    tracing,
  });
}

/** What the workers of all streams have in common. */
interface Shared {
  readonly dispatcher: Dispatcher;
  readonly deadlines: Deadlines;
  readonly publisher: Publisher;
  readonly startId: string;
  /** Whether the stream's work goes over the link of that name. */
  readonly concerns: (link: string) => boolean;
  /** Among how many streams the room for held entries is divided. */
  readonly share: number;
}

function workerOf(options: RunningPartsOptions, store: StreamStore, { share, ...shared }: Shared): StreamWorker {
  const { config, logging, clock, random, happenings, registry, tracing } = options;
  const { stream: s } = config;
  return new StreamWorker({
    ...shared,
    store,
    clock,
    random,
    happenings,
    registry,
    tracing,
    logger: (event, attempt, traceparent) => handlerLogger(logging, event, attempt, traceparent),
    redact: (text) => logging.redact(text),
    baseName: s.consumerName,
    leaseMs: s.leaseMs,
    batchSize: s.batchSize,
    blockMs: blockMsOf(config),
    retention: { maxLength: s.retentionMaxLength, maxAgeMs: s.retentionMaxAgeMs },
    consuming: s.consumerEnabled,
    settings: {
      // CONTRACT 6.10: never more than twice the batch size and the concurrency, over all streams.
      maxHeld: Math.max(1, Math.floor((2 * s.batchSize + s.concurrency) / share)),
      ordering: s.ordering,
      handlerTimeoutMs: s.handlerTimeoutMs,
      maxDeliveries: s.maxDeliveries,
      retryBackoffMs: s.retryBackoffMs,
      retryBackoffMaxMs: s.retryBackoffMaxMs,
      dedupWindowMs: s.dedupWindowMs,
      maxParked: Math.max(1_000, 20 * s.batchSize),
    },
  });
}
