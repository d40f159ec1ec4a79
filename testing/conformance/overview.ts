/**
 * Beats and counts.
 * @module
 */
import assert from "node:assert/strict";
import type { GroupStats, StreamStore } from "../../src/store/port.ts";
import type { Clause } from "./harness.ts";
import {
  dead,
  done,
  hold,
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
  settle,
} from "./steps.ts";

async function counts(store: StreamStore): Promise<Omit<GroupStats, "oldestAgeMs" | "added">> {
  const { oldestAgeMs: _, added: __, ...rest } = await store.stats();
  return rest;
}

/** See the module's text. */
export const overviewClauses: readonly Clause[] = [
  {
    name: "a beat without a consumer holds no lease and tells that the store takes writes",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.ensureGroup();
      assert.partialDeepStrictEqual(await store.beat(null, LONG_MS), { lease: "none", writeRefused: null });
    },
  },
  {
    name: "a beat renews the lease; of a consumer that never registered it says fenced",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      await harness.passLease("a");
      assert.equal(only(await b.peers("b")).state, "expired");
      assert.partialDeepStrictEqual(await a.beat("a", LONG_MS), { lease: "held", writeRefused: null });
      assert.equal(only(await b.peers("b")).state, "alive");
      assert.equal((await a.beat("nobody", LONG_MS)).lease, "fenced");
    },
  },
  {
    name: "a beat leaves nothing in the stream",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.beat("a", LONG_MS);
      await store.beat(null, LONG_MS);
      assert.deepEqual(await harness.entries(), []);
    },
  },
  {
    name: "the counts of a group add up",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await replica(harness, "b");
      const held = await hold(store, "a", 6);
      const [e1, e2, e3, , e5] = refsOf(held);
      await store.settle("a", [
        done(e1 ?? ""),
        park(e2 ?? "", 60_000),
        { kind: "release", ref: e3 ?? "" },
        dead(held[3] ?? held[0] ?? only(held)),
        done(e5 ?? ""),
      ]);
      await publish(store, 2);
      await store.append([item("later", { deliverAtMs: await store.time() + 60_000 })]);
      assert.deepEqual(await counts(store), {
        length: 8,
        lag: 2,
        pending: 1,
        parked: 2,
        deadLetters: 1,
        delayed: 1,
        consumers: 2,
      });
    },
  },
  {
    name: "the counts of groups are their own",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const other = harness.store("other");
      await other.ensureGroup();
      const [first, second] = await hold(store, "a", 3);
      await settle(store, "a", dead(first ?? only([])));
      await settle(store, "a", park(second?.ref ?? "", 60_000));
      assert.deepEqual(await counts(other), {
        length: 3,
        lag: 3,
        pending: 0,
        parked: 0,
        deadLetters: 0,
        delayed: 0,
        consumers: 0,
      });
    },
  },
  {
    name: "the lag is right after entries were deleted, read or not",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const ids = await publish(store, 6);
      await readNow(store, "a", 2);
      await harness.deleteEntry(ids[0] ?? "");
      await harness.deleteEntry(ids[3] ?? "");
      assert.equal((await store.stats()).lag, 3);
      await readNow(store, "a", 10);
      assert.equal((await store.stats()).lag, 0);
      await harness.deleteEntry(ids[5] ?? "");
      assert.equal((await store.stats()).lag, 0);
      await publish(store, 2);
      assert.equal((await store.stats()).lag, 2);
    },
  },
  {
    name: "the lag of a group that was made after entries is all of them",
    async run(harness): Promise<void> {
      const ids = await publish(harness.store(), 4);
      await harness.deleteEntry(ids[1] ?? "");
      const store = await replica(harness, "a");
      assert.equal((await store.stats()).lag, 3);
    },
  },
  {
    name: "the oldest age is that of the oldest entry not finished: undelivered, held or parked",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      assert.equal((await store.stats()).oldestAgeMs, 0);
      await publish(store, 1);
      await harness.elapse(300);
      const ageOf = async (): Promise<number> => (await store.stats()).oldestAgeMs;
      assert.ok(await ageOf() >= 300, "undelivered");
      const { ref } = only(await readNow(store, "a"));
      assert.ok(await ageOf() >= 300, "held");
      await settle(store, "a", park(ref, 0));
      assert.ok(await ageOf() >= 300, "parked");
      await store.retire("a");
      await store.register("b", LONG_MS);
      await publish(store, 1);
      await store.adopt("b", 10);
      const held = [...(await store.claimDue("b", 10)).deliveries];
      await store.settle("b", held.map((delivery) => done(delivery.ref, { hasHistory: true })));
      const young = await ageOf();
      assert.ok(young < 300, `only the young one is left: ${young}`);
      await store.settle("b", (await readNow(store, "b")).map((delivery) => done(delivery.ref)));
      assert.equal(await ageOf(), 0);
    },
  },
  {
    name: "a replay that nobody has read counts as undelivered or parked, then as pending, then as nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await settle(store, "a", dead(only(await hold(store, "a", 1))));
      await store.replay(only(await lettersOf(harness)).id);
      const { lag, parked } = await store.stats();
      assert.equal(lag + parked, 1);
      const found = [...await readNow(store, "a")];
      await store.adopt("a", 10);
      found.push(...(await store.claimDue("a", 10)).deliveries);
      assert.equal((await store.stats()).pending, 1);
      await settle(store, "a", done(only(found).ref, { hasHistory: true }));
      const after = await store.stats();
      assert.deepEqual([after.lag, after.pending, after.parked], [0, 0, 0]);
    },
  },
  {
    name: "the counts of what is not there are zero",
    async run(harness): Promise<void> {
      assert.deepEqual(await harness.store().stats(), {
        length: 0,
        lag: 0,
        pending: 0,
        parked: 0,
        deadLetters: 0,
        delayed: 0,
        consumers: 0,
        oldestAgeMs: 0,
        added: 0,
      });
    },
  },
  {
    name: "what was ever added counts whoever added it, also what is gone",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      assert.equal((await store.stats()).added, 3);
      await settle(store, "a", done(held[0]!.ref));
      await harness.deleteEntry(held[0]!.entryId);
      await publish(store, 2);
      const { added, length } = await store.stats();
      assert.deepEqual([added, length], [5, 4]);
    },
  },
];
