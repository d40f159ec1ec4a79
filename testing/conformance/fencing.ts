/**
 * Fencing: once it was taken over, a consumer can settle and claim nothing.
 * @module
 */
import assert from "node:assert/strict";
import type { StreamStore } from "../../src/store/port.ts";
import type { Clause, Harness } from "./harness.ts";
import {
  at,
  dead,
  done,
  hold,
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

/** Consumer `a` held three events, `b` has just taken one of them; two are still pending for `a`. */
async function fenced(
  harness: Harness,
): Promise<{ a: StreamStore; b: StreamStore; held: Awaited<ReturnType<typeof hold>> }> {
  const a = await mortal(harness, "a");
  const b = await replica(harness, "b");
  const held = await hold(a, "a", 3);
  await a.mark("a", [], true);
  await harness.passLease("a");
  const taken = await b.takeOver("b", "a", LONG_MS, 1);
  assert.deepEqual(idsOf(taken.deliveries), ["e1"]);
  assert.equal(taken.remaining, 2);
  return { a, b, held };
}

/** See the module's text. */
export const fencingClauses: readonly Clause[] = [
  {
    name: "a consumer that was taken over settles nothing: done, effects, park, dead and release are fenced",
    async run(harness): Promise<void> {
      const { a, b, held } = await fenced(harness);
      for (const delivery of held) {
        const { ref } = delivery;
        const outcomes = await a.settle("a", [
          done(ref),
          done(ref, { effects: [item("f")], dedupKey: "k" }),
          done(ref, { hasHistory: true }),
          park(ref),
          dead(delivery),
          { kind: "release", ref },
        ], LONG_MS);
        assert.deepEqual(outcomes.map(({ kind }) => kind), Array(6).fill("fenced"));
      }
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "e2", "e3"], "no effect");
      assert.deepEqual(await lettersOf(harness), [], "no letter");
      assert.deepEqual(await b.seen(["k"]), [false], "no mark");
      assert.deepEqual(await harness.pendingIds(), refsOf(held), "all still pending");
      const { parked, pending } = await b.stats();
      assert.deepEqual({ parked, pending }, { parked: 0, pending: 3 });
    },
  },
  {
    name: "a consumer that was taken over is told so by its beat, and is not revived by it",
    async run(harness): Promise<void> {
      const { a, held } = await fenced(harness);
      assert.equal((await a.beat("a", LONG_MS)).lease, "fenced");
      assert.equal((await a.beat("a", LONG_MS)).lease, "fenced");
      assert.equal((await settle(a, "a", done(at(held, 1).ref))).kind, "fenced");
    },
  },
  {
    name: "a consumer that was taken over adopts, claims, recovers and takes over nothing",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const d = await mortal(harness, "d");
      const [e1, e2] = refsOf(await hold(a, "a", 2));
      await settle(a, "a", park(e1 ?? "", 0));
      await hold(d, "d", 1);
      await harness.passLease("a");
      await harness.passLease("d");
      await seize(b, "b", "a");
      await settle(b, "b", { kind: "release", ref: e2 ?? "" });
      assert.deepEqual(await a.adopt("a", 10), []);
      assert.equal((await a.claimDue("a", 10)).state, "fenced");
      assert.deepEqual((await a.claimDue("a", 10)).deliveries, []);
      assert.deepEqual(await a.recover("a", new Set(), 10), []);
      const refused = await a.takeOver("a", "d", LONG_MS, 10);
      assert.equal(refused.state, "fenced");
      assert.deepEqual(refused.deliveries, []);
      assert.equal((await d.beat("d", LONG_MS)).lease, "held", "nobody was fenced by a fenced caller");
      assert.deepEqual(refsOf(await b.adopt("b", 10)).toSorted(), [e1, e2].toSorted());
    },
  },
  {
    name: "a mark that comes after the takeover changes no verdict",
    async run(harness): Promise<void> {
      const { a, b } = await fenced(harness);
      await a.mark("a", ["e2", "e3"], false);
      await a.mark("a", [], false);
      const rest = await seize(b, "b", "a");
      assert.deepEqual(rest.map(({ history }) => history.suspicions + history.sharedCrashes + history.soloCrashes), [
        0,
        0,
      ]);
    },
  },
  {
    name: "retiring after a takeover hands back nothing and tells what is still pending",
    async run(harness): Promise<void> {
      const { a, b } = await fenced(harness);
      assert.deepEqual(await a.recover("a", new Set(), 10), []);
      assert.deepEqual(await a.retire("a"), { handedBack: 0, pending: 2 });
      assert.deepEqual(await b.adopt("b", 10), []);
      assert.deepEqual(idsOf(await seize(b, "b", "a")), ["e2", "e3"]);
    },
  },
  {
    name: "the fence holds in its own group only",
    async run(harness): Promise<void> {
      const other = await replica(harness, "a", "other");
      await fenced(harness);
      assert.equal((await other.beat("a", LONG_MS)).lease, "held");
      const [first] = refsOf(await readNow(other, "a"));
      assert.equal((await settle(other, "a", done(first ?? ""))).kind, "settled");
    },
  },
  {
    name: "a lease that ran out and that nobody took over goes on: everything settles, the beat renews it",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const held = await hold(a, "a", 4);
      await harness.passLease("a");
      const [e1, e2, e3] = refsOf(held);
      const outcomes = await a.settle("a", [
        done(e1 ?? ""),
        done(e2 ?? "", { effects: [item("f")] }),
        park(e3 ?? ""),
        dead(at(held, 3)),
      ]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), Array(4).fill("settled"));
      assert.partialDeepStrictEqual(await a.beat("a", LONG_MS), { lease: "held", writeRefused: null });
      const { state, leaseLeftMs } = only(await b.peers("b"));
      assert.equal(state, "alive");
      assert.ok(leaseLeftMs > LONG_MS / 2 && leaseLeftMs <= LONG_MS);
      assert.equal((await b.takeOver("b", "a", LONG_MS, 10)).state, "alive");
    },
  },
  {
    name: "a read that was blocked during the takeover may get entries: they wait with a fenced peer and are not lost",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const reading = a.read("a", 10, LONG_MS, new AbortController().signal);
      await harness.untilBlocked(1);
      await harness.passLease("a");
      assert.equal((await b.takeOver("b", "a", LONG_MS, 10)).state, "retired");
      await publish(b, 1);
      const late = only(await reading);
      assert.equal((await settle(a, "a", done(late.ref))).kind, "fenced");
      const { state, pending } = only(await b.peers("b"));
      assert.deepEqual({ state, pending }, { state: "fenced", pending: 1 });
      const delivery = only(await seize(b, "b", "a"));
      assert.equal(delivery.ref, late.ref);
      assert.equal(delivery.history.soloCrashes + delivery.history.suspicions, 0, "it never ran");
    },
  },
  {
    name: "what such a read pulls in is not blamed for the crash before it",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      await hold(a, "a", 1);
      const reading = a.read("a", 10, LONG_MS, new AbortController().signal);
      await harness.untilBlocked(1);
      await harness.passLease("a");
      assert.equal(only(await seize(b, "b", "a")).history.soloCrashes, 1);
      await publish(b, 1);
      await reading;
      const { soloCrashes, sharedCrashes, suspicions } = only(await seize(b, "b", "a")).history;
      assert.deepEqual({ soloCrashes, sharedCrashes, suspicions }, { soloCrashes: 0, sharedCrashes: 0, suspicions: 0 });
    },
  },
  {
    name: "a registration that is gone with everything else is told as fenced",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      await hold(a, "a", 1);
      await harness.flushAll();
      assert.equal((await a.beat("a", LONG_MS)).lease, "fenced");
      assert.equal((await a.beat(null, LONG_MS)).lease, "none");
    },
  },
];
