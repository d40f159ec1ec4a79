import assert from "node:assert/strict";
import fc from "fast-check";
import { SlotMap } from "./slot_map.ts";

Deno.test("behaves as a Map does, in its order too", () => {
  const step = fc.record({
    what: fc.constantFrom("set", "delete", "clear"),
    key: fc.constantFrom(..."abcdef"),
    value: fc.nat(9),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const map = new Map<string, number | null>();
    const slots = new SlotMap<number | null>();
    for (const { what, key, value } of steps) {
      if (what === "set") {
        map.set(key, value || null);
        slots.set(key, value || null);
      } else if (what === "delete") assert.equal(slots.delete(key), map.delete(key));
      else if (value === 0) {
        map.clear();
        slots.clear();
      }
      assert.equal(slots.size, map.size);
      assert.equal(slots.has(key), map.has(key));
      assert.equal(slots.get(key), map.get(key));
    }
    assert.deepEqual([...slots.keys()], [...map.keys()]);
    assert.deepEqual([...slots.values()], [...map.values()]);
  }));
});
