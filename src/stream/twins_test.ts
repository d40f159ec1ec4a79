import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { SETTINGS, stopOn, workerOn } from "./test_harness.ts";

/** What ran of these events of one subject, `id` being the data; the first two attempts at `x` fail. */
async function ranOf(ids: readonly string[]): Promise<readonly string[]> {
  const clock = new FakeClock();
  const ran: string[] = [];
  let failures = 2;
  const handler = defineHandler({
    type: "t",
    handle: ({ id }) => {
      ran.push(id);
      if (id === "x" && failures-- > 0) throw new Error("no");
    },
  });
  const settings = { ...SETTINGS, dedupWindowMs: 600_000 };
  const { worker, publisher } = workerOn(clock, new MemoryBroker(clock), handler, { settings });
  for (const id of ids) await publisher.publish({ type: "t", id, subject: "k" });
  worker.start();
  await clock.advance(20_000);
  await stopOn(clock, worker);
  return ran;
}

Deno.test("an event that is published twice and fails goes on, and its key after it", async () => {
  assert.deepEqual(await ranOf(["x", "x", "z"]), ["x", "x", "x", "z"]);
});

Deno.test("the double of a parked event does not let what lies between the two go first", async () => {
  assert.deepEqual(await ranOf(["x", "y", "x", "z", "x"]), ["x", "x", "x", "y", "z"]);
});
