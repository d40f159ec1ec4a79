/**
 * Groups and reading.
 * @module
 */
import assert from "node:assert/strict";
import { StoreRefusedError } from "../../src/errors.ts";
import { FRESH } from "../../src/store/port.ts";
import type { Clause } from "./harness.ts";
import { done, hold, idsOf, item, only, plain, publish, readNow, refsOf, replica, settle } from "./steps.ts";

const BLOCK_MS = 60_000;

/** See the module's text. */
export const readingClauses: readonly Clause[] = [
  {
    name: "ensureGroup creates once and says so",
    async run(harness): Promise<void> {
      assert.deepEqual(await harness.store().ensureGroup(), { created: true });
      assert.deepEqual(await harness.store().ensureGroup(), { created: false });
      assert.deepEqual(await harness.store("other").ensureGroup(), { created: true });
    },
  },
  {
    name: "entries are read in stream order, at most count at a time, each fresh and under its entry id",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const ids = await publish(store, 5);
      const first = await readNow(store, "a", 3);
      const second = await readNow(store, "a", 3);
      assert.deepEqual(refsOf(first), ids.slice(0, 3));
      assert.deepEqual(refsOf(second), ids.slice(3));
      assert.ok(first.every(({ ref, entryId }) => ref === entryId));
      assert.ok(first.every(({ history }) => history === FRESH || JSON.stringify(history) === JSON.stringify(FRESH)));
    },
  },
  {
    name: "each entry goes to one consumer of a group, and to every group",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const other = await replica(harness, "c", "other");
      await publish(a, 4);
      assert.deepEqual(idsOf(await readNow(a, "a", 2)), ["e1", "e2"]);
      assert.deepEqual(idsOf(await readNow(b, "b", 9)), ["e3", "e4"]);
      assert.deepEqual(idsOf(await readNow(other, "c", 9)), ["e1", "e2", "e3", "e4"]);
    },
  },
  {
    name: "a read without wait answers empty where there is nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      assert.deepEqual(await readNow(store, "a"), []);
    },
  },
  {
    name: "a blocked read wakes on an append",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const reading = store.read("a", 10, BLOCK_MS, new AbortController().signal);
      await harness.untilBlocked(1);
      await harness.store("other").append([item("x"), item("y")]);
      assert.deepEqual(idsOf(await reading), ["x", "y"]);
    },
  },
  {
    name: "a blocked read ends empty after its time",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      // Long enough to be seen.
      const reading = store.read("a", 10, 300, new AbortController().signal);
      await harness.untilBlocked(1);
      await harness.elapse(310);
      assert.deepEqual(await reading, []);
    },
  },
  {
    name: "the signal ends a blocked read, empty, and no entry is lost by it",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const controller = new AbortController();
      const reading = store.read("a", 10, BLOCK_MS, controller.signal);
      await harness.untilBlocked(1);
      controller.abort();
      assert.deepEqual(await reading, []);
      await harness.untilBlocked(0);
      await publish(store, 1);
      const held = [...await readNow(store, "a"), ...await store.recover("a", new Set(), 10)];
      assert.deepEqual([...new Set(idsOf(held))], ["e1"]);
    },
  },
  {
    name: "a signal that has aborted reads nothing",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await publish(store, 1);
      assert.deepEqual(await store.read("a", 10, BLOCK_MS, AbortSignal.abort()), []);
      assert.deepEqual(idsOf(await readNow(store, "a")), ["e1"]);
    },
  },
  {
    name: "reading where there is no group is refused as no_group",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.append([item("x")]);
      await assert.rejects(
        readNow(store, "a"),
        (error) => error instanceof StoreRefusedError && error.reason === "no_group",
      );
    },
  },
  {
    name: "a blocked read fails at once when its group is destroyed or its stream deleted",
    async run(harness): Promise<void> {
      const causes = ["no_group", "unblocked"];
      for (const destroy of [() => harness.destroyGroup(), () => harness.deleteStream()]) {
        const store = harness.store();
        await store.ensureGroup();
        const reading = store.read("a", 10, BLOCK_MS, new AbortController().signal);
        const failed = assert.rejects(
          reading,
          (error) => error instanceof StoreRefusedError && causes.includes(error.reason),
        );
        await harness.untilBlocked(1);
        await destroy();
        await failed;
      }
    },
  },
  {
    name: "what was read and not settled stays pending; what was acknowledged does not",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const [first, second] = await hold(store, "a", 2);
      await settle(store, "a", done(first?.ref ?? ""));
      assert.deepEqual(await harness.pendingIds(), [second?.entryId]);
      assert.deepEqual(await readNow(store, "a"), [], "a delivered entry is not delivered again");
    },
  },
  {
    name: "recover gives what the store says is held and the consumer does not know",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const held = await hold(store, "a", 3);
      await publish(store, 1);
      const known = new Set([held[1]?.ref ?? ""]);
      const recovered = await store.recover("a", known, 10);
      assert.deepEqual(idsOf(recovered), ["e1", "e3"]);
      assert.deepEqual(plain(recovered[0]!).fields, plain(held[0]!).fields);
      assert.equal((await store.recover("a", known, 1)).length, 1, "at most limit");
      assert.deepEqual(await store.recover("a", new Set(refsOf(held)), 10), []);
      assert.deepEqual(idsOf(await readNow(store, "a")), ["e1"], "what was not delivered is none of it");
    },
  },
  {
    name: "recover gives neither what is parked nor what others hold",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      await hold(b, "b", 1);
      const mine = only(await hold(a, "a", 1));
      await settle(a, "a", { kind: "release", ref: mine.ref });
      assert.deepEqual(await a.recover("a", new Set(), 10), []);
    },
  },
];
