import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler, type Handler, type HandlerLogger } from "../handling/define.ts";
import { Registry } from "../handling/registry.ts";
import { Happenings } from "../happenings.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import { Deadlines } from "./deadlines.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Publisher } from "./publisher.ts";
import { StreamWorker } from "./worker.ts";

const STREAM = "orders";
const RETRY_MS = 1_000;

function workerOn(
  clock: FakeClock,
  broker: MemoryBroker,
  handler: Handler,
): { worker: StreamWorker; publisher: Publisher } {
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
  });
  return { worker, publisher };
}

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
  const never = new AbortController().signal;
  const stopping = worker.stopIntake(never).then(() => worker.stop(never));
  await clock.advance(2_000);
  await stopping;
});
