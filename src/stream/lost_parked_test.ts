import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { RETRY_MS, stopOn, STREAM, workerOn } from "./test_harness.ts";

Deno.test("a parked entry that somebody deletes from the stream holds back the later events of its key no longer", async () => {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const handled: string[] = [];
  const handler = defineHandler({
    type: "order",
    handle(event) {
      if (event.id === "fails") throw new Error("not yet");
      handled.push(event.id);
    },
  });
  const { worker, publisher } = workerOn(clock, broker, handler);
  worker.start();
  const failing = await publisher.publish({ id: "fails", type: "order", subject: "one" });
  await clock.advance(10);
  await publisher.publish({ id: "waits", type: "order", subject: "one" });
  await clock.advance(10);
  assert.equal(worker.consumer.parked, 1);
  assert.deepEqual(handled, [], "it waits behind the parked one");
  broker.deleteEntry(STREAM, failing.entryId!);
  await clock.advance(2 * RETRY_MS);
  assert.deepEqual(handled, ["waits"]);
  assert.equal(worker.consumer.parked, 0);
  await stopOn(clock, worker);
});
