/**
 * The fake clock.
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../src/clock.ts";
import { FakeClock } from "./fake_clock.ts";

Deno.test("time stands still until it is moved", async () => {
  const clock = new FakeClock({ nowMs: 1_000, monotonicMs: 5 });
  assert.deepEqual([clock.now(), clock.monotonic()], [1_000, 5]);
  await clock.advance(250);
  assert.deepEqual([clock.now(), clock.monotonic()], [1_250, 255]);
});

Deno.test("timers fire in the order in which they are due, each at its own time", async () => {
  const clock = new FakeClock({ nowMs: 0 });
  const fired: [string, number][] = [];
  for (const [name, ms] of [["c", 30], ["a", 10], ["b", 10], ["late", 31]] as const) {
    clock.after(ms, () => fired.push([name, clock.now()]));
  }
  await clock.advance(30);
  assert.deepEqual(fired, [["a", 10], ["b", 10], ["c", 30]]);
  assert.equal(clock.pending, 1);
});

Deno.test("promises settle between two timers", async () => {
  const clock = new FakeClock({ nowMs: 0 });
  const times: number[] = [];
  const loop = (async () => {
    while (times.length < 3) {
      await sleep(clock, 10);
      times.push(clock.now());
    }
  })();
  await clock.advance(100);
  await loop;
  assert.deepEqual(times, [10, 20, 30]);
});

Deno.test("what is due now fires when time moves by nothing, and what a callback adds fires too", async () => {
  const clock = new FakeClock();
  let fired = 0;
  clock.after(0, () => {
    fired++;
    clock.after(-5, () => fired++);
  });
  await clock.advance(0);
  assert.equal(fired, 2);
});

Deno.test("a cancelled timer does not fire, and cancelling late or twice is harmless", async () => {
  const clock = new FakeClock();
  let fired = 0;
  const cancel = clock.after(10, () => fired++);
  cancel();
  cancel();
  assert.equal(clock.pending, 0);
  const late = clock.after(10, () => fired++);
  await clock.advance(10);
  late();
  assert.equal(fired, 1);
});

Deno.test("a step moves the wall clock alone: no timer fires early or late", async () => {
  const clock = new FakeClock({ nowMs: 1_000_000 });
  let fired = 0;
  clock.after(100, () => fired++);
  clock.step(3_600_000);
  await clock.advance(99);
  assert.equal(fired, 0);
  clock.step(-7_200_000);
  await clock.advance(1);
  assert.equal(fired, 1);
  assert.equal(clock.now(), 1_000_000 + 3_600_000 - 7_200_000 + 100);
  assert.equal(clock.monotonic(), 100);
});

Deno.test("a timer that re-arms itself for now for ever is refused", async () => {
  const clock = new FakeClock();
  const again = (): void => void clock.after(0, again);
  again();
  await assert.rejects(clock.advance(1), /an end of them/);
});

Deno.test("time does not go back", async () => {
  const clock = new FakeClock();
  await assert.rejects(clock.advance(-1), RangeError);
  await assert.rejects(clock.advance(NaN), RangeError);
});
