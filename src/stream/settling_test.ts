import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { Settlement, SettleOutcome } from "../store/port.ts";
import { stopOn, STREAM, workerOver } from "./test_harness.ts";

/** Parks, and answers late; of acknowledgements that come behind it the first finds the consumer taken over. */
class TakenOverBetween extends MemoryStreamStore {
  readonly answer = Promise.withResolvers<void>();
  #parked = 0;
  #fenced = false;

  override async settle(name: string, all: readonly Settlement[], windowMs: number): Promise<readonly SettleOutcome[]> {
    if (all[0]?.kind === "park" && this.#parked++ === 0) {
      const outcomes = await super.settle(name, all, windowMs);
      await this.answer.promise;
      return outcomes;
    }
    if (this.#fenced) return await super.settle(name, all, windowMs);
    this.#fenced = true;
    return all.map(() => ({ kind: "fenced" }));
  }
}

Deno.test("what took effect before a takeover counts, also where the takeover is heard of first", async () => {
  const clock = new FakeClock();
  const store = new TakenOverBetween({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handler = defineHandler({
    type: "*",
    handle: ({ type }, { attempt }) => {
      if (type === "fails" && attempt === 1) throw new Error("not yet");
    },
  });
  const { worker, publisher, happenings } = workerOver(clock, store, handler);
  const counted: string[] = [];
  happenings.listen((one) => {
    if (one.kind === "settled") counted.push(...one.refs.map(() => `${one.type} ${one.outcome}`));
    if (one.kind === "lease_lost") counted.push("lost");
  });
  worker.start();
  await publisher.publish({ type: "fails" });
  await clock.advance(10);
  await publisher.publish({ type: "works" });
  await clock.advance(10);
  assert.deepEqual(counted, ["lost"]);
  store.answer.resolve();
  await clock.advance(0);
  assert.deepEqual(counted, ["lost", "fails retried"]);
  await stopOn(clock, worker);
});
