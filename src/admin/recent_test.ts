import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import { RecentErrors } from "./recent.ts";

Deno.test("an error names the entry that can be looked for, also while a replay of it fails", () => {
  const happenings = new Happenings();
  const recent = new RecentErrors(happenings, new FakeClock());
  const parked = { kind: "parked", stream: "s", type: "t", delayMs: 1, attempt: 1 } as const;
  happenings.emit({ ...parked, ref: "5-0", entryId: "5-0", error: "first" });
  happenings.emit({ ...parked, ref: "r:9-0", entryId: "5-0", error: "again" });
  assert.deepEqual(recent.latest.map(({ entryId, message }) => [entryId, message]), [["5-0", "again"], [
    "5-0",
    "first",
  ]]);
  recent.dispose();
  happenings.emit({ ...parked, ref: "6-0", entryId: "6-0", error: "unheard" });
  assert.equal(recent.latest.length, 2);
});

Deno.test("an error has the time at which it happened, and one that lasts that of its latest", async () => {
  const clock = new FakeClock();
  const happenings = new Happenings();
  const recent = new RecentErrors(happenings, clock);
  const parked = { kind: "parked", stream: "s", type: "t", delayMs: 1, attempt: 1, error: "e" } as const;
  happenings.emit({ ...parked, ref: "5-0", entryId: "5-0" });
  const first = clock.now();
  await clock.advance(1_000);
  assert.deepEqual(recent.latest.map(({ time }) => Date.parse(time)), [first]);
  happenings.emit({ ...parked, ref: "6-0", entryId: "6-0" });
  await clock.advance(1_000);
  assert.deepEqual(recent.latest.map(({ time, entryId }) => [Date.parse(time), entryId]), [[first + 1_000, "6-0"]]);
  recent.dispose();
});
