/**
 * What a takeover says about each entry that the dead consumer held: the crash table.
 * @module
 */
import assert from "node:assert/strict";
import type { History } from "../../src/store/port.ts";
import type { Clause } from "./harness.ts";
import { at, hold, LONG_MS, mortal, only, park, refsOf, replica, seize, settle } from "./steps.ts";

type Verdict = "solo" | "shared" | "suspicion" | "nothing";

interface Case {
  readonly name: string;
  readonly held: number;
  /** Indexes of what was marked as running; null: never marked. */
  readonly running: readonly number[] | null;
  readonly exact: boolean;
  /** For each that was held. */
  readonly verdicts: readonly Verdict[];
}

const CASES: readonly Case[] = [
  {
    name: "one of several ran alone, exactly known",
    held: 3,
    running: [1],
    exact: true,
    verdicts: ["nothing", "solo", "nothing"],
  },
  {
    name: "two of three ran, exactly known",
    held: 3,
    running: [0, 2],
    exact: true,
    verdicts: ["shared", "nothing", "shared"],
  },
  {
    name: "one was marked, others may have run",
    held: 3,
    running: [0],
    exact: false,
    verdicts: ["shared", "suspicion", "suspicion"],
  },
  {
    name: "two were marked, others may have run",
    held: 3,
    running: [0, 1],
    exact: false,
    verdicts: ["shared", "shared", "suspicion"],
  },
  { name: "nothing ran, exactly known", held: 2, running: [], exact: true, verdicts: ["nothing", "nothing"] },
  { name: "nothing was ever marked", held: 2, running: null, exact: false, verdicts: ["suspicion", "suspicion"] },
  { name: "only one was held, never marked", held: 1, running: null, exact: false, verdicts: ["solo"] },
  { name: "only one was held, and marked", held: 1, running: [0], exact: false, verdicts: ["solo"] },
  { name: "only one was held, and it did not run", held: 1, running: [], exact: true, verdicts: ["nothing"] },
];

function verdictIn({ soloCrashes, sharedCrashes, suspicions }: History): Verdict {
  assert.ok(soloCrashes + sharedCrashes + suspicions <= 1, "one crash counts at most once");
  return soloCrashes > 0 ? "solo" : sharedCrashes > 0 ? "shared" : suspicions > 0 ? "suspicion" : "nothing";
}

function clauseOf({ name, held, running, exact, verdicts }: Case): Clause {
  return {
    name: `crash verdict: ${name}`,
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const deliveries = await hold(a, "a", held);
      if (running !== null) await a.mark("a", running.map((index) => at(deliveries, index).ref), exact);
      await harness.passLease("a");
      const taken = await seize(b, "b", "a");
      assert.deepEqual(taken.map(({ history }) => verdictIn(history)), verdicts);
      assert.ok(taken.every(({ history }) => history.failures === 0 && history.replays === 0));
    },
  };
}

/** See the module's text. */
export const verdictClauses: readonly Clause[] = [
  ...CASES.map(clauseOf),
  {
    name: "crash verdict: the latest mark counts",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const [e1, e2] = refsOf(await hold(a, "a", 2));
      await a.mark("a", [e1 ?? "", e2 ?? ""], false);
      await a.mark("a", [e2 ?? ""], true);
      await harness.passLease("a");
      assert.deepEqual((await seize(b, "b", "a")).map(({ history }) => verdictIn(history)), ["nothing", "solo"]);
    },
  },
  {
    name: "crash verdict: what was held is counted at the fence, not again for each batch",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      await hold(a, "a", 2);
      await harness.passLease("a");
      const first = await b.takeOver("b", "a", LONG_MS, 1);
      const second = await b.takeOver("b", "a", LONG_MS, 1);
      const verdicts = [...first.deliveries, ...second.deliveries].map(({ history }) => verdictIn(history));
      assert.deepEqual(verdicts, ["suspicion", "suspicion"], "the last one left was not the only one held");
    },
  },
  {
    name: "crash verdict: where the caller itself was the one that lost its lease, nothing is blamed",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const [e1] = refsOf(await hold(a, "a", 2));
      await a.mark("a", [e1 ?? ""], true);
      await harness.passLease("a");
      const first = await b.takeOver("b", "a", LONG_MS, 1, false);
      const second = await b.takeOver("b", "a", LONG_MS, 1);
      const verdicts = [...first.deliveries, ...second.deliveries].map(({ history }) => verdictIn(history));
      assert.deepEqual(verdicts, ["nothing", "nothing"]);
    },
  },
  {
    name: "crash verdict: what was parked did not run",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const [e1, e2] = refsOf(await hold(a, "a", 2));
      await settle(a, "a", park(e1 ?? "", 0));
      await harness.passLease("a");
      assert.deepEqual((await seize(b, "b", "a")).map(({ ref, history }) => [ref, verdictIn(history)]), [[e2, "solo"]]);
      await b.adopt("b", 10);
      const parked = only((await b.claimDue("b", 10)).deliveries);
      assert.deepEqual([parked.ref, verdictIn(parked.history), parked.history.failures], [e1, "nothing", 1]);
    },
  },
  {
    name: "crashes add up over takeovers and are kept with the failures before them",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const [e1] = refsOf(await hold(a, "a", 1));
      await settle(a, "a", park(e1 ?? "", 0));
      await harness.elapse(5);
      await a.claimDue("a", 10);
      await harness.passLease("a");
      const b = await mortal(harness, "b");
      const before = await b.time();
      const first = only(await seize(b, "b", "a")).history;
      assert.deepEqual([first.failures, first.soloCrashes, first.firstMs, first.error], [1, 1, 1, "boom"]);
      assert.ok(first.lastMs >= before, "a crash that counts is the latest failure");
      await harness.passLease("b");
      const c = await replica(harness, "c");
      const second = only(await seize(c, "c", "b")).history;
      assert.deepEqual([second.failures, second.soloCrashes], [1, 2]);
    },
  },
];
