import assert from "node:assert/strict";
import fc from "fast-check";
import { Ring } from "./ring.ts";

Deno.test("a ring gives back what was pushed, in order, through every growth and turn", () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.nat(), fc.constantFrom("shift", "even")), { maxLength: 200 }), (ops) => {
    const ring = new Ring<number>();
    let model: number[] = [];
    for (const op of ops) {
      if (op === "shift") assert.equal(ring.shift(), model.shift());
      else if (op === "even") {
        ring.retain((n) => n % 2 === 0);
        model = model.filter((n) => n % 2 === 0);
      } else {
        ring.push(op as number);
        model.push(op as number);
      }
      assert.equal(ring.size, model.length);
    }
    while (model.length > 0) assert.equal(ring.shift(), model.shift());
    assert.equal(ring.shift(), undefined);
  }));
});
