/**
 * What people ask of a stream, and change by hand.
 * @module
 */
import assert from "node:assert/strict";
import type { RangeQuery, StoredEntry, StoredPlace, StreamAdmin } from "../../src/store/admin_port.ts";
import type { StreamStore } from "../../src/store/port.ts";
import { walk } from "./find.ts";
import type { Clause, Harness } from "./harness.ts";
import {
  adoptDue,
  at,
  AWKWARD,
  claimLater,
  dead,
  done,
  fetchAll,
  hold,
  holdOne,
  idsOf,
  only,
  park,
  PLENTY,
  publish,
  readNow,
  refsOf,
  replica,
  settle,
  texts,
} from "./steps.ts";

type Of<S extends StoredPlace["state"]> = Extract<StoredPlace, { state: S }>;

async function placed<S extends StoredPlace["state"]>(admin: StreamAdmin, entryId: string, state: S): Promise<Of<S>> {
  const place = await admin.where(entryId);
  assert.equal(place?.state, state, `${entryId}: ${Deno.inspect(place)}`);
  return place as Of<S>;
}

/** Letters of these types and reasons, in order. */
async function bury(
  harness: Harness,
  letters: readonly (readonly [type: string, reason: string])[],
): Promise<StreamStore> {
  const store = await replica(harness, "a");
  await store.append(letters.map(([type], index) => ({ fields: ["id", `e${index + 1}`, "type", type] })));
  const held = await readNow(store, "a");
  await store.settle(
    "a",
    held.map((delivery, index) => dead(delivery, { reason: at(letters, index)[1] as "invalid" })),
  );
  return store;
}

const whereClauses: readonly Clause[] = [
  {
    name: "where: an undelivered entry waits, also while there is no group",
    async run(harness): Promise<void> {
      const store = harness.store();
      const [id] = await publish(store, 1);
      assert.deepEqual(await harness.admin().where(id!), { state: "waiting", replay: false });
      await store.ensureGroup();
      assert.deepEqual(await harness.admin().where(id!), { state: "waiting", replay: false });
    },
  },
  {
    name: "where: a held entry names its owner, since when, and how long the lease lasts",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { entryId } = await holdOne(store, "a");
      await harness.elapse(30);
      const place = await placed(harness.admin(), entryId, "held");
      assert.equal(place.owner, "a");
      const heldMs = await store.time() - place.sinceMs;
      assert.ok(heldMs >= 25 && heldMs < 30_000, `held for ${heldMs} ms`);
      assert.ok(place.leaseLeftMs !== null && place.leaseLeftMs > 0 && place.leaseLeftMs <= 60_000);
      assert.equal(place.history.failures, 0);
      const [foreign] = await publish(store, 1);
      await harness.foreignRead("stranger", 1);
      const strange = await placed(harness.admin(), foreign!, "held");
      assert.deepEqual([strange.owner, strange.leaseLeftMs], ["stranger", null]);
    },
  },
  {
    name: "where: a parked entry says until when, in whose care, and why; a handed-back one is due at once",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 2);
      const before = await store.time();
      await store.settle("a", [park(first!.ref, 60_000), { kind: "release", ref: second!.ref }]);
      const place = await placed(harness.admin(), first!.entryId, "parked");
      assert.equal(place.owner, "a");
      assert.ok(place.dueMs !== null && place.dueMs >= before + 60_000 && place.dueMs < before + 90_000);
      assert.equal(place.history.error, "boom");
      assert.equal(place.history.failures, 1);
      const back = await placed(harness.admin(), second!.entryId, "parked");
      assert.deepEqual([back.owner, back.dueMs], [null, null]);
      await store.adopt("a", 10);
      assert.equal((await placed(harness.admin(), second!.entryId, "parked")).owner, "a");
    },
  },
  {
    name: "where: dead, done and never; each group has its own answer",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 2);
      await store.settle("a", [done(first!.ref), dead(second!, { error: "gone wrong" })]);
      const admin = harness.admin();
      assert.deepEqual(await admin.where(first!.entryId), { state: "done", certain: true });
      const { letter } = await placed(admin, second!.entryId, "dead");
      assert.equal(texts(letter.fields)["dlq.error"], "gone wrong");
      for (const never of ["1-1", "99999999999999-0", "0-0"]) assert.equal(await admin.where(never), null, never);
      assert.equal((await harness.admin("other").where(first!.entryId))?.state, "waiting");
    },
  },
  {
    name: "where: a trimmed or deleted entry is told from one that never was",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      await store.settle("a", refsOf(held).map((ref) => done(ref)));
      await store.trim({ maxLength: 1, maxAgeMs: PLENTY });
      const admin = harness.admin();
      assert.deepEqual(await admin.where(at(held, 0).entryId), { state: "trimmed", delivered: true, certain: true });
      assert.equal((await admin.where(at(held, 2).entryId))?.state, "done");
      const [next] = await publish(store, 1);
      await harness.deleteEntry(next!);
      assert.deepEqual(await admin.where(next!), { state: "trimmed", delivered: false, certain: true });
      assert.equal(await admin.where("99999999999999-0"), null);
    },
  },
  {
    name: "where: a replay is followed from waiting to done",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const admin = harness.admin();
      const { entryId } = await bury1(store);
      const letterId = (await placed(admin, entryId, "dead")).letter.id;
      assert.equal(await store.replay(letterId), true);
      assert.deepEqual(await admin.where(entryId), { state: "waiting", replay: true });
      const again = only(await fetchAll(store, "a"));
      assert.deepEqual([again.entryId, (await placed(admin, entryId, "held")).replay], [entryId, true]);
      await settle(store, "a", park(again.ref, 1));
      assert.equal((await placed(admin, entryId, "parked")).replay, true);
      await settle(store, "a", done(only(await claimLater(harness, store, "a")).ref));
      assert.deepEqual(await admin.where(entryId), { state: "done", certain: true });
    },
  },
];

async function bury1(store: StreamStore): Promise<{ entryId: string }> {
  const delivery = await holdOne(store, "a");
  await settle(store, "a", dead(delivery));
  return delivery;
}

const rangeClauses: readonly Clause[] = [
  {
    name: "range: in order both ways, between its bounds, in parts that join",
    async run(harness): Promise<void> {
      const store = harness.store();
      const ids = await publish(store, 7);
      const admin = harness.admin();
      const all = { of: "entries", limit: 3 } as const;
      assert.deepEqual(idsOf(await walk(admin, all)), ["e1", "e2", "e3", "e4", "e5", "e6", "e7"]);
      assert.deepEqual(idsOf(await walk(admin, { ...all, newestFirst: true })), [
        "e7",
        "e6",
        "e5",
        "e4",
        "e3",
        "e2",
        "e1",
      ]);
      const between = { ...all, from: { id: ids[1]! }, to: { id: ids[4]!, exclusive: true } };
      assert.deepEqual(idsOf(await walk(admin, between)), ["e2", "e3", "e4"]);
      const other = { ...all, from: { id: ids[1]!, exclusive: true }, to: { id: ids[4]! }, newestFirst: true };
      assert.deepEqual(idsOf(await walk(admin, other)), ["e5", "e4", "e3"]);
    },
  },
  {
    name: "range: of a stream that is not there nothing",
    async run(harness): Promise<void> {
      for (const what of ["entries", "letters"] as const) {
        assert.deepEqual(await harness.admin().range({ of: what, limit: 5 }), { entries: [], scannedTo: null });
      }
    },
  },
  {
    name: "range: by type, of a repeated name the first, and an alias where there is none",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.append([
        { fields: ["id", "e1", "type", "a"] },
        { fields: ["id", "e2", "type", "b", "type", "a"] },
        { fields: ["id", "e3", "event", "a"] },
        { fields: ["id", "e4", "event", "a", "type", "c"] },
        { fields: ["id", "e5", "data", "type"] },
      ]);
      const found = await walk(harness.admin(), { of: "entries", limit: 10, type: "a" });
      assert.deepEqual(idsOf(found), ["e1", "e3"]);
    },
  },
  {
    name: "range: letters by type and reason, and what does not fit is passed over however much it is",
    async run(harness): Promise<void> {
      const many = Array.from({ length: 60 }, () => ["noise", "max_deliveries"] as const);
      await bury(harness, [["a", "invalid"], ...many, ["a", "non_retryable"], ["b", "invalid"]]);
      const admin = harness.admin();
      const find = async (query: Partial<RangeQuery>): Promise<readonly string[]> =>
        idsOf(await walk(admin, { of: "letters", limit: 2, ...query }));
      assert.deepEqual(await find({ type: "a" }), ["e1", "e62"]);
      assert.deepEqual(await find({ reason: "invalid" }), ["e1", "e63"]);
      assert.deepEqual(await find({ type: "a", reason: "invalid", newestFirst: true }), ["e1"]);
      assert.deepEqual(await find({ type: "nothing" }), []);
      assert.equal((await find({ reason: "max_deliveries" })).length, 60);
    },
  },
  {
    name: "range: an original field named like ours makes no reason",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.append([{ fields: AWKWARD }]);
      await settle(store, "a", dead(only(await readNow(store, "a")), { reason: "invalid" }));
      const letters = (reason: string): Promise<readonly StoredEntry[]> =>
        walk(harness.admin(), { of: "letters", limit: 5, reason });
      assert.equal((await letters("an original field of that name")).length, 0);
      const letter = only(await letters("invalid"));
      assert.deepEqual([...letter.fields[3]!], [0, 255, 254, 13, 10, 128]);
    },
  },
  {
    name: "a letter is deleted once, and only that one",
    async run(harness): Promise<void> {
      await bury(harness, [["a", "invalid"], ["b", "invalid"]]);
      const admin = harness.admin();
      const [first] = await walk(admin, { of: "letters", limit: 5 });
      assert.equal(await admin.deleteLetter(first!.id), true);
      assert.equal(await admin.deleteLetter(first!.id), false);
      assert.deepEqual(idsOf(await walk(admin, { of: "letters", limit: 5 })), ["e2"]);
    },
  },
];

const factsClauses: readonly Clause[] = [
  {
    name: "facts: groups with what each needs, consumers with what each holds",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await harness.store("other").ensureGroup();
      const held = await hold(store, "a", 3);
      await store.settle("a", [done(at(held, 0).ref), park(at(held, 1).ref, 60_000)]);
      const { groups, consumers } = await harness.admin().facts();
      const ours = groups.find(({ name }) => name === "g")!;
      const theirs = groups.find(({ name }) => name === "other")!;
      assert.deepEqual([ours.pending, ours.needs, ours.lag], [2, at(held, 1).entryId, 0]);
      assert.equal(ours.lastDelivered, at(held, 2).entryId);
      assert.deepEqual([theirs.pending, theirs.needs, theirs.lag], [0, "0-1", 3]);
      const { consumer, pending, parked, state, holdsSinceMs, leaseLeftMs } = only(consumers);
      assert.deepEqual([consumer, pending, parked, state], ["a", 1, 1, "alive"]);
      assert.ok(holdsSinceMs !== null && Math.abs(await store.time() - holdsSinceMs) < 30_000);
      assert.ok(leaseLeftMs > 0);
    },
  },
  {
    name: "facts: due is what is parked or delayed and whose time has come",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      const [e1, e2, e3] = refsOf(held);
      await store.settle("a", [park(e1!, 0), park(e2!, 60_000), { kind: "release", ref: e3! }]);
      await store.append([{ fields: ["type", "t"], deliverAtMs: await store.time() + 60_000 }]);
      await harness.elapse(5);
      assert.equal((await harness.admin().facts()).due, 2);
      assert.equal((await adoptDue(store, "a")).length, 2);
      assert.equal((await harness.admin().facts()).due, 0);
    },
  },
  {
    name: "facts: of a stream that is not there nothing, and no error",
    async run(harness): Promise<void> {
      const { groups, consumers, due, pausedSinceMs } = await harness.admin().facts();
      assert.deepEqual({ groups, consumers, due, pausedSinceMs }, {
        groups: [],
        consumers: [],
        due: 0,
        pausedSinceMs: null,
      });
    },
  },
  {
    name: "a pause is seen by every replica of the group, keeps its beginning, and concerns no other group",
    async run(harness): Promise<void> {
      const [one, two] = [harness.admin(), harness.admin()];
      assert.equal(await two.pausedSince(), null);
      const before = await harness.store().time();
      await one.setPaused(true);
      const since = await two.pausedSince();
      assert.ok(since !== null && since >= before && since < before + 30_000);
      await harness.elapse(5);
      await two.setPaused(true);
      assert.equal(await one.pausedSince(), since);
      assert.equal((await one.facts()).pausedSinceMs, since);
      assert.equal(await harness.admin("other").pausedSince(), null);
      await two.setPaused(false);
      await two.setPaused(false);
      assert.equal(await one.pausedSince(), null);
    },
  },
];

/** See the module's text. */
export const adminClauses: readonly Clause[] = [...whereClauses, ...rangeClauses, ...factsClauses];
