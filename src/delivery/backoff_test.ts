import assert from "node:assert/strict";
import fc from "fast-check";
import { retryDelayMs } from "./backoff.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

Deno.test("the wait doubles with each attempt up to its bound", () => {
  const longest = (attempt: number): number =>
    retryDelayMs({ attempt, baseMs: 1_000, maxMs: 60_000, random: 1 - Number.EPSILON / 2 });
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8].map(longest), [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  const shortest = (attempt: number): number => retryDelayMs({ attempt, baseMs: 1_000, maxMs: 60_000, random: 0 });
  assert.deepEqual([1, 2, 7].map(shortest), [500, 1000, 30000]);
});

Deno.test("the wait is whole and between half and all of its ceiling", () => {
  const ms = fc.integer({ min: 1, max: 1e9 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), ms, ms, random, (attempt, baseMs, maxMs, chance) => {
      const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 100));
      const delay = retryDelayMs({ attempt, baseMs, maxMs, random: chance });
      assert.ok(Number.isInteger(delay) && delay >= ceiling / 2 && delay <= ceiling, String(delay));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("the millionth attempt waits no longer than the bound", () => {
  assert.equal(retryDelayMs({ attempt: 1e6, baseMs: 1, maxMs: 100, random: 0.999999 }), 100);
});

Deno.test("what failed together does not come back together", () => {
  const delays = new Set<number>();
  for (let n = 0; n < 100; n++) delays.add(retryDelayMs({ attempt: 1, baseMs: 1_000, maxMs: 60_000, random: n / 100 }));
  assert.equal(delays.size, 100);
});

Deno.test("without a base nothing waits", () => {
  assert.equal(retryDelayMs({ attempt: 3, baseMs: 0, maxMs: 60_000, random: 0.9 }), 0);
});
