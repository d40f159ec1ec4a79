import assert from "node:assert/strict";
import fc from "fast-check";
import { trimFloor } from "./trim_floor.ts";

Deno.test("without a group nothing is needed", () => assert.deepEqual(trimFloor([]), { floorId: null, heldBy: null }));

Deno.test("a group without pending entries needs what it was not given yet", () => {
  const group = { name: "g", lastDeliveredId: "7-3", oldestPendingId: null };
  assert.deepEqual(trimFloor([group]), { floorId: "7-4", heldBy: "g" });
});

Deno.test("the oldest pending entry is needed, parked ones included", () => {
  const group = { name: "g", lastDeliveredId: "10-0", oldestPendingId: "9-5" };
  assert.deepEqual(trimFloor([group]), { floorId: "9-5", heldBy: "g" });
});

Deno.test("a group that was set back needs what it will be given again", () => {
  const group = { name: "g", lastDeliveredId: "0-0", oldestPendingId: "9-5" };
  assert.deepEqual(trimFloor([group]), { floorId: "0-1", heldBy: "g" });
});

Deno.test("the slowest group decides, and no entry that any group needs is below the floor", () => {
  const id = fc.integer({ min: 0, max: 12 });
  const group = fc.record({ last: id, pending: fc.option(id) });
  fc.assert(fc.property(fc.array(group, { minLength: 1, maxLength: 5 }), (groups) => {
    const { floorId, heldBy } = trimFloor(groups.map(({ last, pending }, index) => ({
      name: `g${index}`,
      lastDeliveredId: `${last}-0`,
      oldestPendingId: pending === null ? null : `${pending}-0`,
    })));
    const needs = groups.map(({ last, pending }) => Math.min(last + 0.5, pending ?? Infinity));
    const least = Math.min(...needs);
    assert.equal(floorId, least % 1 === 0 ? `${least}-0` : `${Math.floor(least)}-1`);
    assert.equal(heldBy, `g${needs.indexOf(least)}`);
  }));
});
