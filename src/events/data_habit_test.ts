import assert from "node:assert/strict";
import { BETWEEN_PROBES, DataHabit, UNREAD_PROBES } from "./data_habit.ts";

/** Has so many events come by, each read at once where it reads; says which were left. */
function pass(habit: DataHabit, events: number, reads: (event: number) => boolean): number[] {
  const left: number[] = [];
  for (let event = 0; event < events; event++) {
    if (!habit.leaves()) continue;
    left.push(event);
    if (reads(event)) habit.read();
  }
  return left;
}

Deno.test("a handler that never reads has all its data left alone", () => {
  assert.equal(pass(new DataHabit(), 1_000, () => false).length, 1_000);
});

Deno.test("a handler that always reads has few of its events left, as probes", () => {
  const left = pass(new DataHabit(), 10 * (BETWEEN_PROBES + 1), () => true);
  assert.deepEqual(left, Array.from({ length: 10 }, (_, n) => n * (BETWEEN_PROBES + 1)));
});

Deno.test("a handler that no longer reads is believed after some probes in a row", () => {
  const habit = new DataHabit();
  pass(habit, 1, () => true);
  const left = pass(habit, UNREAD_PROBES * (BETWEEN_PROBES + 1), () => false);
  assert.equal(left.length, UNREAD_PROBES);
  // The next probe finds the one before it unread, and with it enough of them.
  assert.equal(pass(habit, BETWEEN_PROBES + 100, () => false).length, 100);
});

Deno.test("one probe that was read begins the count anew", () => {
  const habit = new DataHabit();
  pass(habit, 1, () => true);
  for (let round = 0; round < 3; round++) {
    assert.equal(pass(habit, (UNREAD_PROBES - 1) * (BETWEEN_PROBES + 1), () => false).length, UNREAD_PROBES - 1);
    assert.equal(pass(habit, BETWEEN_PROBES + 1, () => true).length, 1);
  }
});

Deno.test("what is read late counts all the same, however often", () => {
  const habit = new DataHabit();
  pass(habit, 1_000, () => false);
  for (let late = 0; late < 1_000; late++) habit.read();
  assert.equal(pass(habit, BETWEEN_PROBES, () => false).length, 0);
});
