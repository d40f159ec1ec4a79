/**
 * Trimming: what retention allows, and every group has finished with.
 * @module
 */
import assert from "node:assert/strict";
import type { Clause } from "./harness.ts";
import {
  at,
  dead,
  done,
  hold,
  idsOf,
  item,
  lettersOf,
  park,
  PLENTY,
  publish,
  readNow,
  refsOf,
  replica,
  settle,
} from "./steps.ts";

const KEEP_TWO = { maxLength: 2, maxAgeMs: PLENTY };

/** See the module's text. */
export const trimmingClauses: readonly Clause[] = [
  {
    name: "trimming removes the oldest finished entries beyond the length",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 5);
      await store.settle("a", held.map(({ ref }) => done(ref)));
      assert.partialDeepStrictEqual(await store.trim(KEEP_TWO), { removed: 3, lettersRemoved: 0, heldBackBy: null });
      assert.deepEqual(idsOf(await harness.entries()), ["e4", "e5"]);
      assert.partialDeepStrictEqual(await store.trim(KEEP_TWO), { removed: 0, lettersRemoved: 0, heldBackBy: null });
    },
  },
  {
    name: "trimming removes finished entries beyond the age, and keeps younger ones",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      await store.settle("a", held.map(({ ref }) => done(ref)));
      await harness.elapse(400);
      await store.append([item("young")]);
      await store.settle("a", (await readNow(store, "a")).map(({ ref }) => done(ref)));
      assert.equal((await store.trim({ maxLength: PLENTY, maxAgeMs: 300 })).removed, 3);
      assert.deepEqual(idsOf(await harness.entries()), ["young"]);
    },
  },
  {
    name: "trimming within retention removes nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.settle("a", (await hold(store, "a", 3)).map(({ ref }) => done(ref)));
      const trimmed = await store.trim({ maxLength: PLENTY, maxAgeMs: PLENTY });
      assert.partialDeepStrictEqual(trimmed, { removed: 0, lettersRemoved: 0, heldBackBy: null });
    },
  },
  {
    name: "trimming never passes a held entry, and says who holds it back",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, , e3, e4, e5] = refsOf(await hold(store, "a", 5));
      await store.settle("a", [e1, e3, e4, e5].map((ref) => done(ref ?? "")));
      const { removed, heldBackBy } = await store.trim(KEEP_TWO);
      assert.equal(removed, 1);
      assert.deepEqual(idsOf(await harness.entries()), ["e2", "e3", "e4", "e5"]);
      assert.deepEqual(heldBackBy, { group: "g", entryId: (await harness.entries())[0]?.id });
    },
  },
  {
    name: "trimming never passes a parked or handed-back entry",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [e1, e2, ...rest] = refsOf(await hold(store, "a", 5));
      await store.settle("a", [...rest.map((ref) => done(ref)), park(e1 ?? "", 60_000), {
        kind: "release",
        ref: e2 ?? "",
      }]);
      assert.equal((await store.trim(KEEP_TWO)).removed, 0);
      await store.retire("a");
      assert.equal((await store.trim(KEEP_TWO)).removed, 0, "nor when it belongs to nobody");
      assert.deepEqual(idsOf(await harness.entries()), ["e1", "e2", "e3", "e4", "e5"]);
    },
  },
  {
    name: "trimming never passes what was not delivered",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await publish(store, 5);
      await store.settle("a", (await readNow(store, "a", 2)).map(({ ref }) => done(ref)));
      const { removed, heldBackBy } = await store.trim({ maxLength: 1, maxAgeMs: PLENTY });
      assert.equal(removed, 2);
      assert.deepEqual(idsOf(await harness.entries()), ["e3", "e4", "e5"]);
      assert.equal(heldBackBy?.group, "g");
    },
  },
  {
    name: "trimming waits for every group, and names the one that holds it back",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const other = await replica(harness, "b", "other");
      await store.settle("a", (await hold(store, "a", 5)).map(({ ref }) => done(ref)));
      const first = await store.trim(KEEP_TWO);
      assert.deepEqual([first.removed, first.heldBackBy?.group], [0, "other"]);
      const [b1, ...rest] = refsOf(await readNow(other, "b"));
      await other.settle("b", [park(b1 ?? "", 60_000), ...rest.map((ref) => done(ref))]);
      const second = await store.trim(KEEP_TWO);
      assert.deepEqual([second.removed, second.heldBackBy?.group], [0, "other"]);
      await harness.destroyGroup("other");
      assert.partialDeepStrictEqual(await store.trim(KEEP_TWO), { removed: 3, lettersRemoved: 0, heldBackBy: null });
    },
  },
  {
    name: "of several groups, the one that is furthest behind holds trimming back",
    async run(harness): Promise<void> {
      const groups = [["g", 2], ["other", 1], ["third", 3]] as const;
      const stores = await Promise.all(groups.map(([group]) => replica(harness, "a", group)));
      await publish(at(stores, 0), 5);
      for (const [index, [, finished]] of groups.entries()) {
        const store = at(stores, index);
        await store.settle("a", (await readNow(store, "a", finished)).map(({ ref }) => done(ref)));
      }
      const { removed, heldBackBy } = await at(stores, 0).trim({ maxLength: 1, maxAgeMs: PLENTY });
      assert.deepEqual([removed, heldBackBy?.group], [1, "other"]);
      assert.equal(heldBackBy?.entryId, at(await harness.entries(), 0).id);
    },
  },
  {
    name: "trimming bounds the dead letters by length and by age",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      for (const delivery of await hold(store, "a", 4)) await settle(store, "a", dead(delivery));
      assert.equal((await store.trim({ maxLength: 3, maxAgeMs: PLENTY })).lettersRemoved, 1);
      assert.deepEqual(idsOf(await lettersOf(harness)), ["e2", "e3", "e4"]);
      await harness.elapse(60);
      assert.equal((await store.trim({ maxLength: PLENTY, maxAgeMs: 30 })).lettersRemoved, 3);
      assert.deepEqual(await lettersOf(harness), []);
    },
  },
  {
    name: "trimming removes much at once: 1,500 entries to ten, exactly",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 1_500);
      await store.settle("a", held.slice(0, -1).map(({ ref }) => done(ref)));
      const { removed, heldBackBy } = await store.trim({ maxLength: 10, maxAgeMs: PLENTY });
      assert.deepEqual([removed, heldBackBy], [1_490, null]);
      assert.equal((await harness.entries()).length, 10);
    },
  },
  {
    name: "trimming tells for how long nothing becomes too old",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const retention = { maxLength: PLENTY, maxAgeMs: 60_000 };
      const quietMs = async (): Promise<number> => (await store.trim(retention)).quietMs;
      assert.equal(await quietMs(), 0, "nothing is there");
      const [first, ...rest] = await hold(store, "a", 3);
      await store.settle("a", rest.map(({ ref }) => done(ref)));
      await harness.elapse(50);
      const quiet = await quietMs();
      assert.ok(quiet > 0 && quiet <= 59_950, `found ${quiet}`);
      assert.equal((await store.trim({ ...retention, maxLength: 0 })).quietMs, 0, "held back");
      await store.settle("a", [dead(first!)]);
      assert.ok(await quietMs() <= quiet);
      for (const { entryId } of [first!, ...rest]) await harness.deleteEntry(entryId);
      await harness.elapse(200);
      await hold(store, "a", 1);
      const byLetter = await quietMs();
      assert.ok(byLetter > 0 && byLetter <= 59_800, `found ${byLetter}: the dead letter is older than what is there`);
      await store.settle("a", (await store.recover("a", new Set(), 10)).map(({ ref }) => done(ref)));
      await store.trim({ maxLength: PLENTY, maxAgeMs: -1_000 });
      assert.equal(await quietMs(), 0, "nothing is there any more");
    },
  },
  {
    name: "trimming where there is no stream removes nothing",
    async run(harness): Promise<void> {
      assert.partialDeepStrictEqual(await harness.store().trim(KEEP_TWO), {
        removed: 0,
        lettersRemoved: 0,
        heldBackBy: null,
      });
    },
  },
  {
    name: "while its group is destroyed, a stream is not trimmed: the group comes back at the start",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await publish(store, 5);
      await harness.destroyGroup();
      assert.equal((await store.trim(KEEP_TWO)).removed, 0);
      await store.ensureGroup();
      assert.deepEqual(idsOf(await readNow(store, "a")), ["e1", "e2", "e3", "e4", "e5"]);
    },
  },
];
