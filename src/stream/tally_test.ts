import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type Happening, Happenings } from "../happenings.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import { Tally } from "./tally.ts";

Deno.test("outcomes that come by turns are one happening for each type and outcome, and nothing is left of the turn before", async () => {
  const happenings = new Happenings();
  const told: Happening[] = [];
  happenings.listen((happening) => told.push(happening));
  const store = new MemoryStreamStore({ broker: new MemoryBroker(new FakeClock()), stream: "s", group: "g" });
  const tally = new Tally(happenings, store, "s");
  const all = { kind: "settled", stream: "s", group: "g" } as const;
  tally.add("a", "processed", "1-0");
  tally.add("a", "retried", "2-0");
  tally.add("a", "processed", "3-0");
  tally.add("b", "processed", "4-0");
  tally.add("a", "processed", "5-0");
  tally.add("a", "retried", "6-0");
  await Promise.resolve();
  assert.deepEqual(told.splice(0), [
    { ...all, type: "a", outcome: "processed", count: 3, refs: ["1-0", "3-0", "5-0"] },
    { ...all, type: "a", outcome: "retried", count: 2, refs: ["2-0", "6-0"] },
    { ...all, type: "b", outcome: "processed", count: 1, refs: ["4-0"] },
  ]);
  tally.add("a", "processed", "7-0");
  tally.add("a", "retried", "8-0");
  await Promise.resolve();
  assert.deepEqual(told, [
    { ...all, type: "a", outcome: "processed", count: 1, refs: ["7-0"] },
    { ...all, type: "a", outcome: "retried", count: 1, refs: ["8-0"] },
  ]);
});
