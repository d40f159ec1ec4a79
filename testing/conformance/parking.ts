/**
 * Parked and handed-back entries.
 * @module
 */
import assert from "node:assert/strict";
import type { Clause } from "./harness.ts";
import {
  adoptDue,
  at,
  claimLater,
  done,
  history,
  hold,
  holdOne,
  idsOf,
  only,
  park,
  plain,
  readNow,
  refsOf,
  replica,
  settle,
} from "./steps.ts";

/** See the module's text. */
export const parkingClauses: readonly Clause[] = [
  {
    name: "a parked entry keeps its id, stays pending, and is not given out before it is due",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref, entryId } = await holdOne(store, "a");
      const now = await store.time();
      const outcome = await settle(store, "a", park(ref, 60_000));
      assert.ok(outcome.kind === "settled" && outcome.dueMs !== undefined);
      assert.ok(outcome.dueMs >= now + 60_000 && outcome.dueMs <= now + 65_000, `due at ${outcome.dueMs}, now ${now}`);
      assert.deepEqual(await harness.pendingIds(), [entryId]);
      const { state, deliveries, nextDueInMs } = await store.claimDue("a", 10);
      assert.equal(state, "held");
      assert.deepEqual(deliveries, []);
      assert.ok(nextDueInMs !== null && nextDueInMs > 50_000 && nextDueInMs <= 60_000, `next in ${nextDueInMs}`);
      assert.deepEqual(idsOf(await harness.entries()), ["e1"], "nothing is appended for it");
    },
  },
  {
    name: "a parked entry that is due comes back with its ref, id, fields and history",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await holdOne(store, "a");
      const past = history({
        failures: 3,
        soloCrashes: 1,
        sharedCrashes: 2,
        suspicions: 4,
        replays: 5,
        firstMs: 1_700_000_000_123,
        lastMs: 1_700_000_009_999,
        error: 'what "went" wrong: 100 % 🚀\nline \\ two',
      });
      await settle(store, "a", { kind: "park", ref: held.ref, delayMs: 30, history: past });
      const back = only(await claimLater(harness, store, "a"));
      assert.deepEqual(plain(back), { ...plain(held), history: past });
      assert.deepEqual((await store.claimDue("a", 10)).deliveries, [], "claimed once");
      assert.equal((await settle(store, "a", done(back.ref, { hasHistory: true }))).kind, "settled");
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "parking again replaces the history",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 0));
      await claimLater(harness, store, "a");
      const second = history({ failures: 2, error: "second" });
      await settle(store, "a", { kind: "park", ref, delayMs: 0, history: second });
      assert.deepEqual(only(await claimLater(harness, store, "a")).history, second);
    },
  },
  {
    name: "what is due first comes first, at most limit; nextDueInMs tells of the rest",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, e2, e3, e4] = refsOf(await hold(store, "a", 4));
      const delays = [[e1, 40], [e2, 20], [e3, 0], [e4, 60_000]] as const;
      // At once: between two calls a busy machine may take longer than these differ by.
      await store.settle("a", delays.map(([ref, delayMs]) => park(ref ?? "", delayMs)));
      await harness.elapse(60);
      const first = await store.claimDue("a", 2);
      assert.deepEqual(refsOf(first.deliveries).toSorted(), [e2, e3].toSorted());
      assert.equal(first.nextDueInMs, 0, "one more is due already");
      const second = await store.claimDue("a", 2);
      assert.deepEqual(refsOf(second.deliveries), [e1]);
      assert.ok(second.nextDueInMs !== null && second.nextDueInMs > 50_000);
    },
  },
  {
    name: "nextDueInMs is null when nothing is parked",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      assert.deepEqual(await store.claimDue("a", 10), {
        state: "held",
        deliveries: [],
        nextDueInMs: null,
        lost: 0,
        lostRefs: [],
      });
    },
  },
  {
    name: "what a consumer parked is neither claimed, adopted nor recovered by a living other, nor read again",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const { ref } = await holdOne(a, "a");
      await settle(a, "a", park(ref, 0));
      assert.deepEqual((await b.claimDue("b", 10)).deliveries, []);
      assert.deepEqual(await b.adopt("b", 10), []);
      assert.deepEqual(await b.recover("b", new Set(), 10), []);
      assert.deepEqual(await readNow(b, "b"), []);
      assert.deepEqual(idsOf(await claimLater(harness, a, "a")), ["e1"]);
    },
  },
  {
    name: "other groups see nothing of a parked or handed-back entry",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const other = await replica(harness, "c", "other");
      const [first, second] = refsOf(await hold(a, "a", 2));
      await a.settle("a", [park(first ?? "", 0), { kind: "release", ref: second ?? "" }]);
      assert.deepEqual(await other.adopt("c", 10), []);
      assert.deepEqual((await other.claimDue("c", 10)).deliveries, []);
      assert.deepEqual(idsOf(await readNow(other, "c")), ["e1", "e2"]);
      assert.equal((await other.stats()).parked, 0);
    },
  },
  {
    name: "a released entry is at once free for another consumer, and it costs nothing",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const held = await holdOne(a, "a");
      await settle(a, "a", { kind: "release", ref: held.ref });
      assert.deepEqual(plain(only(await adoptDue(b, "b"))), plain(held));
      assert.equal((await settle(a, "a", done(held.ref, { effects: [{ fields: ["type", "f"] }] }))).kind, "gone");
      assert.equal((await settle(b, "b", done(held.ref))).kind, "settled");
    },
  },
  {
    name: "release, adopt and claim keep the history as it was",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const { ref } = await holdOne(a, "a");
      await settle(a, "a", park(ref, 0));
      const before = only(await claimLater(harness, a, "a")).history;
      await settle(a, "a", { kind: "release", ref });
      const after = only(await adoptDue(b, "b"));
      assert.deepEqual(after.history, before);
      await settle(b, "b", { kind: "release", ref });
      assert.deepEqual(only(await adoptDue(a, "a")).history, before);
    },
  },
  {
    name: "adopt returns order keys and due times, what is due first first, at most limit",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const [e1, e2, e3] = refsOf(await hold(a, "a", 3));
      const outcome = at(await a.settle("a", [park(e1 ?? "", 60_000, "käse"), park(e2 ?? "", 30_000)]), 0);
      assert.ok(outcome.kind === "settled");
      await settle(a, "a", { kind: "release", ref: e3 ?? "", orderKey: "o3" });
      await a.retire("a");
      const first = await b.adopt("b", 2);
      assert.deepEqual(first.map(({ ref, orderKey }) => ({ ref, orderKey })), [
        { ref: e3, orderKey: "o3" },
        { ref: e2, orderKey: undefined },
      ]);
      assert.deepEqual(await b.adopt("b", 2), [{ ref: e1, orderKey: "käse", dueMs: outcome.dueMs }]);
      assert.deepEqual(await b.adopt("b", 2), [], "adopted once");
      const { deliveries, nextDueInMs } = await b.claimDue("b", 10);
      assert.deepEqual(refsOf(deliveries), [e3], "adopting does not make the others due");
      assert.ok(nextDueInMs !== null && nextDueInMs > 20_000 && nextDueInMs <= 30_000);
    },
  },
  {
    name: "what two replicas adopt at the same time goes to one of them",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const c = await replica(harness, "c");
      await hold(a, "a", 20);
      await a.retire("a");
      const [forB, forC] = await Promise.all([b.adopt("b", 15), c.adopt("c", 15)]);
      assert.equal(new Set([...refsOf(forB), ...refsOf(forC)]).size, 20);
      assert.equal(forB.length + forC.length, 20);
    },
  },
];
