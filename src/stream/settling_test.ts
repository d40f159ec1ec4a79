import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { Beat, Settlement, SettleOutcome } from "../store/port.ts";
import { stopOn, STREAM, workerOver } from "./test_harness.ts";

/** Parks, and answers late; the beat behind it finds the consumer taken over. */
class TakenOverBetween extends MemoryStreamStore {
  readonly answer = Promise.withResolvers<void>();
  #parked = false;
  #fenced = false;

  override async settle(name: string, all: readonly Settlement[], windowMs: number): Promise<readonly SettleOutcome[]> {
    const outcomes = await super.settle(name, all, windowMs);
    this.#parked ||= all[0]?.kind === "park";
    if (!this.#fenced) await this.answer.promise;
    return outcomes;
  }

  override async beat(consumer: string | null, leaseMs: number): Promise<Beat> {
    const beat = await super.beat(consumer, leaseMs);
    if (!this.#parked || this.#fenced) return beat;
    this.#fenced = true;
    return { ...beat, lease: "fenced" };
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
  for (let waited = 0; counted.length === 0 && waited < 5_000; waited += 100) await clock.advance(100);
  assert.deepEqual(counted, ["lost"]);
  store.answer.resolve();
  await clock.advance(0);
  assert.deepEqual(counted, ["lost", "fails retried"]);
  await stopOn(clock, worker);
});
