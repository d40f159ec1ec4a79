/**
 * Publishing: order, deduplication, all or nothing.
 * @module
 */
import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Clause } from "./harness.ts";
import { at, done, hold, idsOf, item, only, readNow, replica, settle } from "./steps.ts";

const WINDOW_MS = 60_000;

/** See the module's text. */
export const publishingClauses: readonly Clause[] = [
  {
    name: "a batch is appended in order and answers with growing entry ids",
    async run(harness): Promise<void> {
      const store = harness.store();
      const answers = await store.append(["x", "y", "z"].map((id) => item(id)));
      const entries = await harness.entries();
      assert.deepEqual(idsOf(entries), ["x", "y", "z"]);
      assert.deepEqual(answers.map(({ entryId }) => entryId), entries.map(({ id }) => id));
      assert.ok(answers.every(({ deduplicated }) => !deduplicated));
    },
  },
  {
    name: "fields are kept byte for byte: binary, not UTF-8, repeated and empty names, empty values",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const fields = [
        ["type", "t"],
        ["bin", new Uint8Array([0, 255, 254, 13, 10, 128])],
        [new Uint8Array([0xc3, 0x28]), "name that is not UTF-8"],
        ["dup", "1"],
        ["dup", "2"],
        ["", "empty name"],
        ["empty", ""],
        ["uni", "grüße 🚀"],
      ].flat();
      await store.append([{ fields }]);
      const bytes = fields.map((word) => typeof word === "string" ? new TextEncoder().encode(word) : word);
      assert.deepEqual(only(await readNow(store, "a")).fields.map((word) => [...word]), bytes.map((word) => [...word]));
      assert.deepEqual(only(await harness.entries()).fields.map((word) => [...word]), bytes.map((word) => [...word]));
    },
  },
  {
    name: "texts of every length and kind are kept as UTF-8, a lone surrogate as U+FFFD, beside bytes",
    async run(harness): Promise<void> {
      const store = harness.store();
      const texts = [0, 1, 31, 32, 63, 64, 65, 255, 256, 1_024, 1_025, 65_535, 65_536].flatMap((length) => [
        "a".repeat(length),
        "\0\u00e9\u20ac\u{1f680}".repeat(length).slice(0, length),
      ]);
      const words = [
        ...texts,
        ...Array.from({ length: 20 }, (_, index) => `${index}`),
        "\ud83d",
        "\ude80",
        "a\ude80\ud83db",
        new Uint8Array([0xed, 0xa0, 0xbd, 0]),
      ];
      const fields = words.flatMap((word, index) => [`f${index}`, word]);
      await store.append([item("before"), { fields }, item("next"), { fields }]);
      await store.append([{ fields }]);
      const bytes = fields.map((word) => typeof word === "string" ? new TextEncoder().encode(word) : word);
      const found = (await harness.entries()).map((entry) => entry.fields.map((word) => Uint8Array.from(word)));
      // Which ones are wrong, not how: a difference of so many bytes takes minutes to print.
      const wrong = [found[1], found[3], found[4]].map((entry) =>
        bytes.flatMap((word, index) => String(entry?.[index]) === String(word) ? [] : [index])
      );
      assert.deepEqual(wrong, [[], [], []]);
    },
  },
  {
    name: "at once, delayed, marked and repeated in one batch: each gets its own answer, and what is its own",
    async run(harness): Promise<void> {
      const store = harness.store();
      const later = await store.time() + WINDOW_MS;
      const items = [
        item("a", { dedupKey: "k" }),
        item("b", { dedupKey: "k" }),
        item("c", { dedupKey: "l", deliverAtMs: later }),
        item("d", { dedupKey: "l" }),
        item("e", { deliverAtMs: later, dedupKey: "m" }),
        { fields: [...item("e").fields, "data", "x".repeat(2_000)], dedupKey: "m" },
        item("f", { deliverAtMs: 1_000 }),
        item("g"),
      ];
      const answers = await store.append(items, { dedupWindowMs: WINDOW_MS });
      assert.deepEqual(idsOf(await harness.entries()), ["a", "f", "g"]);
      const [a, f, g] = (await harness.entries()).map(({ id }) => id);
      assert.deepEqual(answers.map(({ entryId }) => entryId), [a, a, null, null, null, null, f, g]);
      const repeated = answers.flatMap(({ deduplicated }, index) => deduplicated ? [index] : []);
      assert.deepEqual(repeated, [1, 3, 5]);
    },
  },
  {
    name: "the same key inside the window appends nothing and answers with the first entry id",
    async run(harness): Promise<void> {
      const store = harness.store();
      const first = only(await store.append([item("x", { dedupKey: "k" })], { dedupWindowMs: WINDOW_MS }));
      const again = only(
        await harness.store("other").append([item("y", { dedupKey: "k" })], { dedupWindowMs: WINDOW_MS }),
      );
      assert.deepEqual(again, { entryId: first.entryId, deduplicated: true });
      assert.deepEqual(idsOf(await harness.entries()), ["x"]);
    },
  },
  {
    name: "the same key twice in one batch is appended once",
    async run(harness): Promise<void> {
      const items = [item("x", { dedupKey: "k" }), item("y"), item("z", { dedupKey: "k" })];
      const answers = await harness.store().append(items, { dedupWindowMs: WINDOW_MS });
      assert.deepEqual(answers.map(({ deduplicated }) => deduplicated), [false, false, true]);
      assert.equal(at(answers, 2).entryId, at(answers, 0).entryId);
      assert.deepEqual(idsOf(await harness.entries()), ["x", "y"]);
    },
  },
  {
    name: "a key is free again after its window",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.append([item("x", { dedupKey: "k" })], { dedupWindowMs: 30 });
      await harness.elapse(60);
      const again = only(await store.append([item("y", { dedupKey: "k" })], { dedupWindowMs: 30 }));
      assert.equal(again.deduplicated, false);
      assert.deepEqual(idsOf(await harness.entries()), ["x", "y"]);
    },
  },
  {
    name: "without a window the same key is appended again",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.append([item("x", { dedupKey: "k" })]);
      await store.append([item("y", { dedupKey: "k" }), item("z", { dedupKey: "k" })]);
      assert.deepEqual(idsOf(await harness.entries()), ["x", "y", "z"]);
    },
  },
  {
    name: "a batch key covers the whole batch: the same key gives the first answer again",
    async run(harness): Promise<void> {
      const store = harness.store();
      const options = { dedupWindowMs: WINDOW_MS, batchKey: "b" };
      const first = await store.append([item("x"), item("y")], options);
      const again = await store.append([item("x"), item("y")], options);
      assert.deepEqual(again.map(({ entryId }) => entryId), first.map(({ entryId }) => entryId));
      assert.ok(again.every(({ deduplicated }) => deduplicated));
      assert.deepEqual(idsOf(await harness.entries()), ["x", "y"]);
      const delayed = { ...options, batchKey: "c" };
      const mixed = [item("z", { deliverAtMs: await store.time() + WINDOW_MS }), item("u")];
      const once = await store.append(mixed, delayed);
      assert.deepEqual(once[0], { entryId: null, deduplicated: false });
      const twice = once.map(({ entryId }) => ({ entryId, deduplicated: true }));
      assert.deepEqual(await store.append(mixed, delayed), twice);
    },
  },
  {
    name: "a batch is all or nothing where the store refuses it",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = harness.store();
      await store.append([item("x")]);
      await harness.refuse(true);
      const options = { dedupWindowMs: WINDOW_MS, batchKey: "b" };
      await assert.rejects(store.append([item("y", { dedupKey: "k" }), item("z")], options));
      await harness.refuse(false);
      assert.deepEqual(idsOf(await harness.entries()), ["x"]);
      const answers = await store.append([item("y", { dedupKey: "k" }), item("z")], options);
      assert.ok(answers.every(({ deduplicated }) => !deduplicated), "a refused batch leaves no mark");
      assert.deepEqual(idsOf(await harness.entries()), ["x", "y", "z"]);
    },
  },
  {
    name: "durability that is not reached: outcome unknown, the event may be there, repeating is deduplicated",
    needs: "durability",
    async run(harness): Promise<void> {
      const store = harness.store();
      const options = { dedupWindowMs: WINDOW_MS, durability: { level: "replica", replicas: 100 } } as const;
      const failed = store.append([item("x", { dedupKey: "k" })], options);
      await assert.rejects(failed, (error) => error instanceof StoreUnavailableError && error.outcomeUnknown);
      const again = only(await store.append([item("x", { dedupKey: "k" })], { dedupWindowMs: WINDOW_MS }));
      assert.equal(again.deduplicated, true);
      assert.deepEqual(idsOf(await harness.entries()), ["x"]);
    },
  },
  {
    name: "publishing needs no group, and a group that is made later sees what came before",
    async run(harness): Promise<void> {
      await harness.store().append([item("x"), item("y")]);
      const store = await replica(harness, "a");
      assert.deepEqual(idsOf(await readNow(store, "a")), ["x", "y"]);
    },
  },
  {
    name: "entry ids go on growing after everything was acknowledged",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const first = only(await hold(store, "a", 1));
      await settle(store, "a", done(first.ref));
      const second = only(await hold(store, "a", 1));
      assert.notEqual(second.entryId, first.entryId);
      assert.deepEqual((await harness.entries()).map(({ id }) => id), [first.entryId, second.entryId]);
    },
  },
];
