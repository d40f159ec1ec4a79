/** What a slow answer can bring about, on the memory store, where answers can be held back. */
import assert from "node:assert/strict";
import { defineHandler, RetryAfterError } from "redis-stream-service";
import { sleep } from "../../src/clock.ts";
import { MemoryBroker } from "../../src/store/memory/broker.ts";
import { MemoryStreamStore } from "../../src/store/memory/memory_store.ts";
import type { Claimed, Settlement, SettleOutcome } from "../../src/store/port.ts";
import { SETTINGS, stopOn, workerOver } from "../../src/stream/test_harness.ts";
import { FakeClock } from "../../testing/fake_clock.ts";

/** Answers of settling steps take longer than the waits that they announce. */
const ANSWER_MS = 150;
const BACKOFF_MS = 20;

const clock = new FakeClock();

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
    await sleep(clock, ANSWER_MS);
    return outcomes;
  }
}

Deno.test("an entry that is due again before the answer that it was parked is retried at once, and its key goes on", async () => {
  const store = new SlowAnswers({ broker: new MemoryBroker(clock), stream: "events", group: "g" });
  const starts: string[] = [];
  const work = defineHandler({
    type: "work",
    async handle(event, ctx): Promise<void> {
      starts.push(`${event.id}#${ctx.attempt}`);
      if (event.id === "later" && starts.filter((start) => start === "later#1").length === 1) {
        // Decided while the answer about the first is on its way, so that it is parked when that one is asked for.
        await sleep(clock, ANSWER_MS / 3);
        throw new RetryAfterError(1);
      }
      if (event.id === "first" && ctx.attempt <= 2) throw new Error("twice");
    },
  });
  const settings = { ...SETTINGS, retryBackoffMs: BACKOFF_MS, retryBackoffMaxMs: BACKOFF_MS };
  const { worker, publisher } = workerOver(clock, store, work, { settings, blockMs: 50 });
  worker.start();
  await clock.advance(1_000);
  assert.ok(store.claims > 0, "the retrier is at work");
  await publisher.publishAll(
    ["first", "later", "behind first", "behind later"].map((id) => ({
      id,
      type: "work",
      subject: id.replace("behind ", ""),
    })),
  );
  // Every attempt is a backoff and an answer behind the one before.
  await clock.advance(4 * (ANSWER_MS + BACKOFF_MS));
  const of = (key: string): readonly string[] => starts.filter((start) => start.includes(key));
  assert.deepEqual(of("first"), ["first#1", "first#2", "first#3", "behind first#1"]);
  assert.deepEqual(of("later"), ["later#1", "later#1", "behind later#1"]);
  await clock.advance(ANSWER_MS);
  const { pending, parked } = await store.stats();
  assert.equal(pending + parked, 0, "nothing is left");
  await stopOn(clock, worker);
});
