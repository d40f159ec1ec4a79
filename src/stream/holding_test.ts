import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type Delivery, FRESH } from "../store/port.ts";
import { Holding } from "./holding.ts";

const delivery = (ref: string): Delivery => ({
  ref,
  entryId: ref.replace(/^r:/, ""),
  fields: [],
  history: FRESH,
});

function sorted(parked: readonly string[], ...refs: readonly string[]): { fresh: string[]; parked: boolean } {
  const holding = new Holding(new FakeClock(), 100, () => {});
  for (const ref of parked) holding.park(ref, null);
  const found = holding.sort(refs.map(delivery));
  return { fresh: found.fresh.map(({ ref }) => ref), parked: found.parked };
}

Deno.test("what may have been parked is looked for, and only that", () => {
  assert.equal(sorted([], "5-0").parked, false);
  assert.equal(sorted(["5-0"], "6-0", "7-0").parked, false);
  assert.equal(sorted(["9-0"], "10-0").parked, false, "by number");
  assert.equal(sorted(["5-0"], "5-0").parked, true);
  assert.equal(sorted(["10-0"], "9-0", "11-0").parked, true);
  assert.equal(sorted(["5-0", "3-0"], "4-0").parked, true);
  assert.equal(sorted(["5-0"], "7-0", "5-0").parked, true, "out of order");
  assert.equal(sorted(["r:5-0"], "r:5-0").parked, true, "a replay");
  assert.equal(sorted(["5-0"], "7-0", "r:1-0").parked, true, "a replay behind newer ones");
});

Deno.test("what was parked and left counts no more", () => {
  const holding = new Holding(new FakeClock(), 100, () => {});
  holding.park("9-0", null);
  holding.returned("9-0");
  holding.park("3-0", null);
  assert.equal(holding.sort([delivery("4-0")]).parked, false);
  assert.equal(holding.sort([delivery("3-0")]).parked, true);
});

Deno.test("a parked replay says nothing of how new the parked entries are", () => {
  assert.equal(sorted(["r:9-0"], "5-0").parked, false);
  assert.equal(sorted(["r:9-0"], "r:9-0").parked, true);
});
