import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { StoreUnavailableError } from "../errors.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { Beat, Delivery, Settlement, SettleOutcome } from "../store/port.ts";
import { SETTINGS, stopOn, STREAM, workerOver } from "./test_harness.ts";

const EVENTS = 40;

/** Writes down what it is asked for. */
class Noting extends MemoryStreamStore {
  readonly log: string[] = [];
  /** Settlements wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** The answer of a read, the first being 1, waits for this. */
  readGate: (asked: number) => Promise<void> | null = () => null;
  #reads = 0;

  override async read(...args: Parameters<MemoryStreamStore["read"]>): Promise<readonly Delivery[]> {
    this.log.push(`read ${args[1]}${args[4] === false ? " alone" : ""}`);
    const found = super.read(...args);
    await this.readGate(++this.#reads);
    return await found;
  }

  override async settle(
    name: string,
    settlements: readonly Settlement[],
    windowMs: number,
  ): Promise<readonly SettleOutcome[]> {
    this.log.push(`settle ${settlements.length}`);
    await this.gate;
    return await super.settle(name, settlements, windowMs);
  }
}

/** Its beats tell that nothing of it is pending, as those of Redis do. */
class Telling extends Noting {
  override async beat(...args: Parameters<MemoryStreamStore["beat"]>): Promise<Beat> {
    const kept = { length: 0, letters: 0, made: "1" };
    const flags = { paused: false, parked: false, replays: false, alone: true };
    return {
      ...await super.beat(...args),
      news: { ...flags, delayedInMs: null, adoptable: 0, pending: 0, mark: "", kept },
    };
  }
}

function setUp() {
  const clock = new FakeClock();
  const store = new Telling({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handled: string[] = [];
  const handler = defineHandler({
    type: "a",
    handle: ({ id }) => {
      store.log.push(`handle ${id}`);
      handled.push(id);
    },
  });
  return { clock, store, handled, ...workerOver(clock, store, handler) };
}

Deno.test("in a backlog the next read is asked for before what the last one brought is handled", async () => {
  const { clock, store, handled, worker, publisher } = setUp();
  for (let n = 0; n < EVENTS; n++) await publisher.publish({ type: "a", id: String(n) });
  worker.start();
  await clock.advance(100);
  assert.deepEqual(handled, Array.from({ length: EVENTS }, (_, n) => String(n)));
  const reads = store.log.flatMap((line, at) => line.startsWith("read") ? [at] : []);
  const first = store.log.indexOf("handle 0");
  assert.equal(reads.filter((at) => at < first).length, 2, store.log.join(", "));
  await stopOn(clock, worker);
});

Deno.test("what is read at a time is a part of what may be held, so that another part can be settled meanwhile", async () => {
  const { clock, store, worker, publisher } = setUp();
  for (let n = 0; n < EVENTS; n++) await publisher.publish({ type: "a", id: String(n) });
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  worker.start();
  await clock.advance(100);
  // 24 may be held, three of them kept for retries; a read asks for a third of the rest.
  assert.deepEqual(store.log.filter((line) => line.startsWith("read")), ["read 7", "read 7", "read 7 alone"]);
  assert.equal(worker.consumer.held, 21);
  resolve();
  await clock.advance(100);
  assert.equal(worker.consumer.held, 0);
  await stopOn(clock, worker);
});

/** Until a settlement of seven and a read that fills what is left are under way; both are answered at once, the settlement over more steps. */
async function bothUnderWay() {
  const set = setUp();
  const { clock, store, worker, publisher } = set;
  for (let n = 0; n < EVENTS; n++) await publisher.publish({ type: "a", id: String(n) });
  const answers = Promise.withResolvers<void>();
  const meanwhile = { happens: () => {} };
  store.gate = answers.promise.then(async () => {
    for (let step = 0; step < 50; step++) await null;
    meanwhile.happens();
  });
  store.readGate = (asked) => asked === 3 ? answers.promise : null;
  worker.start();
  await clock.advance(100);
  assert.equal(worker.consumer.held, 14);
  store.log.length = 0;
  return { ...set, answer: answers.resolve, meanwhile };
}

Deno.test("what was settled by the time that a read is answered makes room for the next one, before what it brought is handled", async () => {
  const { clock, store, worker, happenings, answer } = await bothUnderWay();
  const taken: number[] = [];
  happenings.listen(({ kind }) => {
    if (kind === "settled") taken.push(24 - worker.consumer.room - worker.consumer.held);
  });
  answer();
  await clock.advance(100);
  assert.deepEqual(store.log.slice(0, 2).map((line) => line.split(" ")[0]), ["read", "handle"], store.log.join(", "));
  // What it brought has its room all the while.
  assert.ok(taken[0]! >= 7, taken.join(", "));
  await stopOn(clock, worker);
});

Deno.test("who is taken over while a read's answer waits for room handles nothing of it under the void name", async () => {
  const { clock, handled, worker, answer, meanwhile } = await bothUnderWay();
  const { name } = worker.membership;
  meanwhile.happens = () => worker.consumer.fenced(name);
  const before = handled.length;
  answer();
  await clock.advance(100);
  assert.notEqual(worker.membership.name, name);
  const came = handled.slice(before);
  for (let n = 14; n < 21; n++) assert.ok(!came.includes(String(n)), came.join(", "));
  await stopOn(clock, worker);
});

Deno.test("a read that is asked for ahead leaves room for what is about to be held", async () => {
  const { clock, store, worker, publisher } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  worker.start();
  await clock.advance(100);
  await publisher.publish({ type: "a" });
  await clock.advance(100);
  await publisher.publishAll(Array.from({ length: EVENTS }, () => ({ type: "a" })), { delayMs: 0 });
  await clock.advance(100);
  // 21 may be new: one is held when the backlog comes, and the last read is asked for when eight are, with seven to come.
  assert.deepEqual(store.log.filter((line) => line.startsWith("read")).at(-1), "read 6 alone", store.log.join(", "));
  assert.equal(worker.consumer.held, 21);
  resolve();
  await clock.advance(100);
  await stopOn(clock, worker);
});

Deno.test("what handlers decide while a call is under way is settled in one call", async () => {
  const { clock, store, worker, publisher } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  await publisher.publish({ type: "a" });
  worker.start();
  await clock.advance(100);
  for (let n = 0; n < 7; n++) {
    await publisher.publish({ type: "a" });
    await clock.advance(100);
  }
  resolve();
  await clock.advance(100);
  assert.deepEqual(store.log.filter((line) => line.startsWith("settle")), ["settle 1", "settle 7"]);
  await stopOn(clock, worker);
});

Deno.test("a trickle that fills each read as it comes is no stall", async () => {
  const clock = new FakeClock();
  const store = new Telling({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handler = defineHandler({ type: "a", handle: () => {} });
  const { worker, publisher } = workerOver(clock, store, handler, { batchSize: 1, blockMs: 4_000 });
  worker.start();
  for (let n = 0; n < 30; n++) {
    await clock.advance(3_000);
    await publisher.publish({ type: "a" });
    assert.deepEqual(worker.stalled(), [], `after ${n} events`);
  }
  await stopOn(clock, worker);
});

Deno.test("where no beat tells that there are no replays, as much room is kept for them as for entries", async () => {
  const clock = new FakeClock();
  const store = new Noting({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handler = defineHandler({ type: "a", handle: () => {} });
  const { worker, publisher } = workerOver(clock, store, handler);
  for (let n = 0; n < EVENTS; n++) await publisher.publish({ type: "a" });
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  worker.start();
  await clock.advance(100);
  assert.deepEqual(store.log.filter((line) => line.startsWith("read")), ["read 7", "read 7", "read 3"]);
  resolve();
  await clock.advance(100);
  await stopOn(clock, worker);
});

Deno.test("where only one entry may be held, it is read", async () => {
  const clock = new FakeClock();
  const store = new Noting({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handled: string[] = [];
  const handler = defineHandler({ type: "a", handle: ({ id }) => void handled.push(id) });
  const { worker, publisher } = workerOver(clock, store, handler, { settings: { ...SETTINGS, maxHeld: 1 } });
  for (let n = 0; n < 5; n++) await publisher.publish({ type: "a", id: String(n) });
  worker.start();
  await clock.advance(5_000);
  assert.equal(handled.length, 5);
  await stopOn(clock, worker);
});

Deno.test("a read under way keeps the room for what it may bring", async () => {
  const clock = new FakeClock();
  const store = new Noting({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const { worker } = workerOver(clock, store, defineHandler({ type: "a", handle: () => {} }));
  worker.start();
  await clock.advance(1_500);
  // Seven entries, and as many replays.
  assert.equal(worker.consumer.room, SETTINGS.maxHeld - 14);
  await stopOn(clock, worker);
});

Deno.test("nothing more is read once too much is parked", async () => {
  const clock = new FakeClock();
  const store = new Telling({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handler = defineHandler({
    type: "a",
    handle: () => {
      throw new Error("boom");
    },
  });
  const { worker, publisher } = workerOver(clock, store, handler, { settings: { ...SETTINGS, maxParked: 10 } });
  for (let n = 0; n < 5 * EVENTS; n++) await publisher.publish({ type: "a" });
  worker.start();
  await clock.advance(200);
  const { parked } = worker.consumer;
  assert.ok(parked >= 10 && parked <= 10 + SETTINGS.maxHeld, `${parked} are parked`);
  await stopOn(clock, worker);
});

Deno.test("a read ahead that fails while the entries before it are taken in ends nothing, and loses nothing", async () => {
  const clock = new FakeClock();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let reads = 0;
  class Failing extends Telling {
    override async seen(keys: readonly string[]): Promise<readonly boolean[]> {
      await gate;
      return await super.seen(keys);
    }

    override read(...args: Parameters<MemoryStreamStore["read"]>): Promise<readonly Delivery[]> {
      if (++reads === 2) return Promise.reject(new StoreUnavailableError("connection", "lost"));
      return super.read(...args);
    }
  }
  const store = new Failing({ broker: new MemoryBroker(clock), stream: STREAM, group: "g" });
  const handled: string[] = [];
  const handler = defineHandler({ type: "a", handle: ({ id }) => void handled.push(id) });
  const settings = { ...SETTINGS, dedupWindowMs: 60_000 };
  const { worker, publisher } = workerOver(clock, store, handler, { settings });
  for (let n = 0; n < EVENTS; n++) await publisher.publish({ type: "a", id: String(n) });
  worker.start();
  await clock.advance(100);
  assert.equal(reads, 2, "the second was asked for before the first was taken in");
  open();
  await clock.advance(2_000);
  assert.deepEqual(handled, Array.from({ length: EVENTS }, (_, n) => String(n)));
  assert.equal(worker.consumer.room, SETTINGS.maxHeld - 14);
  await stopOn(clock, worker);
});
