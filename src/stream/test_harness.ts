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
import { Deadlines } from "./deadlines.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Publisher } from "./publisher.ts";
import { StreamWorker, type WorkerOptions } from "./worker.ts";

/** Where they work. */
export const STREAM = "orders";
/** What a failed entry waits for, ms. */
export const RETRY_MS = 1_000;

/** A worker that has not started, and a publisher on its stream. */
export function workerOn(
  clock: FakeClock,
  broker: MemoryBroker,
  handler: Handler,
  more: Partial<WorkerOptions> = {},
): { worker: StreamWorker; publisher: Publisher; happenings: Happenings } {
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const store = new MemoryStreamStore({ broker, stream: STREAM, group: "g", publishStream: STREAM });
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
    settings: {
      maxHeld: 24,
      ordering: "key",
      handlerTimeoutMs: 30_000,
      maxDeliveries: 5,
      retryBackoffMs: RETRY_MS,
      retryBackoffMaxMs: RETRY_MS,
      dedupWindowMs: 0,
      maxParked: 100,
    },
    ...more,
  });
  return { worker, publisher, happenings };
}
