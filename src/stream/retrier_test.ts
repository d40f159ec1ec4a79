import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { Claimed } from "../store/port.ts";
import { RETRY_MS, stopOn, STREAM, workerOver } from "./test_harness.ts";

/** Its answers to who asks for what is due come late; that they are from before shows. */
class LateClaims extends MemoryStreamStore {
  gate: Promise<void> = Promise.resolve();
  asked = 0;

  override async claimDue(consumer: string, limit: number): Promise<Claimed> {
    const claimed = await super.claimDue(consumer, limit);
    this.asked++;
    await this.gate;
    return claimed;
  }
}

Deno.test("what is parked while the store is asked for what is due comes back in time", async () => {
  const clock = new FakeClock();
  const store = new LateClaims({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  let attempts = 0;
  const handler = defineHandler({
    type: "t",
    handle: () => {
      if (++attempts === 1) throw new Error("not yet");
    },
  });
  const { worker, publisher } = workerOver(clock, store, handler);
  worker.start();
  while (store.asked === 0) await clock.advance(100);
  await publisher.publish({ type: "t" });
  await clock.advance(100);
  assert.equal(attempts, 1);
  resolve();
  await clock.advance(RETRY_MS + 100);
  assert.equal(attempts, 2);
  await stopOn(clock, worker);
});
