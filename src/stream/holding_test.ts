import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type Delivery, FRESH } from "../store/port.ts";
import { Holding } from "./holding.ts";

const delivery = (ref: string): Delivery => ({ ref, entryId: ref.replace("r:", ""), fields: [], history: FRESH });

function parkedAmong(holding: Holding, ...refs: string[]): boolean {
  return holding.sort(refs.map(delivery)).parked;
}

Deno.test("what comes in is looked up among the parked unless all of it is newer", () => {
  const holding = new Holding(new FakeClock(), 10, () => {});
  assert.equal(parkedAmong(holding, "1-0"), false, "nothing is parked");
  holding.park("5-0", null);
  holding.park("4-0", null);
  assert.equal(parkedAmong(holding, "6-0", "7-0"), false);
  assert.equal(parkedAmong(holding, "5-0"), true);
  assert.equal(parkedAmong(holding, "8-0", "5-0"), true, "an older one behind a newer one");
  assert.equal(parkedAmong(holding, "r:9-0"), true, "replays are numbered apart");
  assert.equal(parkedAmong(holding, "10-0", "r:1-0"), true);
});

Deno.test("a parked replay says nothing of how new the parked entries are", () => {
  const holding = new Holding(new FakeClock(), 10, () => {});
  holding.park("r:9-0", null);
  assert.equal(parkedAmong(holding, "5-0"), false);
  assert.equal(parkedAmong(holding, "r:9-0"), true);
});
