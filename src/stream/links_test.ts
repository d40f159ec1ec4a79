import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import { stopOn, STREAM, workerOn } from "./test_harness.ts";

const LEASE_MS = 10_000;

Deno.test("a node that stays away does not keep a worker from taking over what a dead one held on another node", async () => {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const handled: string[] = [];
  const handler = defineHandler({ type: "order", handle: (event) => void handled.push(event.id) });
  const concerns = (link: string): boolean => link === "command-1";
  const { worker, publisher, happenings } = workerOn(clock, broker, handler, { concerns, leaseMs: LEASE_MS });
  const dying = new MemoryStreamStore({ broker, stream: STREAM, group: "g", publishStream: STREAM });
  await dying.ensureGroup();
  await dying.register("dead", LEASE_MS);
  await publisher.publish({ id: "held", type: "order" });
  assert.equal((await dying.read("dead", 1, 0, new AbortController().signal)).length, 1);
  worker.start();
  for (let passed = 0; passed < LEASE_MS + 2_000; passed += 1_000) {
    happenings.emit({ kind: "link", channel: "command-2", state: "lost", cause: "connection", attempt: 1 });
    await clock.advance(1_000);
  }
  assert.deepEqual(handled, ["held"]);
  await stopOn(clock, worker);
});
