import assert from "node:assert/strict";
import { RetrySchedule } from "./retry.ts";

const middle = (): number => 0.5;

Deno.test("waits follow the configuration and the last repeats", () => {
  const schedule = new RetrySchedule([5_000, 15_000, 30_000], middle);
  const waits = [1, 2, 3, 4].map(() => schedule.failed(true));
  assert.deepEqual(waits.map((wait) => wait.delayMs), [5_000, 15_000, 30_000, 30_000]);
  assert.ok(waits.every((wait) => wait.probe));
  assert.equal(schedule.failures, 4);
});

Deno.test("jitter stays within twenty percent, both ways", () => {
  assert.equal(new RetrySchedule([5_000], () => 0).failed(true).delayMs, 4_000);
  assert.equal(new RetrySchedule([5_000], () => 0.999_999).failed(true).delayMs, 6_000);
});

Deno.test("where somebody answers and refuses, waits are short and no probe cuts them", () => {
  const schedule = new RetrySchedule([5_000, 15_000], middle);
  assert.deepEqual(schedule.failed(false), { delayMs: 2_000, probe: false });
  assert.deepEqual(schedule.failed(false), { delayMs: 2_000, probe: false });
  assert.equal(new RetrySchedule([700], middle).failed(false).delayMs, 700);
});

Deno.test("the loss of a link that was ready for a second is answered at once, and the waits begin anew", () => {
  const schedule = new RetrySchedule([5_000, 15_000], middle);
  schedule.failed(true);
  schedule.ready(10_000);
  assert.equal(schedule.failures, 0);
  assert.deepEqual(schedule.lost(11_000), { delayMs: 0, probe: false });
  assert.equal(schedule.failed(true).delayMs, 5_000);
});

Deno.test("links that die young are answered by waits that double up to two seconds, never at once", () => {
  const schedule = new RetrySchedule([5_000], middle);
  const waits = [1, 2, 3, 4, 5, 6, 7].map((n) => {
    schedule.ready(n * 10_000);
    return schedule.lost(n * 10_000 + 999).delayMs;
  });
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
});

Deno.test("no configuration makes a hot loop", () => {
  assert.equal(new RetrySchedule([0], middle).failed(false).delayMs, 50);
  assert.equal(new RetrySchedule([], middle).failed(true).delayMs, 2_000);
});
