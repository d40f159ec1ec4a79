/**
 * A worker over a store in memory, for tests.
 * @module
 */
import assert from "node:assert/strict";
import type { FakeClock } from "../../testing/fake_clock.ts";
import type { Handler, HandlerLogger } from "../handling/define.ts";
import { Registry } from "../handling/registry.ts";
import { Happenings } from "../happenings.ts";
import type { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { News, StreamStore } from "../store/port.ts";
import { Deadlines } from "./deadlines.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Publisher } from "./publisher.ts";
import { StreamWorker, type WorkerOptions } from "./worker.ts";

/** Where they work. */
export const STREAM = "orders";
/** What a failed entry waits for, ms. */
export const RETRY_MS = 1_000;

/** How failures are dealt with there. */
export const SETTINGS: WorkerOptions["settings"] = {
  maxHeld: 24,
  ordering: "key",
  handlerTimeoutMs: 30_000,
  maxDeliveries: 5,
  retryBackoffMs: RETRY_MS,
  retryBackoffMaxMs: RETRY_MS,
  dedupWindowMs: 0,
  maxParked: 100,
};

/** What beats tell of a group in which nothing is to be done, by anybody. */
export const IDLE: News = {
  paused: false,
  delayedInMs: null,
  adoptable: 0,
  parked: false,
  pending: 0,
  replays: false,
  mark: "1",
  kept: { length: 3, letters: 0, made: "1" },
  alone: true,
};

/** What a test gets. */
export interface Workplace {
  /** Has not started. */
  readonly worker: StreamWorker;
  /** On its stream. */
  readonly publisher: Publisher;
  readonly happenings: Happenings;
}

/** A worker on a stream of its own store. */
export function workerOn(
  clock: FakeClock,
  broker: MemoryBroker,
  handler: Handler,
  more: Partial<WorkerOptions> = {},
): Workplace {
  return workerOver(clock, new MemoryStreamStore({ broker, stream: STREAM, group: "g" }), handler, more);
}

/** A worker over this store. */
export function workerOver(
  clock: FakeClock,
  store: StreamStore,
  handler: Handler,
  more: Partial<WorkerOptions> = {},
): Workplace {
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const publisher = new Publisher({
    ...{ store, clock, happenings },
    source: "test",
    maxBytes: 1_000,
    dedupWindowMs: 0,
    durability: { level: "memory" },
    onDelayed: () => {},
  });
  const logger: HandlerLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const worker = new StreamWorker({
    ...{ store, clock, happenings, publisher },
    random: () => 0.5,
    registry: new Registry([handler], [], () => null),
    dispatcher: new Dispatcher(8),
    deadlines: new Deadlines(clock),
    logger: () => logger,
    baseName: "c",
    startId: "1",
    leaseMs: 10_000,
    batchSize: 8,
    blockMs: 1_000,
    retention: { maxLength: 1_000, maxAgeMs: 1e9 },
    consuming: true,
    settings: SETTINGS,
    ...more,
  });
  return { worker, publisher, happenings };
}

/** Ends it, as far as the clock must move for that. */
export async function stopOn(clock: FakeClock, worker: StreamWorker): Promise<void> {
  const never = new AbortController().signal;
  const stopping = worker.stopIntake(never).then(() => worker.stop(never));
  await clock.advance(2_000);
  await stopping;
}
