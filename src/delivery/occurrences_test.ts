import assert from "node:assert/strict";
import fc from "fast-check";
import { countInterval, intervalOccurrences, type IntervalRange, nextInterval } from "./occurrences.ts";

const due = (range: Partial<IntervalRange>): readonly number[] =>
  intervalOccurrences({ everyMs: 1_000, afterMs: 0, untilMs: 0, policy: "last", cap: 1_000, ...range });

Deno.test("occurrences are multiples of the period since the epoch", () => {
  assert.equal(nextInterval(1_000, 0), 1_000);
  assert.equal(nextInterval(1_000, 999), 1_000);
  assert.equal(nextInterval(1_000, 1_000), 2_000);
  assert.equal(nextInterval(1_000, -1), 0);
  assert.deepEqual(due({ afterMs: 4_999, untilMs: 5_000 }), [5_000]);
  assert.deepEqual(due({ afterMs: 5_000, untilMs: 5_999 }), []);
});

Deno.test("what is on time is published whatever the policy", () => {
  for (const policy of ["skip", "last", "all"] as const) {
    assert.deepEqual(due({ afterMs: 0, untilMs: 2_900, policy }), [1_000, 2_000]);
  }
});

Deno.test("after a pause the policy decides", () => {
  const pause = { everyMs: 60_000, afterMs: 0, untilMs: 330_000 };
  assert.deepEqual(due({ ...pause, policy: "skip" }), []);
  assert.deepEqual(due({ ...pause, policy: "last" }), [300_000]);
  assert.deepEqual(due({ ...pause, policy: "all" }), [60_000, 120_000, 180_000, 240_000, 300_000]);
});

Deno.test("the occurrence at the end of a pause is on time even for skip", () => {
  assert.deepEqual(due({ everyMs: 60_000, afterMs: 0, untilMs: 301_000, policy: "skip" }), [300_000]);
  assert.deepEqual(due({ everyMs: 60_000, afterMs: 0, untilMs: 302_001, policy: "skip" }), []);
});

Deno.test("all is bounded, the newest are kept", () => {
  const range = { everyMs: 1, afterMs: 0, untilMs: 1e12, policy: "all" as const, cap: 3 };
  assert.deepEqual(due(range), [1e12 - 2, 1e12 - 1, 1e12]);
  assert.equal(countInterval(range), 1e12);
});

Deno.test("a clock that was set back, and a period that is none, give nothing", () => {
  assert.deepEqual(due({ afterMs: 10_000, untilMs: 5_000, policy: "all" }), []);
  for (const everyMs of [0, -1, NaN]) assert.deepEqual(due({ everyMs, untilMs: 1e6, policy: "all" }), []);
});

const range = fc.record({
  everyMs: fc.integer({ min: 1, max: 5_000 }),
  afterMs: fc.integer({ min: -20_000, max: 20_000 }),
  untilMs: fc.integer({ min: -20_000, max: 20_000 }),
  cap: fc.integer({ min: 1, max: 50 }),
  graceMs: fc.nat(3_000),
});

Deno.test("all gives the newest multiples in the range, last and skip part of them", () => {
  fc.assert(
    fc.property(range, (given) => {
      const expected: number[] = [];
      for (let at = Math.ceil((given.afterMs + 0.5) / given.everyMs) * given.everyMs; at <= given.untilMs;) {
        expected.push(at + 0);
        at += given.everyMs;
      }
      const [all, last, skip] = (["all", "last", "skip"] as const).map((policy) =>
        intervalOccurrences({ ...given, policy }).map((at) => at + 0)
      );
      assert.deepEqual(all, expected.slice(-given.cap));
      assert.equal(countInterval(given), expected.length);
      if (expected.length > 0) assert.equal(last!.at(-1), expected.at(-1));
      assert.deepEqual(last, all!.slice(all!.length - last!.length));
      assert.deepEqual(skip, last!.slice(last!.length - skip!.length));
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("looking often neither doubles nor drops an occurrence", () => {
  const steps = fc.array(fc.integer({ min: 1, max: 1_900 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom("skip", "last", "all"), steps, (
    everyMs,
    policy,
    waits,
  ) => {
    let nowMs = 1_000_000;
    let seenMs = nowMs;
    const fired: number[] = [];
    for (const wait of waits) {
      nowMs += wait;
      const found = intervalOccurrences({
        everyMs,
        afterMs: seenMs,
        untilMs: nowMs,
        policy: policy as "all",
        cap: 5_000,
      });
      fired.push(...found);
      seenMs = found.at(-1) ?? seenMs;
    }
    const count = Math.floor(nowMs / everyMs) - Math.floor(1_000_000 / everyMs);
    assert.equal(fired.length, count);
    assert.equal(new Set(fired).size, count);
  }));
});
