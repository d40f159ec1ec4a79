/**
 * Dead letters.
 * @module
 */
import assert from "node:assert/strict";
import type { Clause } from "./harness.ts";
import {
  AWKWARD,
  claimLater,
  dead,
  fetchAll,
  holdOne,
  idsOf,
  lettersOf,
  only,
  park,
  readNow,
  replica,
  settle,
  texts,
} from "./steps.ts";

/** See the module's text. */
export const letterClauses: readonly Clause[] = [
  {
    name: "a dead letter is the original byte for byte, then what is ours, in order",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.append([{ fields: AWKWARD }]);
      const delivery = only(await readNow(store, "a"));
      const letter = { reason: "max_deliveries", error: "boom: ü", deliveries: 5, replays: 2 } as const;
      const times = { firstMs: 1_700_000_000_123, lastMs: 1_700_000_100_000 };
      await settle(store, "a", dead(delivery, { ...letter, ...times }));
      const { fields } = only(await lettersOf(harness));
      assert.deepEqual(
        fields.slice(0, AWKWARD.length).map((bytes) => [...bytes]),
        delivery.fields.map((bytes) => [...bytes]),
      );
      const ours = fields.slice(AWKWARD.length).map((bytes) => new TextDecoder().decode(bytes));
      assert.deepEqual(ours.filter((_, index) => index % 2 === 0), [
        "dlq.entry",
        "dlq.stream",
        "dlq.group",
        "dlq.consumer",
        "dlq.reason",
        "dlq.error",
        "dlq.deliveries",
        "dlq.first",
        "dlq.last",
        "dlq.replays",
      ]);
      assert.deepEqual(ours.filter((_, index) => index % 2 === 1).map((text) => text.replace("00.000Z", "00Z")), [
        delivery.entryId,
        harness.stream,
        "g",
        "a",
        "max_deliveries",
        "boom: ü",
        "5",
        "2023-11-14T22:13:20.123Z",
        "2023-11-14T22:15:00Z",
        "2",
      ]);
    },
  },
  {
    name: "every reason reaches its letter, and a time that is not known is now",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const reasons = ["max_deliveries", "non_retryable", "invalid", "undecodable", "crash_loop"] as const;
      const before = await store.time();
      for (const reason of reasons) await settle(store, "a", dead(await holdOne(store, "a"), { reason }));
      const letters = (await lettersOf(harness)).map(({ fields }) => texts(fields));
      assert.deepEqual(letters.map((letter) => letter["dlq.reason"]), reasons);
      const first = Date.parse(letters[0]?.["dlq.first"] ?? "");
      assert.ok(first >= before - 1_000 && first <= await store.time() + 1_000, letters[0]?.["dlq.first"] ?? "none");
    },
  },
  {
    name: "what is dead is acknowledged, and leaves no history behind",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const { ref } = await holdOne(store, "a");
      await settle(store, "a", park(ref, 0));
      await settle(store, "a", dead(only(await claimLater(harness, store, "a"))));
      assert.deepEqual(await harness.pendingIds(), []);
      const { pending, parked, deadLetters } = await store.stats();
      assert.deepEqual({ pending, parked, deadLetters }, { pending: 0, parked: 0, deadLetters: 1 });
      assert.deepEqual(await fetchAll(store, "a"), []);
    },
  },
  {
    name: "giving up twice writes one letter",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const delivery = await holdOne(store, "a");
      assert.equal((await settle(store, "a", dead(delivery))).kind, "settled");
      assert.equal((await settle(store, "a", dead(delivery))).kind, "gone");
      assert.equal((await lettersOf(harness)).length, 1);
    },
  },
  {
    name: "an entry that was deleted while it was held can still become a letter",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const delivery = await holdOne(store, "a");
      await harness.deleteEntry(delivery.entryId);
      assert.equal((await settle(store, "a", dead(delivery))).kind, "settled");
      assert.deepEqual(idsOf(await lettersOf(harness)), ["e1"]);
    },
  },
];
