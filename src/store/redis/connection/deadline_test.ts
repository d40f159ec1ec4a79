import assert from "node:assert/strict";
import type { Clock } from "../../../clock.ts";
import { FakeClock } from "../../../../testing/fake_clock.ts";
import { deadline, untilAborted, within } from "./deadline.ts";

const late = (): Error => new Error("late");
const never = new AbortController().signal;

Deno.test("a deadline calls once when the time is over, and not after it was cancelled", async () => {
  const clock = new FakeClock();
  const calls: string[] = [];
  deadline(clock, 100, () => calls.push("kept"));
  const cancel = deadline(clock, 100, () => calls.push("cancelled"));
  cancel();
  await clock.advance(99);
  assert.deepEqual(calls, []);
  await clock.advance(1);
  assert.deepEqual(calls, ["kept"]);
  assert.equal(clock.pending, 0);
});

Deno.test("a timer that our own stall held up waits for what lies in the socket", () => {
  let nowMs = 0;
  const armed: { ms: number; fire: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (ms, fire) => (armed.push({ ms, fire }), () => {}),
  };
  let expired = 0;
  deadline(clock, 1_000, () => expired++);
  nowMs = 4_000;
  armed[0]?.fire();
  assert.equal(expired, 0);
  assert.equal(armed.length, 2);
  armed[1]?.fire();
  assert.equal(expired, 1);
});

Deno.test("within settles on time although the work never does, and disposes what comes late", async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<string>();
  const disposed: string[] = [];
  const result = within(clock, 100, never, late, () => work.promise, (value) => disposed.push(value));
  const check = assert.rejects(result, /late/);
  await clock.advance(100);
  await check;
  work.resolve("link");
  await clock.advance(0);
  assert.deepEqual(disposed, ["link"]);
});

Deno.test("within ends with the outer signal and leaves no timer", async () => {
  const clock = new FakeClock();
  const outer = new AbortController();
  const result = within(clock, 100, outer.signal, late, () => new Promise<never>(() => {}));
  outer.abort(new Error("closing"));
  await assert.rejects(result, /closing/);
  assert.equal(clock.pending, 0);
  await assert.rejects(within(clock, 100, outer.signal, late, () => Promise.resolve()), /closing/);
});

Deno.test("untilAborted gives the outcome, or the reason of the signal that came first", async () => {
  assert.equal(await untilAborted(Promise.resolve(1), never), 1);
  await assert.rejects(untilAborted(Promise.reject(new Error("own")), never), /own/);
  await assert.rejects(untilAborted(new Promise(() => {}), AbortSignal.abort(new Error("gone"))), /gone/);
});
