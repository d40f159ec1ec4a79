/**
 * Replay: a dead letter goes back to its own group, once.
 * @module
 */
import assert from "node:assert/strict";
import type { Delivery, StreamStore } from "../../src/store/port.ts";
import type { Clause, Harness } from "./harness.ts";
import {
  adoptDue,
  AWKWARD,
  claimLater,
  dead,
  done,
  fetchAll,
  holdOne,
  idsOf,
  item,
  lettersOf,
  LONG_MS,
  mortal,
  only,
  park,
  readNow,
  replica,
  seize,
  settle,
  texts,
} from "./steps.ts";

/** Publishes an event, gives up on it and replays it. @returns Its first delivery. */
async function buried(harness: Harness, store: StreamStore, consumer: string): Promise<Delivery> {
  const delivery = await holdOne(store, consumer);
  assert.equal((await settle(store, consumer, dead(delivery))).kind, "settled");
  assert.equal(await store.replay(only(await lettersOf(harness)).id), true);
  return delivery;
}

/** See the module's text. */
export const replayClauses: readonly Clause[] = [
  {
    name: "a replay comes back once: other ref, original entry id and fields, fresh budget, one more replay",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.append([{ fields: AWKWARD }]);
      const original = only(await readNow(store, "a"));
      await settle(store, "a", park(original.ref, 0));
      await settle(store, "a", dead(only(await claimLater(harness, store, "a")), { replays: 4, deliveries: 5 }));
      const letter = only(await lettersOf(harness));
      assert.equal(await store.replay(letter.id), true);
      assert.deepEqual(await lettersOf(harness), [], "the letter is gone");
      assert.equal(await store.replay(letter.id), false, "once");
      const again = only(await fetchAll(store, "a"));
      assert.match(again.ref, /^r:/);
      assert.equal(again.entryId, original.entryId);
      assert.deepEqual(again.fields.map((bytes) => [...bytes]), original.fields.map((bytes) => [...bytes]));
      const { failures, soloCrashes, sharedCrashes, suspicions, replays } = again.history;
      assert.deepEqual({ failures, soloCrashes, sharedCrashes, suspicions, replays }, {
        failures: 0,
        soloCrashes: 0,
        sharedCrashes: 0,
        suspicions: 0,
        replays: 5,
      });
      assert.deepEqual(await fetchAll(store, "a"), []);
    },
  },
  {
    name: "replay of what is no letter answers false",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      assert.equal(await store.replay("1-1"), false);
      await settle(store, "a", dead(await holdOne(store, "a")));
      assert.equal(await store.replay("1-1"), false);
      assert.equal(await harness.store("other").replay(only(await lettersOf(harness)).id), false, "not this group's");
    },
  },
  {
    name: "a read that leaves replays out brings entries alone, and the next one brings what it left",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await buried(harness, store, "a");
      await store.append([item("e2")]);
      const plainly = await store.read("a", 10, 0, new AbortController().signal, false);
      assert.deepEqual(idsOf(plainly), ["e2"]);
      assert.match(only(await fetchAll(store, "a")).ref, /^r:/);
    },
  },
  {
    name: "a replay is seen by its own group only",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const other = await replica(harness, "b", "other");
      await buried(harness, store, "a");
      const [original] = await readNow(other, "b");
      await settle(other, "b", done(original?.ref ?? ""));
      assert.deepEqual(await fetchAll(other, "b"), []);
      assert.deepEqual(idsOf(await fetchAll(store, "a")), ["e1"]);
      assert.deepEqual(idsOf(await harness.entries()), ["e1"], "nothing is appended to the stream");
    },
  },
  {
    name: "a replay works after the original was trimmed",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const delivery = await holdOne(store, "a");
      await settle(store, "a", dead(delivery));
      await store.append([item("x")]);
      await harness.deleteEntry(delivery.entryId);
      await store.replay(only(await lettersOf(harness)).id);
      const found = await fetchAll(store, "a");
      assert.deepEqual(idsOf(found).toSorted(), ["e1", "x"]);
      const again = found.find(({ ref }) => ref.startsWith("r:"));
      assert.equal((await settle(store, "a", done(again?.ref ?? "", { effects: [item("f")] }))).kind, "settled");
    },
  },
  {
    name: "a replay is done once, its effects appear once, and nothing of it stays",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await buried(harness, store, "a");
      const { ref } = only(await fetchAll(store, "a"));
      const settlement = done(ref, { hasHistory: true, effects: [item("f")] });
      assert.equal((await settle(store, "a", settlement)).kind, "settled");
      assert.equal((await settle(store, "a", settlement)).kind, "gone");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "f"]);
      const { pending, parked } = await store.stats();
      assert.deepEqual({ pending, parked }, { pending: 0, parked: 0 });
    },
  },
  {
    name: "a replay that was settled plainly is done",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await buried(harness, store, "a");
      const { ref } = only(await fetchAll(store, "a"));
      assert.deepEqual(await store.settle("a", [done(ref)]), [{ kind: "settled" }]);
      assert.equal((await store.stats()).pending, 0);
      await store.retire("a");
      await store.register("b", LONG_MS);
      assert.deepEqual(await fetchAll(store, "b"), []);
    },
  },
  {
    name: "a replay that fails is parked, comes back, and can die again with its entry id",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const original = await buried(harness, store, "a");
      const { ref, history } = only(await fetchAll(store, "a"));
      await settle(store, "a", { kind: "park", ref, delayMs: 0, history: { ...history, failures: 1 } });
      const again = only(await claimLater(harness, store, "a"));
      assert.deepEqual([again.ref, again.entryId, again.history.failures, again.history.replays], [
        ref,
        original.entryId,
        1,
        1,
      ]);
      await settle(store, "a", dead(again, { replays: again.history.replays }));
      const letter = texts(only(await lettersOf(harness)).fields);
      assert.deepEqual([letter["id"], letter["dlq.entry"], letter["dlq.replays"]], ["e1", original.entryId, "1"]);
    },
  },
  {
    name: "a replay is handed back, adopted and taken over like any entry",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await mortal(harness, "b");
      const c = await replica(harness, "c");
      await buried(harness, a, "a");
      const { ref, entryId } = only(await fetchAll(a, "a"));
      assert.equal((await a.stats()).pending, 1);
      await settle(a, "a", { kind: "release", ref });
      assert.equal(only(await adoptDue(b, "b")).ref, ref);
      assert.deepEqual(await b.recover("b", new Set([ref]), 10), []);
      assert.equal(only(await b.recover("b", new Set(), 10)).ref, ref);
      await harness.passLease("b");
      const taken = only(await seize(c, "c", "b"));
      assert.deepEqual([taken.ref, taken.entryId, taken.history.soloCrashes], [ref, entryId, 1]);
      assert.equal((await settle(b, "b", done(ref))).kind, "fenced");
      await c.retire("c");
      assert.deepEqual((await a.adopt("a", 10)).map((parked) => parked.ref), [ref]);
    },
  },
];
