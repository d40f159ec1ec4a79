/**
 * What people search for, count and page through.
 * @module
 */
import assert from "node:assert/strict";
import type { Match, RangeQuery, StoredEntry, StreamAdmin } from "../../src/store/admin_port.ts";
import type { Clause } from "./harness.ts";
import { at, dead, hold, idsOf, only, publish, readNow, replica, settle } from "./steps.ts";

/** Every part of a range, as somebody gets it who follows `scannedTo`. */
export async function walk(admin: StreamAdmin, query: RangeQuery): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for (let part = await admin.range(query);; part = await admin.range(rest(query, part.scannedTo!))) {
    found.push(...part.entries);
    assert.ok(part.entries.length <= query.limit);
    if (part.scannedTo === null) return found;
  }
}

function rest(query: RangeQuery, scannedTo: string): RangeQuery {
  const bound = { id: scannedTo, exclusive: true };
  return query.newestFirst ? { ...query, to: bound } : { ...query, from: bound };
}

/** See the module's text. */
export const findClauses: readonly Clause[] = [
  {
    name: "range: an event is found by its id, subject, trace or correlation, and only where all fit",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
      await store.append([
        { fields: ["id", "e1", "type", "a", "subject", "s"] },
        { fields: ["id", "e2", "event", "b", "aggregateId", "s", "traceparent", `00-${trace}-00f067aa0ba902b7-01`] },
        { fields: ["id", "e3", "type", "a", "subject", "other", "aggregateId", "s", "correlationid", "c-1"] },
      ]);
      const found = async (match: Match, type?: string): Promise<readonly string[]> =>
        idsOf(await walk(harness.admin(), { of: "entries", limit: 2, match, ...(type === undefined ? {} : { type }) }));
      assert.deepEqual(await found({ id: "e2" }), ["e2"]);
      assert.deepEqual(await found({ subject: "s" }), ["e1", "e2"]);
      assert.deepEqual(await found({ trace }), ["e2"]);
      assert.deepEqual(await found({ trace: `00-${trace}-00f067aa0ba902b7-01` }), ["e2"]);
      assert.deepEqual(await found({ trace: "c-1" }), ["e3"]);
      assert.deepEqual(await found({ subject: "s", id: "e2" }, "b"), ["e2"]);
      assert.deepEqual(await found({ subject: "s", id: "e3" }), []);
      assert.deepEqual(await found({ error: "x" }), []);
    },
  },
  {
    name: "letters are counted by type, reason and kind of error, and found by it, or by a part of their text",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const long = `${"é".repeat(149)}xé 1`;
      const errors = ["no order 17", "no order a9f-3", "Shop answered ÄÖ", long, `${long.slice(0, -1)}2`];
      await store.append(errors.map((_, index) => ({ fields: ["id", `e${index}`, "type", "t", "subject", "Anna"] })));
      const held = await readNow(store, "a");
      await store.settle("a", held.map((one, index) => dead(one, { reason: "invalid", error: at(errors, index) })));
      await store.append([{ fields: ["id", "x"] }]);
      await settle(store, "a", dead(only(await readNow(store, "a")), { reason: "undecodable", error: "" }));
      const admin = harness.admin();
      const { kinds, scanned, scannedTo } = await admin.letterKinds({});
      assert.deepEqual([scanned, scannedTo], [6, null]);
      assert.deepEqual(kinds.map(({ type, reason, error, count }) => [type, reason, error, count]), [
        [null, "undecodable", "", 1],
        ["t", "invalid", `${"é".repeat(149)}x`, 2],
        ["t", "invalid", "Shop answered ÄÖ", 1],
        ["t", "invalid", "no order #", 2],
      ]);
      assert.ok(kinds.every(({ newest, oldest, count }) => (newest === oldest) === (count === 1)));
      const found = async (match: Match): Promise<readonly string[]> =>
        idsOf(await walk(admin, { of: "letters", limit: 2, match }));
      for (const { error, count } of kinds.slice(1)) assert.equal((await found({ error })).length, count, error);
      assert.deepEqual(await found({ text: "ORDER 1" }), ["e0"]);
      assert.deepEqual(await found({ text: "anna", error: "no order #" }), ["e0", "e1"]);
      assert.deepEqual(await found({ text: "nothing of that" }), []);
      const { kinds: some } = await admin.letterKinds({ match: { text: "order" }, reason: "invalid" });
      assert.deepEqual(some.map(({ count }) => count), [2]);
    },
  },
  {
    name: "consumers come in parts, those that hold most first; facts can do without them",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      for (const name of ["c", "b", "d"]) await store.register(name, 60_000);
      await hold(store, "c", 2);
      await publish(store, 1);
      await readNow(store, "d", 1);
      const names = async (from: number, count: number): Promise<readonly string[]> =>
        (await harness.admin().consumers(from, count)).consumers.map(({ consumer }) => consumer);
      assert.deepEqual(await names(0, 3), ["c", "d", "a"]);
      assert.deepEqual(await names(3, 3), ["b"]);
      assert.deepEqual([await names(4, 3), (await harness.admin().consumers(9, 1)).total], [[], 4]);
      assert.deepEqual((await harness.admin().facts({ consumers: false })).consumers, []);
    },
  },
];
