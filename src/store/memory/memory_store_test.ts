/**
 * The memory store keeps every promise of the port.
 * @module
 */
import assert from "node:assert/strict";
import { StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import { FakeClock } from "../../../testing/fake_clock.ts";
import type { Capability, Harness } from "../../../testing/conformance/harness.ts";
import { runConformance } from "../../../testing/conformance/run.ts";
import { dead, done, hold, idsOf, item, only, park, publish, refsOf } from "../../../testing/conformance/steps.ts";
import { waitFor } from "../../../testing/wait.ts";
import { MemoryStreamAdmin } from "./admin.ts";
import { MemoryBroker } from "./broker.ts";
import { MemoryStreamStore } from "./memory_store.ts";

const STREAM = "events";
const LEASE_MS = 10_000;
const CAN: ReadonlySet<Capability> = new Set(["refusal", "lost_index"]);

function open(): Promise<Harness> {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  return Promise.resolve({
    stream: STREAM,
    leaseMs: LEASE_MS,
    can: CAN,
    store: (group = "g", options = {}) => new MemoryStreamStore({ broker, stream: STREAM, group, ...options }),
    admin: (group = "g") => new MemoryStreamAdmin({ broker, stream: STREAM, group }),
    passLease: () => clock.advance(LEASE_MS),
    elapse: (ms) => clock.advance(ms),
    untilBlocked: (reads) => waitFor(() => broker.blocked.size === reads).then(() => {}),
    foreignRead: (consumer, count, group = "g") => Promise.resolve(broker.foreignRead(STREAM, group, consumer, count)),
    refuse: (on) => Promise.resolve(broker.refuse(on ? "out_of_memory" : null)),
    deleteStream: () => Promise.resolve(broker.deleteStream(STREAM)),
    destroyGroup: (group = "g") => Promise.resolve(broker.destroyGroup(STREAM, group)),
    removeConsumer: (consumer, group = "g") => Promise.resolve(broker.removeConsumer(STREAM, group, consumer)),
    deleteEntry: (entryId) => Promise.resolve(broker.deleteEntry(STREAM, entryId)),
    flushAll: () => Promise.resolve(broker.flushAll()),
    loseIndex: (group = "g") => Promise.resolve(broker.loseParkedIndex(STREAM, group)),
    entries: (stream = STREAM) => Promise.resolve(broker.entries(stream)),
    pendingIds: (group = "g") => Promise.resolve([...broker.view(STREAM, group).state?.pending.keys() ?? []]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

runConformance({ name: "memory", open, can: CAN });

/** A store with its group made, and consumer `a`. */
async function started(): Promise<{ clock: FakeClock; broker: MemoryBroker; store: MemoryStreamStore }> {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const store = new MemoryStreamStore({ broker, stream: STREAM, group: "g" });
  await store.ensureGroup();
  await store.register("a", LEASE_MS);
  return { clock, broker, store };
}

const SIGNAL = new AbortController().signal;

Deno.test("a replay wakes a blocked read, as on Redis", async () => {
  const { broker, store } = await started();
  const held = await hold(store, "a", 1);
  await store.settle("a", held.map((delivery) => dead(delivery)));
  const reading = store.read("a", 10, 60_000, SIGNAL);
  await waitFor(() => broker.blocked.size === 1);
  await store.replay(only(broker.deadLetters(STREAM, "g")).id);
  assert.equal(only(await reading).entryId, only(held).entryId);
});

Deno.test("a broker that is offline answers nothing, ends blocked reads with an error, and has lost nothing", async () => {
  const { clock, broker, store } = await started();
  await hold(store, "a", 1);
  const away = (error: unknown): boolean => error instanceof StoreUnavailableError && error.reason === "connection";
  const reading = assert.rejects(store.read("a", 10, 60_000, SIGNAL), away);
  await waitFor(() => broker.blocked.size === 1);
  broker.offline(true);
  await reading;
  assert.equal(clock.pending, 0, "its timer is gone");
  await assert.rejects(store.append([item("x")]), away);
  await assert.rejects(store.settle("a", []), away);
  await assert.rejects(store.beat("a", LEASE_MS), away);
  broker.offline(false);
  assert.equal((await store.stats()).pending, 1);
});

Deno.test("a broker that refuses every write lets no lease be renewed and no consumer be fenced", async () => {
  const { clock, broker, store } = await started();
  await store.register("b", LEASE_MS);
  const { ref } = only(await hold(store, "a", 1));
  broker.refuse("readonly", "all");
  const outcome = only(await store.settle("a", [done(ref)]));
  assert.ok(outcome.kind === "refused" && outcome.reason === "readonly");
  await clock.advance(LEASE_MS);
  assert.deepEqual(await store.beat("a", LEASE_MS), { lease: "held", writeRefused: "readonly" });
  await assert.rejects(store.takeOver("b", "a", LEASE_MS, 10), StoreRefusedError);
  broker.refuse(null);
  assert.equal(only(await store.peers("b")).state, "expired", "the beat did not renew it");
  assert.equal(only(await store.settle("a", [done(ref)])).kind, "settled");
});

Deno.test("a consumer name that was used before cannot be registered again", async () => {
  const { store } = await started();
  await assert.rejects(store.register("a", LEASE_MS), RangeError);
  await store.retire("a");
  await assert.rejects(store.register("a", LEASE_MS), RangeError);
});

Deno.test("the broker shows what is held, parked and dead, for assertions", async () => {
  const { broker, store } = await started();
  const held = await hold(store, "a", 3);
  const [e1, e2] = refsOf(held);
  await store.settle("a", [park(e1 ?? "", 1_000, "key"), { kind: "release", ref: e2 ?? "" }]);
  assert.deepEqual(broker.held(STREAM, "g"), refsOf(held).slice(2));
  assert.deepEqual(broker.held(STREAM, "g", "nobody"), []);
  assert.deepEqual(broker.parked(STREAM, "g").map(({ ref, consumer, history }) => [ref, consumer, history.error]), [
    [e2, null, ""],
    [e1, "a", "boom"],
  ]);
});

Deno.test("a trim by hand takes what is undelivered, and the group goes on", async () => {
  const { broker, store } = await started();
  await publish(store, 5);
  broker.trimByHand(STREAM, 2);
  assert.equal((await store.stats()).lag, 2);
  assert.deepEqual(idsOf(await store.read("a", 10, 0, SIGNAL)), ["e4", "e5"]);
});
