/**
 * Failures in batches: each entry of one ends as if it had been settled alone.
 * @module
 */
import assert from "node:assert/strict";
import type { Delivery, SettleOutcome, StreamStore } from "../../src/store/port.ts";
import type { Clause, Harness } from "./harness.ts";
import {
  at,
  dead,
  done,
  fetchAll,
  history,
  hold,
  holdOne,
  lettersOf,
  LONG_MS,
  mortal,
  park,
  publish,
  readNow,
  refsOf,
  replica,
  seize,
  settle,
} from "./steps.ts";

/** More than any store handles in one step. */
const MANY = 250;

function kinds(outcomes: readonly SettleOutcome[]): readonly string[] {
  return outcomes.map(({ kind }) => kind);
}

/** Publishes and reads many. */
async function holdMany(store: StreamStore, consumer: string): Promise<readonly Delivery[]> {
  await publish(store, MANY);
  return await readNow(store, consumer, MANY);
}

/** Claims until nothing more is due. */
async function claimAll(harness: Harness, store: StreamStore, consumer: string): Promise<readonly Delivery[]> {
  await harness.elapse(20);
  const all: Delivery[] = [];
  for (;;) {
    const { deliveries, nextDueInMs } = await store.claimDue(consumer, 1_000);
    all.push(...deliveries);
    if (nextDueInMs !== 0) return all;
  }
}

/** See the module's text. */
export const batchClauses: readonly Clause[] = [
  {
    name: "many parked in one batch: each keeps its history and its key, and each comes back once",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const held = await holdMany(a, "a");
      const outcomes = await a.settle(
        "a",
        held.map(({ ref }, index) => ({ ...park(ref, 0, `k${index}`), history: history({ failures: index + 1 }) })),
      );
      assert.deepEqual(kinds(outcomes), Array(MANY).fill("settled"));
      assert.ok(outcomes.every((outcome) => outcome.kind === "settled" && outcome.dueMs !== undefined));
      const back = await claimAll(harness, a, "a");
      assert.deepEqual(refsOf(back).toSorted(), refsOf(held).toSorted());
      const index = new Map(held.map(({ ref }, index) => [ref, index]));
      for (const { ref, history } of back) assert.equal(history.failures, index.get(ref)! + 1);
      await a.settle("a", back.map(({ ref }) => park(ref, LONG_MS, `key of ${ref}`)));
      await a.retire("a");
      const adopted = await b.adopt("b", 1_000);
      assert.equal(adopted.length, MANY);
      for (const { ref, orderKey } of adopted) assert.equal(orderKey, `key of ${ref}`);
    },
  },
  {
    name: "what is gone, another's, or asked twice among many parks is told, and the others are parked",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const theirs = (await holdOne(b, "b")).ref;
      const held = refsOf(await holdMany(a, "a"));
      await settle(a, "a", done(held[1]!));
      await harness.deleteEntry(held[3]!);
      const asked = [held[0]!, ...held, theirs, "1-1"];
      const outcomes = kinds(await a.settle("a", asked.map((ref) => park(ref))));
      const gone = asked.filter((_, index) => outcomes[index] === "gone");
      assert.deepEqual(gone, [held[0], held[1], held[3], theirs, "1-1"]);
      assert.equal(outcomes.filter((kind) => kind === "settled").length, MANY - 2);
      assert.equal((await claimAll(harness, a, "a")).length, MANY - 2);
      assert.equal((await settle(b, "b", park(theirs))).kind, "settled", "what another holds is untouched");
    },
  },
  {
    name: "replays are parked, brought back and acknowledged beside others",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      const buried = await hold(store, "a", 2);
      await store.settle("a", buried.map((delivery) => dead(delivery)));
      for (const { id } of [...await lettersOf(harness)]) assert.equal(await store.replay(id), true);
      const held = [...await fetchAll(store, "a"), ...await hold(store, "a", 3)];
      assert.equal(held.filter(({ ref }) => ref.startsWith("r:")).length, 2);
      assert.deepEqual(kinds(await store.settle("a", held.map(({ ref }) => park(ref)))), Array(5).fill("settled"));
      const back = await claimAll(harness, store, "a");
      assert.deepEqual(refsOf(back).toSorted(), refsOf(held).toSorted());
      assert.ok(back.every(({ history }) => history.failures === 1));
      const outcomes = await store.settle("a", back.map(({ ref }) => done(ref, { hasHistory: true })));
      assert.deepEqual(kinds(outcomes), Array(5).fill("settled"));
      assert.deepEqual(await harness.pendingIds(), []);
      assert.deepEqual(await fetchAll(store, "a"), []);
      assert.deepEqual(await claimAll(harness, store, "a"), []);
    },
  },
  {
    name: "many that were retried settle in one batch with fresh ones, and nothing is remembered of them",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const held = await hold(a, "a", 60);
      await a.settle("a", held.slice(0, 40).map(({ ref }) => park(ref)));
      const back = new Set(refsOf(await claimAll(harness, a, "a")));
      assert.equal(back.size, 40);
      // The last one of each sort stays.
      const ended = [...held.slice(0, 39), ...held.slice(40, 59)];
      const outcomes = await a.settle(
        "a",
        ended.map(({ ref }) => done(ref, back.has(ref) ? { hasHistory: true } : {})),
      );
      assert.deepEqual(kinds(outcomes), Array(58).fill("settled"));
      assert.deepEqual(await harness.pendingIds(), [at(held, 39).ref, at(held, 59).ref]);
      await harness.passLease("a");
      const taken = await seize(b, "b", "a");
      assert.deepEqual(taken.map(({ ref, history }) => [ref, history.failures]), [
        [at(held, 39).ref, 1],
        [at(held, 59).ref, 0],
      ]);
    },
  },
  {
    name: "of many retried ones in a batch, as many are gone as the store did not have",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.settle("a", (await hold(store, "a", 40)).map(({ ref }) => park(ref)));
      const back = refsOf(await claimAll(harness, store, "a"));
      await settle(store, "a", done(back[5]!, { hasHistory: true }));
      const outcomes = kinds(await store.settle("a", back.map((ref) => done(ref, { hasHistory: true }))));
      assert.equal(outcomes.filter((kind) => kind === "gone").length, 1);
      assert.equal(outcomes.filter((kind) => kind === "settled").length, 39);
      assert.deepEqual(await harness.pendingIds(), []);
    },
  },
  {
    name: "taken over while it worked off a batch: what was settled before stays so, all after is fenced",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const held = await holdMany(a, "a");
      await a.settle("a", held.slice(0, 100).map(({ ref }) => park(ref)));
      const back = refsOf((await claimAll(harness, a, "a")).slice(0, 50));
      await a.settle("a", back.slice(0, 25).map((ref) => done(ref, { hasHistory: true })));
      await harness.passLease("a");
      assert.equal((await b.takeOver("b", "a", LONG_MS, 10)).deliveries.length, 10);
      const asked = [
        ...back.slice(25).map((ref) => done(ref, { hasHistory: true })),
        ...refsOf(held.slice(100)).map((ref) => park(ref)),
      ];
      assert.deepEqual(kinds(await a.settle("a", asked)), Array(asked.length).fill("fenced"));
      assert.equal((await a.claimDue("a", 1_000)).state, "fenced");
      assert.equal((await harness.pendingIds()).length, MANY - 25);
      assert.equal((await b.stats()).parked, 0, "nothing of it was parked");
      const taken = await takeAll(b, "b", "a");
      assert.equal(taken.length, MANY - 25 - 10);
      assert.equal(taken.filter(({ history }) => history.failures === 1).length, 65, "what had failed is remembered");
    },
  },
  {
    name: "what many were parked with before a takeover comes to whoever adopts it",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      await a.settle("a", (await holdMany(a, "a")).map(({ ref }) => park(ref)));
      await harness.passLease("a");
      await seize(b, "b", "a");
      const adopted = await b.adopt("b", 1_000);
      assert.equal(adopted.length, MANY);
      const back = await claimAll(harness, b, "b");
      assert.equal(new Set(refsOf(back)).size, MANY);
      assert.ok(back.every(({ history }) => history.failures === 1));
    },
  },
  {
    name: "many refused parks leave all held; those that need no room settle beside them",
    needs: "refusal",
    async run(harness): Promise<void> {
      const store = await replica(harness, "a");
      await store.settle("a", (await hold(store, "a", 20)).map(({ ref }) => park(ref)));
      const back = refsOf(await claimAll(harness, store, "a"));
      const held = refsOf(await hold(store, "a", 20));
      await harness.refuse(true);
      const outcomes = kinds(
        await store.settle("a", [
          ...held.map((ref) => park(ref)),
          ...back.map((ref) => done(ref, { hasHistory: true })),
        ]),
      );
      await harness.refuse(false);
      assert.deepEqual(outcomes.slice(0, 20), Array(20).fill("refused"));
      assert.deepEqual(outcomes.slice(20), Array(20).fill("settled"));
      assert.deepEqual(await harness.pendingIds(), held);
      assert.deepEqual(kinds(await store.settle("a", held.map((ref) => park(ref)))), Array(20).fill("settled"));
      assert.equal((await claimAll(harness, store, "a")).length, 20);
    },
  },
];

async function takeAll(store: StreamStore, by: string, from: string): Promise<readonly Delivery[]> {
  const all: Delivery[] = [];
  for (;;) {
    const { state, deliveries } = await store.takeOver(by, from, LONG_MS, 100);
    all.push(...deliveries);
    if (state !== "taken") return all;
  }
}
