import assert from "node:assert/strict";
import fc from "fast-check";
import { FRESH, type History } from "./history.ts";
import {
  type AttemptEnd,
  attemptOf,
  budgetUsed,
  clipError,
  decide,
  type Decision,
  exhaustedBeforeRun,
  MAX_RETRY_AFTER_MS,
} from "./settle.ts";

const NOW = 1_750_000_000_000;
function after(outcome: AttemptEnd, history: Partial<History> = {}, maxDeliveries = 5): Decision {
  const backoff = { baseMs: 1_000, maxMs: 60_000, random: 0 };
  return decide({ outcome, history: { ...FRESH, ...history }, maxDeliveries, ...backoff, nowMs: NOW });
}

Deno.test("returning settles", () => assert.deepEqual(after({ kind: "returned" }), { kind: "done" }));

Deno.test("what was cut off from outside was no attempt and is handed back", () => {
  for (const kind of ["cut_off", "aborted_by_shutdown", "lease_lost"] as const) {
    assert.deepEqual(after({ kind }, { failures: 4 }), { kind: "release" });
  }
});

Deno.test("a first failure is parked with its record", () => {
  for (const kind of ["threw", "timed_out"] as const) {
    assert.deepEqual(after({ kind, error: "boom" }), {
      kind: "park",
      delayMs: 500,
      history: { ...FRESH, failures: 1, firstMs: NOW, lastMs: NOW, error: "boom" },
    });
  }
});

Deno.test("a later failure keeps the first's time and waits longer", () => {
  const decision = after({ kind: "threw", error: "again" }, { failures: 2, firstMs: 7, lastMs: 8, replays: 1 });
  assert.deepEqual(decision, {
    kind: "park",
    delayMs: 2_000,
    history: { ...FRESH, failures: 3, firstMs: 7, lastMs: NOW, replays: 1, error: "again" },
  });
});

Deno.test("of earlier failures the newest four are kept, shortened; asking for later is noted and counts nothing", () => {
  let history: History = FRESH;
  const errors = ["one", "two", "x".repeat(1_000), "four", "five", "six"];
  for (const error of errors) {
    const decision = after({ kind: "threw", error }, history, 100);
    assert.ok(decision.kind === "park");
    history = decision.history;
  }
  assert.equal(history.error, "six");
  assert.deepEqual(history.earlier?.map(({ error }) => error), ["two", `${"x".repeat(299)}…`, "four", "five"]);
  const later = after({ kind: "retry_after", delayMs: 5, error: "RetryAfterError: busy" }, history);
  assert.ok(later.kind === "park");
  assert.deepEqual(later.history.earlier?.at(-1), { atMs: NOW, error: "RetryAfterError: busy" });
  assert.deepEqual([later.history.failures, later.history.error], [6, "six"]);
});

Deno.test("the failure that uses up the budget is the last, crashes of its own counting", () => {
  for (const history of [{ failures: 4 }, { failures: 1, soloCrashes: 3 }, { soloCrashes: 4 }]) {
    const decision = after({ kind: "threw", error: "boom" }, { ...history, firstMs: 7, replays: 2 });
    const letter = { reason: "max_deliveries", error: "boom", deliveries: 5, firstMs: 7, lastMs: NOW, replays: 2 };
    assert.deepEqual(decision, { kind: "dead", letter });
  }
});

Deno.test("crashes shared with others use up no budget, however many", () => {
  assert.equal(after({ kind: "threw", error: "" }, { failures: 3, sharedCrashes: 50, suspicions: 50 }).kind, "park");
});

Deno.test("a limit of one gives up at the first failure", () => {
  assert.equal(after({ kind: "threw", error: "" }, {}, 1).kind, "dead");
});

Deno.test("asking for later costs nothing, however often", () => {
  const history = { ...FRESH, failures: 4 };
  for (let n = 0; n < 1_000; n++) {
    assert.deepEqual(after({ kind: "retry_after", delayMs: 1_234 }, history), {
      kind: "park",
      delayMs: 1_234,
      history,
    });
  }
});

Deno.test("any delay that is asked for becomes one that can be kept", () => {
  const delay = (delayMs: number): number => {
    const decision = after({ kind: "retry_after", delayMs });
    return decision.kind === "park" ? decision.delayMs : -1;
  };
  assert.deepEqual([-5, 0, 0.2, Infinity, NaN].map(delay), [0, 0, 1, MAX_RETRY_AFTER_MS, 1_000]);
});

Deno.test("what cannot succeed is given up at once, with what counted before", () => {
  const letter = { firstMs: NOW, lastMs: NOW, replays: 0, error: "no" };
  assert.deepEqual(after({ kind: "non_retryable", error: "no" }, { failures: 1 }), {
    kind: "dead",
    letter: { ...letter, reason: "non_retryable", deliveries: 2 },
  });
  for (const kind of ["invalid", "undecodable"] as const) {
    assert.deepEqual(after({ kind, problem: "no" }, { failures: 1 }), {
      kind: "dead",
      letter: { ...letter, reason: kind, deliveries: 1 },
    });
  }
});

Deno.test("failures, own and shared crashes number the attempt; only the first two use the budget", () => {
  const history = { ...FRESH, failures: 2, soloCrashes: 3, sharedCrashes: 4, suspicions: 5 };
  assert.equal(attemptOf(FRESH), 1);
  assert.equal(attemptOf(history), 10);
  assert.equal(budgetUsed(history), 5);
});

Deno.test("an entry that kills its process ends as a crash loop after its budget", () => {
  const history = { ...FRESH, soloCrashes: 5, firstMs: 1, lastMs: 2, replays: 3 };
  assert.equal(exhaustedBeforeRun({ ...history, soloCrashes: 4 }, 5), null);
  const letter = exhaustedBeforeRun(history, 5);
  assert.equal(letter?.reason, "crash_loop");
  assert.match(letter.error, /died 5 times/);
  assert.deepEqual([letter.deliveries, letter.firstMs, letter.lastMs, letter.replays], [5, 1, 2, 3]);
  assert.match(exhaustedBeforeRun({ ...history, error: "boom" }, 5)!.error, /boom$/);
});

Deno.test("an entry that failed more often than a lowered limit allows is given up without blame for a crash", () => {
  const letter = exhaustedBeforeRun({ ...FRESH, failures: 3, error: "boom" }, 2);
  assert.deepEqual([letter?.reason, letter?.error, letter?.deliveries], ["max_deliveries", "boom", 3]);
});

Deno.test("a fresh entry may always run", () => {
  for (const max of [1, 0, -1, 5]) assert.equal(exhaustedBeforeRun(FRESH, max), null);
});

Deno.test("shared crashes and suspicions never keep an entry from running", () => {
  assert.equal(exhaustedBeforeRun({ ...FRESH, sharedCrashes: 99, suspicions: 99 }, 1), null);
});

Deno.test("errors are kept up to 2,000 characters, never half a character", () => {
  assert.equal(clipError("short"), "short");
  assert.equal(clipError("x".repeat(2_000)), "x".repeat(2_000));
  assert.equal(clipError("x".repeat(2_001)), `${"x".repeat(1_999)}…`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1_900, maxLength: 2_200 }), (text) => {
      const clipped = clipError(text);
      assert.ok(clipped.length <= 2_000 && clipped.isWellFormed());
    }),
    { numRuns: 200 },
  );
  assert.equal(clipError(`${"x".repeat(1_998)}😀 and more`), `${"x".repeat(1_998)}…`);
});

const history = fc.record({
  failures: fc.nat(6),
  soloCrashes: fc.nat(6),
  sharedCrashes: fc.nat(6),
  suspicions: fc.nat(6),
  replays: fc.nat(2),
  firstMs: fc.nat(NOW),
  lastMs: fc.nat(NOW),
  error: fc.string(),
});
const end: fc.Arbitrary<AttemptEnd> = fc.oneof(
  fc.constantFrom<AttemptEnd>({ kind: "returned" }, { kind: "cut_off" }),
  fc.record({ kind: fc.constantFrom("threw", "timed_out", "non_retryable"), error: fc.string() }),
  fc.record({ kind: fc.constant("retry_after"), delayMs: fc.double() }),
  fc.record({ kind: fc.constantFrom("invalid", "undecodable"), problem: fc.string() }),
) as fc.Arbitrary<AttemptEnd>;

Deno.test("every end of an attempt has an answer, and only failures change the record", () => {
  fc.assert(
    fc.property(end, history, fc.integer({ min: 1, max: 10 }), (outcome, found, max) => {
      const decision = after(outcome, found, max);
      if (decision.kind !== "park") return;
      assert.ok(Number.isInteger(decision.delayMs) && decision.delayMs >= 0);
      if (outcome.kind === "retry_after") return assert.deepEqual(decision.history, { ...found });
      assert.equal(budgetUsed(decision.history), budgetUsed(found) + 1);
      assert.equal(exhaustedBeforeRun(decision.history, max), null);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("an entry that always fails ends after exactly its budget", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), (max) => {
    let found: History = FRESH;
    for (let attempt = 1;; attempt++) {
      const decision = after({ kind: "threw", error: "x" }, found, max);
      if (decision.kind !== "park") return assert.equal(attempt, max);
      found = decision.history;
    }
  }));
});
