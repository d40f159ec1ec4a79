/**
 * Settling: acknowledgement, effects, deduplication.
 * @module
 */
import assert from "node:assert/strict";
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
  park,
  publish,
  readNow,
  refsOf,
  replica,
  settle,
} from "./steps.ts";

const WINDOW_MS = 60_000;

/** See the module's text. */
export const settlingClauses: readonly Clause[] = [
  {
    name: "a batch of acknowledgements settles each, and nothing stays pending",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 5);
      const outcomes = await store.settle("a", held.map(({ ref }) => done(ref)));
      assert.deepEqual(outcomes.map(({ kind }) => kind), Array(5).fill("settled"));
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "outcomes come in the order of a mixed batch",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 5);
      const [e1, e2, e3, , e5] = refsOf(held);
      const outcomes = await store.settle("a", [
        park(e3 ?? "", 60_000),
        done("1-1", { hasHistory: true }),
        done(e1 ?? ""),
        dead(at(held, 3)),
        { kind: "release", ref: e5 ?? "" },
        done(e2 ?? "", { effects: [item("f")] }),
      ]);
      assert.deepEqual(outcomes.map(({ kind }) => kind), [
        "settled",
        "gone",
        "settled",
        "settled",
        "settled",
        "settled",
      ]);
      assert.deepEqual(await harness.pendingIds(), [e3, e5], "parked and handed back stay pending");
      assert.deepEqual(idsOf(await lettersOf(harness)), ["e4"]);
    },
  },
  {
    // A bare acknowledgement of many is one command that tells how many it found, not which.
    name: "of plain acknowledgements in one batch, as many are gone as the store did not have",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, e2] = refsOf(await hold(store, "a", 2));
      const outcomes = await store.settle("a", [e1 ?? "", "1-1", e2 ?? "", "1-2"].map((ref) => done(ref)));
      assert.deepEqual(outcomes.map(({ kind }) => kind).toSorted(), ["gone", "gone", "settled", "settled"]);
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "an empty batch settles nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      assert.deepEqual(await store.settle("a", []), []);
    },
  },
  {
    name: "settling twice: the second finds it gone, and its effects do not appear",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      const settlement = done(ref, { effects: [item("f")] });
      assert.equal((await settle(store, "a", settlement)).kind, "settled");
      assert.equal((await settle(store, "a", settlement)).kind, "gone");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "f"]);
    },
  },
  {
    name: "what another consumer holds cannot be settled",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const delivery = await holdOne(a, "a");
      const { ref } = delivery;
      for (const settlement of [done(ref), done(ref, { effects: [item("f")] }), park(ref), dead(delivery)]) {
        const { kind } = await settle(b, "b", settlement);
        // A bare acknowledgement checks the fence, not the owner: Redis has no such check at the price of one command.
        if (settlement.kind === "done" && settlement.effects === undefined) continue;
        assert.equal(kind, "gone", settlement.kind);
      }
      assert.deepEqual(idsOf(await harness.entries()), ["e1"]);
      assert.deepEqual(await lettersOf(harness), []);
    },
  },
  {
    name: "effects appear with the acknowledgement, in order, and the outcome names their entries",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      const outcome = await settle(store, "a", done(ref, { effects: [item("f1"), item("f2")] }));
      const entries = await harness.entries();
      assert.deepEqual(idsOf(entries), ["e1", "f1", "f2"]);
      assert.ok(outcome.kind === "settled");
      assert.deepEqual(outcome.appended?.map(({ entryId }) => entryId), entries.slice(1).map(({ id }) => id));
      assert.deepEqual(await harness.pendingIds(), []);
      assert.deepEqual(idsOf(await readNow(store, "a")), ["f1", "f2"], "effects are events like any other");
    },
  },
  {
    name: "effects go to the stream where the service publishes",
    async run(harness): Promise<void> {
      const target = `${harness.stream}-out`;
      const store = harness.store("g", { publishStream: target });
      await store.ensureGroup();
      await store.register("a", WINDOW_MS);
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", done(ref, { effects: [item("f")] }));
      assert.deepEqual(idsOf(await harness.entries()), ["e1"]);
      assert.deepEqual(idsOf(await harness.entries(target)), ["f"]);
    },
  },
  {
    name: "a delayed effect waits and appears once",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      // Far enough ahead that a busy machine is not late.
      const deliverAtMs = await store.time() + 400;
      const outcome = await settle(store, "a", done(ref, { effects: [item("f", { deliverAtMs })] }));
      assert.ok(outcome.kind === "settled");
      assert.equal(outcome.appended?.[0]?.entryId, null);
      assert.deepEqual(idsOf(await harness.entries()), ["e1"]);
      await harness.elapse(420);
      assert.equal((await store.promoteDelayed(10)).moved, 1);
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "f"]);
    },
  },
  {
    name: "effects with binary data are byte for byte",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      const bytes = new Uint8Array([0, 255, 10, 13, 128]);
      await settle(store, "a", done(ref, { effects: [{ fields: ["type", "t", "data", bytes] }] }));
      assert.deepEqual([...at(at(await harness.entries(), 1).fields, 3)], [...bytes]);
    },
  },
  {
    name: "a dedup key that is marked: the second delivery is a duplicate, acknowledged, its effects dropped",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 2);
      const settlement = (ref = ""): ReturnType<typeof done> => done(ref, { dedupKey: "k", effects: [item("f")] });
      assert.equal((await settle(store, "a", settlement(first?.ref), WINDOW_MS)).kind, "settled");
      assert.equal((await settle(store, "a", settlement(second?.ref), WINDOW_MS)).kind, "duplicate");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "e2", "f"]);
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "of two deliveries of one key in one batch, one settles and one is a duplicate",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 2);
      const settlements = held.map(({ ref }) => done(ref, { dedupKey: "k", effects: [item("f")] }));
      const outcomes = await store.settle("a", settlements, WINDOW_MS);
      assert.deepEqual(outcomes.map(({ kind }) => kind), ["settled", "duplicate"]);
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "e2", "f"]);
    },
  },
  {
    name: "seen tells which dedup keys are marked, in this group only, until the window ends",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const other = await replica(harness, "b", "other");
      const [e1, e2] = refsOf(await hold(store, "a", 2));
      assert.deepEqual(await store.seen(["short", "long"]), [false, false]);
      await settle(store, "a", done(e1 ?? "", { dedupKey: "short" }), 60);
      await settle(store, "a", done(e2 ?? "", { dedupKey: "long" }), WINDOW_MS);
      assert.deepEqual(await store.seen(["none", "long"]), [false, true]);
      assert.deepEqual(await other.seen(["long"]), [false]);
      await harness.elapse(100);
      assert.deepEqual(await store.seen(["short", "long"]), [false, true]);
    },
  },
  {
    name: "without a window a dedup key marks nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 2);
      for (const { ref } of held) {
        assert.equal((await settle(store, "a", done(ref, { dedupKey: "k" }))).kind, "settled");
      }
      assert.deepEqual(await store.seen(["k"]), [false]);
    },
  },
  {
    name: "seen of nothing is nothing",
    async run(harness): Promise<void> {
      assert.deepEqual(await (await replica(harness, "a")).seen([]), []);
    },
  },
  {
    name: "a large batch settles whole: 2,500 entries",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await publish(store, 2_500);
      const held = await readNow(store, "a", 5_000);
      assert.equal(held.length, 2_500);
      const outcomes = await store.settle("a", held.map(({ ref }) => done(ref)));
      assert.ok(outcomes.length === 2_500 && outcomes.every(({ kind }) => kind === "settled"));
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
];
