/**
 * Delayed events and schedules: each once across all replicas.
 * @module
 */
import assert from "node:assert/strict";
import type { Occurrence } from "../../src/store/port.ts";
import type { Clause } from "./harness.ts";
import { idsOf, item, only, replica } from "./steps.ts";

function occurrences(...times: readonly number[]): readonly Occurrence[] {
  return times.map((atMs) => ({ atMs, item: item(`s@${atMs}`) }));
}

/** Far enough ahead that a busy machine is not late for what must happen before, ms; and when that is over. */
const SOON_MS = 400;
const THEN_MS = SOON_MS + 20;

/** See the module's text. */
export const scheduleClauses: readonly Clause[] = [
  {
    name: "a delayed event waits, is counted, and appears once it is due",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const deliverAtMs = await store.time() + SOON_MS;
      assert.deepEqual(await store.append([item("x", { deliverAtMs })]), [{ entryId: null, deduplicated: false }]);
      const early = await store.promoteDelayed(10);
      assert.equal(early.moved, 0);
      assert.ok(early.nextDueInMs !== null && early.nextDueInMs > 0 && early.nextDueInMs <= SOON_MS);
      assert.equal((await store.stats()).delayed, 1);
      assert.deepEqual(await harness.entries(), []);
      await harness.elapse(THEN_MS);
      assert.deepEqual(await store.promoteDelayed(10), { moved: 1, nextDueInMs: null });
      assert.deepEqual(idsOf(await harness.entries()), ["x"]);
      assert.equal((await store.stats()).delayed, 0);
    },
  },
  {
    name: "an event whose time is past appears at once",
    async run(harness): Promise<void> {
      const store = harness.store();
      const answer = only(await store.append([item("x", { deliverAtMs: 1_000 })]));
      assert.equal(answer.entryId, only(await harness.entries()).id);
    },
  },
  {
    name: "delayed events appear in the order in which they are due, at most limit, byte for byte",
    async run(harness): Promise<void> {
      const store = harness.store();
      const now = await store.time();
      const bytes = new Uint8Array([0, 255, 13, 10]);
      const long = new Uint8Array(5_000).fill(254);
      await store.append([
        item("x", { deliverAtMs: now + SOON_MS }),
        { fields: ["id", "y", "data", bytes, "long", long], deliverAtMs: now + SOON_MS - 20 },
        item("z", { deliverAtMs: now + SOON_MS - 10 }),
      ]);
      await harness.elapse(THEN_MS);
      assert.deepEqual(await store.promoteDelayed(2), { moved: 2, nextDueInMs: 0 });
      assert.deepEqual(idsOf(await harness.entries()), ["y", "z"]);
      assert.deepEqual([...(await harness.entries())[0]?.fields[3] ?? []], [...bytes]);
      const kept = Uint8Array.from((await harness.entries())[0]?.fields[5] ?? []);
      assert.ok(String(kept) === String(long), "the long value");
      assert.deepEqual(await store.promoteDelayed(2), { moved: 1, nextDueInMs: null });
    },
  },
  {
    name: "two replicas that promote at the same time move each delayed event once",
    async run(harness): Promise<void> {
      const [a, b] = [harness.store(), harness.store("other")];
      const deliverAtMs = await a.time() + SOON_MS;
      await a.append(Array.from({ length: 20 }, (_, index) => item(`d${index}`, { deliverAtMs })));
      await harness.elapse(THEN_MS);
      const moved = await Promise.all([a.promoteDelayed(15), b.promoteDelayed(15), a.promoteDelayed(15)]);
      assert.equal(moved.reduce((sum, one) => sum + one.moved, 0), 20);
      assert.equal(new Set(idsOf(await harness.entries())).size, 20);
      assert.equal((await harness.entries()).length, 20);
    },
  },
  {
    name: "a delayed event is deduplicated while it waits",
    async run(harness): Promise<void> {
      const store = harness.store();
      const delayed = { dedupKey: "k", deliverAtMs: await store.time() + SOON_MS };
      await store.append([item("x", delayed)], { dedupWindowMs: 60_000 });
      const again = only(await store.append([item("y", delayed)], { dedupWindowMs: 60_000 }));
      assert.deepEqual(again, { entryId: null, deduplicated: true });
      await harness.elapse(THEN_MS);
      await store.promoteDelayed(10);
      assert.deepEqual(idsOf(await harness.entries()), ["x"]);
    },
  },
  {
    name: "a delayed event that has appeared is deduplicated too, and told by its entry id",
    async run(harness): Promise<void> {
      const store = harness.store();
      const delayed = { dedupKey: "k", deliverAtMs: await store.time() + SOON_MS };
      await store.append([item("x", delayed)], { dedupWindowMs: 60_000 });
      await harness.elapse(THEN_MS);
      await store.promoteDelayed(10);
      const again = only(await store.append([item("y", { dedupKey: "k" })], { dedupWindowMs: 60_000 }));
      assert.deepEqual(again, { entryId: only(await harness.entries()).id, deduplicated: true });
    },
  },
  {
    name: "promoting where nothing waits moves nothing",
    async run(harness): Promise<void> {
      assert.deepEqual(await harness.store().promoteDelayed(10), { moved: 0, nextDueInMs: null });
    },
  },
  {
    name: "an occurrence is published once across the replicas of a group",
    async run(harness): Promise<void> {
      const [a, b] = [harness.store(), harness.store()];
      const fired = await Promise.all([a, b, a, b].map((store) => store.fire("s", occurrences(1_000, 2_000))));
      assert.equal(fired.reduce((sum, count) => sum + count, 0), 2);
      assert.deepEqual(idsOf(await harness.entries()), ["s@1000", "s@2000"]);
      assert.equal(await b.lastOccurrence("s"), 2_000);
    },
  },
  {
    name: "two groups on one stream can have schedules of the same name",
    async run(harness): Promise<void> {
      const [a, b] = [harness.store(), harness.store("other")];
      assert.equal(await a.fire("s", occurrences(1_000, 2_000)), 2);
      assert.equal(await b.lastOccurrence("s"), null);
      assert.equal(await b.fire("s", occurrences(1_000)), 1);
      assert.deepEqual([await a.lastOccurrence("s"), await b.lastOccurrence("s")], [2_000, 1_000]);
      assert.deepEqual(idsOf(await harness.entries()), ["s@1000", "s@2000", "s@1000"]);
    },
  },
  {
    name: "an occurrence that is not later than the last one is not published",
    async run(harness): Promise<void> {
      const store = harness.store();
      assert.equal(await store.fire("s", occurrences(5_000)), 1);
      assert.equal(await store.fire("s", occurrences(3_000)), 0);
      assert.equal(await store.fire("s", occurrences(4_000, 5_000, 6_000)), 1);
      assert.equal(await store.lastOccurrence("s"), 6_000);
      assert.deepEqual(idsOf(await harness.entries()), ["s@5000", "s@6000"]);
    },
  },
  {
    name: "schedules do not disturb each other",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.fire("s", occurrences(5_000));
      assert.equal(await store.fire("other", occurrences(1_000)), 1);
      assert.deepEqual([await store.lastOccurrence("s"), await store.lastOccurrence("other")], [5_000, 1_000]);
    },
  },
  {
    name: "lastOccurrence of a schedule that was never seen is null; seenMs remembers without publishing, first only",
    async run(harness): Promise<void> {
      const store = harness.store();
      assert.equal(await store.lastOccurrence("s"), null);
      assert.equal(await store.fire("s", [], 4_000), 0);
      assert.equal(await store.lastOccurrence("s"), 4_000);
      await store.fire("s", [], 9_000);
      assert.equal(await store.lastOccurrence("s"), 4_000, "what was remembered stays");
      assert.equal(await store.fire("s", occurrences(3_000, 4_000)), 0);
      assert.equal(await store.fire("s", occurrences(5_000)), 1);
      assert.deepEqual(idsOf(await harness.entries()), ["s@5000"]);
    },
  },
  {
    name: "store time is the same for every replica and does not go back",
    async run(harness): Promise<void> {
      const [a, b] = [harness.store(), harness.store("other")];
      const first = await a.time();
      const second = await b.time();
      await harness.elapse(20);
      const third = await a.time();
      assert.ok(first <= second && second - first < 5_000 && third >= first + 20, `${first} ${second} ${third}`);
      assert.ok(Number.isInteger(first));
    },
  },
];
