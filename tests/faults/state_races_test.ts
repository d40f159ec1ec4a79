/** What a slow answer can bring about, on the memory store, where answers can be held back. */
import assert from "node:assert/strict";
import { defineHandler, RetryAfterError } from "redis-stream-service";
import { systemClock } from "../../src/clock.ts";
import { Happenings } from "../../src/happenings.ts";
import { Registry } from "../../src/handling/registry.ts";
import { MemoryBroker } from "../../src/store/memory/broker.ts";
import { MemoryStreamStore } from "../../src/store/memory/memory_store.ts";
import type { Claimed, Settlement, SettleOutcome } from "../../src/store/port.ts";
import { Deadlines } from "../../src/stream/deadlines.ts";
import { Dispatcher } from "../../src/stream/dispatcher.ts";
import { Publisher } from "../../src/stream/publisher.ts";
import { StreamWorker } from "../../src/stream/worker.ts";
import { waitFor } from "../../testing/wait.ts";

/** Answers of settling steps take longer than the waits that they announce. */
const ANSWER_MS = 150;
const BACKOFF_MS = 20;

class SlowAnswers extends MemoryStreamStore {
  claims = 0;

  override claimDue(consumer: string, limit: number): Promise<Claimed> {
    this.claims++;
    return super.claimDue(consumer, limit);
  }

  override async settle(
    consumer: string,
    settlements: readonly Settlement[],
    dedupWindowMs?: number,
  ): Promise<readonly SettleOutcome[]> {
    const outcomes = await super.settle(consumer, settlements, dedupWindowMs);
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    return outcomes;
  }
}

Deno.test("an entry that is due again before the answer that it was parked is retried at once, and its key goes on", async () => {
  const store = new SlowAnswers({ broker: new MemoryBroker(systemClock), stream: "events", group: "g" });
  const happenings = new Happenings();
  const starts: string[] = [];
  const work = defineHandler({
    type: "work",
    async handle(event, ctx): Promise<void> {
      starts.push(`${event.id}#${ctx.attempt}`);
      if (event.id === "later" && starts.filter((start) => start === "later#1").length === 1) {
        // Decided while the answer about the first is on its way, so that it is parked when that one is asked for.
        await new Promise((resolve) => setTimeout(resolve, ANSWER_MS / 3));
        throw new RetryAfterError(1);
      }
      if (event.id === "first" && ctx.attempt <= 2) throw new Error("twice");
    },
  });
  const publisher = new Publisher({
    store,
    clock: systemClock,
    happenings,
    source: "t",
    maxBytes: 1_000,
    dedupWindowMs: 0,
    durability: { level: "memory" },
  });
  const deadlines = new Deadlines(systemClock);
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const worker = new StreamWorker({
    store,
    clock: systemClock,
    random: () => 0.5,
    happenings,
    registry: new Registry([work], [], () => null),
    dispatcher: new Dispatcher(4),
    deadlines,
    publisher,
    logger: () => silent,
    baseName: "c",
    startId: "1",
    leaseMs: 10_000,
    batchSize: 10,
    blockMs: 50,
    retention: { maxLength: 1_000, maxAgeMs: 1_000_000 },
    consuming: true,
    settings: {
      maxHeld: 24,
      ordering: "key",
      handlerTimeoutMs: 5_000,
      maxDeliveries: 5,
      retryBackoffMs: BACKOFF_MS,
      retryBackoffMaxMs: BACKOFF_MS,
      dedupWindowMs: 0,
      maxParked: 100,
    },
  });
  worker.start();
  try {
    await waitFor(() => store.claims > 0, { what: "the retrier to be at work" });
    await publisher.publishAll(
      ["first", "later", "behind first", "behind later"].map((id) => ({
        id,
        type: "work",
        subject: id.replace("behind ", ""),
      })),
    );
    await waitFor(() => starts.includes("behind first#1") && starts.includes("behind later#1"), {
      timeoutMs: 2_000,
      what: "both keys to go on",
    });
    await waitFor(async () => {
      const { pending, parked } = await store.stats();
      return pending + parked === 0;
    }, { what: "nothing to be left" });
    const of = (key: string): readonly string[] => starts.filter((start) => start.includes(key));
    assert.deepEqual(of("first"), ["first#1", "first#2", "first#3", "behind first#1"]);
    assert.deepEqual(of("later"), ["later#1", "later#1", "behind later#1"]);
  } finally {
    const bound = AbortSignal.timeout(5_000);
    await worker.stopIntake(bound);
    await worker.consumer.settled(bound);
    await worker.retire(bound);
    await worker.stop(bound);
    deadlines.dispose();
  }
});
