/**
 * What people and faults destroy: it is told and counted, never thrown, and nothing else is lost with it.
 * @module
 */
import assert from "node:assert/strict";
import { FRESH } from "../../src/store/port.ts";
import type { Clause } from "./harness.ts";
import {
  adoptDue,
  at,
  claimLater,
  dead,
  done,
  hold,
  holdOne,
  idsOf,
  item,
  lettersOf,
  LONG_MS,
  mortal,
  only,
  park,
  publish,
  readNow,
  refsOf,
  replica,
  seize,
  settle,
} from "./steps.ts";

/** See the module's text. */
export const lossClauses: readonly Clause[] = [
  {
    name: "settling after the stream was deleted: gone, no effect, no letter",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 4);
      const [e1, e2, e3] = refsOf(held);
      await harness.deleteStream();
      const effects = done(e2 ?? "", { effects: [item("f")] });
      const outcomes = await store.settle("a", [done(e1 ?? ""), effects, park(e3 ?? ""), dead(at(held, 3))]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), Array(4).fill("gone"));
      assert.deepEqual(await harness.entries(), []);
      assert.deepEqual(await lettersOf(harness), []);
    },
  },
  {
    name: "settling after the group was destroyed: gone, and the group gets everything again",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, e2] = refsOf(await hold(store, "a", 2));
      await harness.destroyGroup();
      const outcomes = await store.settle("a", [done(e1 ?? ""), park(e2 ?? "")]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), ["gone", "gone"]);
      assert.deepEqual(await store.ensureGroup(), { created: true });
      assert.equal((await store.beat("a", LONG_MS)).lease, "held", "the consumer goes on");
      const again = await readNow(store, "a");
      assert.deepEqual(idsOf(again), ["e1", "e2"]);
      assert.equal((await settle(store, "a", done(again[0]?.ref ?? ""))).kind, "settled");
    },
  },
  {
    name: "settling after the consumer was removed by hand: gone, and the consumer goes on",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await harness.removeConsumer("a");
      assert.equal((await settle(store, "a", done(ref))).kind, "gone");
      assert.equal((await store.beat("a", LONG_MS)).lease, "held");
      await publish(store, 1);
      const next = only(await readNow(store, "a"));
      assert.equal((await settle(store, "a", done(next.ref))).kind, "settled");
    },
  },
  {
    name: "an entry that was deleted while held can be acknowledged, and its effects appear",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref, entryId } = await holdOne(store, "a");
      await harness.deleteEntry(entryId);
      assert.equal((await settle(store, "a", done(ref, { effects: [item("f")] }))).kind, "settled");
      assert.deepEqual(idsOf(await harness.entries()), ["f"]);
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "an entry that was deleted while held cannot be parked or handed back: gone, and no longer pending",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 2);
      for (const delivery of [first, second]) await harness.deleteEntry(delivery?.entryId ?? "");
      const outcomes = await store.settle("a", [
        park(first?.ref ?? "", 0),
        { kind: "release", ref: second?.ref ?? "" },
      ]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), ["gone", "gone"]);
      assert.deepEqual(await harness.pendingIds(), []);
      assert.deepEqual(await adoptDue(store, "a"), []);
    },
  },
  {
    name: "a takeover counts held entries whose content is gone, and claims the others",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const held = await hold(a, "a", 3);
      await harness.deleteEntry(at(held, 1).entryId);
      await harness.passLease("a");
      const { deliveries, lost, remaining } = await b.takeOver("b", "a", LONG_MS, 10);
      assert.deepEqual([idsOf(deliveries), lost, remaining], [["e1", "e3"], 1, 0]);
      assert.deepEqual(await harness.pendingIds(), [at(held, 0).entryId, at(held, 2).entryId]);
    },
  },
  {
    name: "claimDue counts parked entries whose content is gone and names them, and claims the others",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 2);
      await store.settle("a", held.map(({ ref }) => park(ref, 0, "key")));
      await harness.deleteEntry(at(held, 0).entryId);
      await harness.elapse(5);
      const { state, deliveries, lost, lostRefs, nextDueInMs } = await store.claimDue("a", 10);
      assert.deepEqual({ state, ids: idsOf(deliveries), lost, lostRefs, nextDueInMs }, {
        state: "held",
        ids: ["e2"],
        lost: 1,
        lostRefs: [at(held, 0).ref],
        nextDueInMs: null,
      });
      assert.deepEqual(await harness.pendingIds(), [at(held, 1).entryId]);
      assert.equal((await store.claimDue("a", 10)).lost, 0, "counted once");
    },
  },
  {
    name: "parked entries that left a consumer's care are told apart from those in it and those that it has claimed",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 4);
      const refs = held.map(({ ref }) => ref);
      await store.settle("a", held.map(({ ref }, index) => park(ref, index === 0 ? 0 : LONG_MS)));
      await harness.elapse(5);
      assert.deepEqual(idsOf((await store.claimDue("a", 10)).deliveries), ["e1"]);
      assert.deepEqual(await store.astray("a", refs), []);
      assert.deepEqual(await store.astray("b", refs), refs, "another consumer has none of them");
      await harness.destroyGroup();
      await store.ensureGroup();
      assert.equal((await readNow(store, "a", 1)).length, 1);
      const [, ...others] = refs;
      const astray = await store.astray("a", refs);
      assert.ok(astray.every((ref) => others.includes(ref)), "what was read again is held");
    },
  },
  {
    name: "what was claimed in an answer that was lost, and then deleted, is in nobody's care any more",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [one, other] = await hold(store, "a", 2);
      const refs = [one!.ref, other!.ref];
      await store.settle("a", refs.map((ref) => park(ref, 0)));
      await harness.elapse(5);
      assert.equal((await store.claimDue("a", 10)).deliveries.length, 2);
      await harness.deleteEntry(one!.entryId);
      assert.deepEqual(await store.astray("a", refs), [one!.ref]);
    },
  },
  {
    name: "what was parked when its stream was deleted is lost, counted once, and frees its order key",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 0, "key"));
      await harness.deleteStream();
      await store.ensureGroup();
      await harness.elapse(5);
      const { deliveries, lost, lostRefs } = await store.claimDue("a", 10);
      assert.deepEqual([deliveries, lost, lostRefs], [[], 1, [ref]]);
    },
  },
  {
    name: "what was parked when its group was destroyed comes again by reading, once, and is not lost",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 0, "key"));
      await harness.destroyGroup();
      await store.ensureGroup();
      const again = await readNow(store, "a");
      await harness.elapse(5);
      const { deliveries, lost } = await store.claimDue("a", 10);
      assert.deepEqual([idsOf(again), deliveries.length, lost], [["e1"], 0, 0]);
      assert.equal((await settle(store, "a", done(ref, { hasHistory: true }))).kind, "settled");
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "an entry that was done leaves no history behind, should it come again",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const { ref } = await holdOne(a, "a");
      await settle(a, "a", park(ref, 0));
      await claimLater(harness, a, "a");
      await settle(a, "a", done(ref, { hasHistory: true }));
      await harness.destroyGroup();
      await a.ensureGroup();
      assert.deepEqual(only(await readNow(a, "a")).history, FRESH);
      await a.mark("a", [], true);
      await harness.passLease("a");
      assert.deepEqual(only(await seize(b, "b", "a")).history, FRESH);
    },
  },
  {
    name: "audit makes parked entries that lost their index adoptable again, with their history",
    needs: "lost_index",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, e2, e3] = refsOf(await hold(store, "a", 3));
      await store.settle("a", [park(e1 ?? "", 0), { kind: "release", ref: e2 ?? "" }]);
      await harness.loseIndex();
      assert.deepEqual((await store.claimDue("a", 10)).deliveries, []);
      assert.deepEqual(await store.adopt("a", 10), []);
      assert.deepEqual(await store.audit(), { repaired: 2, lost: 0 });
      assert.deepEqual(await store.audit(), { repaired: 0, lost: 0 });
      assert.deepEqual(refsOf(await store.adopt("a", 10)).toSorted(), [e1, e2].toSorted());
      const back = await claimLater(harness, store, "a");
      assert.deepEqual(refsOf(back).toSorted(), [e1, e2].toSorted(), "what is held is left alone");
      assert.equal(back.find(({ ref }) => ref === e1)?.history.failures, 1);
      assert.ok(!refsOf(back).includes(e3 ?? ""));
    },
  },
  {
    name: "audit counts parked entries that lost index and content",
    needs: "lost_index",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref, entryId } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 0));
      await harness.loseIndex();
      await harness.deleteEntry(entryId);
      assert.deepEqual(await store.audit(), { repaired: 0, lost: 1 });
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "audit leaves alone what is in order, also where there is no stream",
    async run(harness): Promise<void> {
      assert.deepEqual(await harness.store().audit(), { repaired: 0, lost: 0 });
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 60_000));
      assert.deepEqual(await store.audit(), { repaired: 0, lost: 0 });
      assert.deepEqual(await store.adopt("a", 10), [], "it still belongs to its consumer");
    },
  },
  {
    name: "after everything was destroyed, a new consumer works as on the first day",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1] = refsOf(await hold(store, "a", 2));
      await settle(store, "a", park(e1 ?? "", 0));
      await harness.flushAll();
      assert.deepEqual(await store.ensureGroup(), { created: true });
      await store.register("b", LONG_MS);
      assert.deepEqual(await store.adopt("b", 10), []);
      const { ref } = await holdOne(store, "b");
      assert.equal((await settle(store, "b", done(ref, { effects: [item("f")] }))).kind, "settled");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "f"]);
    },
  },
];
