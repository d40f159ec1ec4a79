/**
 * A store that refuses new data: what waits, and what goes on.
 * @module
 */
import assert from "node:assert/strict";
import { StoreRefusedError } from "../../src/errors.ts";
import type { Clause } from "./harness.ts";
import {
  at,
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
  readNow,
  refsOf,
  replica,
  seize,
  settle,
} from "./steps.ts";

/** See the module's text. */
export const refusalClauses: readonly Clause[] = [
  {
    name: "a refused effect leaves the entry pending, with no effect, and can be tried again",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref, entryId } = await holdOne(store, "a");
      const settlement = done(ref, { effects: [item("f1"), item("f2")], dedupKey: "k" });
      await harness.refuse(true);
      const refused = await settle(store, "a", settlement, LONG_MS);
      await harness.refuse(false);
      assert.ok(refused.kind === "refused" && refused.reason === "out_of_memory", Deno.inspect(refused));
      assert.deepEqual(idsOf(await harness.entries()), ["e1"]);
      assert.deepEqual(await harness.pendingIds(), [entryId]);
      assert.deepEqual(await store.seen(["k"]), [false]);
      assert.equal((await settle(store, "a", settlement, LONG_MS)).kind, "settled");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "f1", "f2"]);
    },
  },
  {
    name: "a refused dead letter leaves the entry pending, with no letter",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const delivery = await holdOne(store, "a");
      await harness.refuse(true);
      const { kind } = await settle(store, "a", dead(delivery));
      await harness.refuse(false);
      assert.equal(kind, "refused");
      assert.deepEqual(await lettersOf(harness), []);
      assert.deepEqual(await harness.pendingIds(), [delivery.entryId]);
      assert.equal((await settle(store, "a", dead(delivery))).kind, "settled");
    },
  },
  {
    name: "a refused park leaves the entry held, with the history that it had",
    needs: "refusal",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const { ref } = await holdOne(a, "a");
      await a.mark("a", [], true);
      await harness.refuse(true);
      const { kind } = await settle(a, "a", park(ref));
      await harness.refuse(false);
      assert.equal(kind, "refused");
      assert.equal((await b.stats()).parked, 0);
      await harness.passLease("a");
      assert.equal(only(await seize(b, "b", "a")).history.failures, 0);
    },
  },
  {
    name: "while new data is refused, plain acknowledgements, reads, hand-backs and leases go on",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 3).then(refsOf);
      await store.append([item("late")]);
      await harness.refuse(true);
      const outcomes = await store.settle("a", [done(first ?? ""), { kind: "release", ref: second ?? "" }]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), ["settled", "settled"]);
      assert.deepEqual(idsOf(await readNow(store, "a")), ["late"]);
      assert.partialDeepStrictEqual(await store.beat("a", LONG_MS), { lease: "held", writeRefused: "out_of_memory" });
      assert.partialDeepStrictEqual(await store.beat(null, LONG_MS), { lease: "none", writeRefused: "out_of_memory" });
      await store.register("b", LONG_MS);
      assert.equal((await store.beat("b", LONG_MS)).lease, "held");
      await store.mark("a", ["x"], true);
      await harness.refuse(false);
      assert.partialDeepStrictEqual(await store.beat("a", LONG_MS), { lease: "held", writeRefused: null });
    },
  },
  {
    name: "in one batch, what is refused waits and what needs no room settles",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      await harness.refuse(true);
      const [e1, e2, e3] = refsOf(held);
      const effects = done(e1 ?? "", { effects: [item("f")] });
      const outcomes = await store.settle("a", [effects, done(e2 ?? ""), park(e3 ?? "")]);
      await harness.refuse(false);
      assert.deepEqual(outcomes.map(({ kind }) => kind), ["refused", "settled", "refused"]);
      assert.deepEqual(await harness.pendingIds(), [at(held, 0).entryId, at(held, 2).entryId]);
    },
  },
  {
    name: "a refused append, schedule or replay throws with its cause and changes nothing",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const delivery = await holdOne(store, "a");
      await settle(store, "a", dead(delivery));
      const letter = only(await lettersOf(harness));
      await harness.refuse(true);
      const refused = (error: unknown): boolean =>
        error instanceof StoreRefusedError && error.reason === "out_of_memory";
      await assert.rejects(store.append([item("x")]), refused);
      await assert.rejects(store.fire("s", [{ atMs: 1_000, item: item("s@1000") }]), refused);
      await assert.rejects(store.replay(letter.id), refused);
      await harness.refuse(false);
      assert.deepEqual(idsOf(await harness.entries()), ["e1"]);
      assert.equal(await store.lastOccurrence("s"), null);
      assert.equal(await store.replay(letter.id), true, "the letter is still there");
    },
  },
  {
    name: "while new data is refused, a dead consumer is still taken over",
    needs: "refusal",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      await hold(a, "a", 2);
      await harness.passLease("a");
      await harness.refuse(true);
      assert.deepEqual(idsOf(await seize(b, "b", "a")), ["e1", "e2"]);
      await harness.refuse(false);
    },
  },
];
