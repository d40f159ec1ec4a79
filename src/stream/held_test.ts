import assert from "node:assert/strict";
import fc from "fast-check";
import { type Delivery, FRESH } from "../store/port.ts";
import { Bystander, HeldEntries } from "./held.ts";

const deliveryOf = (ref: string): Delivery => ({
  ...{ ref, fields: [], history: FRESH },
  entryId: ref.startsWith("r:") ? `original of ${ref}` : ref,
});

Deno.test("whatever comes in whatever order, each is taken once as long as it is held", () => {
  const ref = fc.tuple(fc.constantFrom("", "r:"), fc.constantFrom(9, 10, 99, 1_000, 1_001), fc.nat(12))
    .map(([replay, ms, seq]) => `${replay}${ms}-${seq}`);
  const step = fc.oneof(
    fc.record({ what: fc.constant("take" as const), refs: fc.array(ref, { maxLength: 20 }) }),
    fc.record({ what: fc.constantFrom("release" as const, "clear" as const), pick: fc.nat(50) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const held = new HeldEntries();
    const model = new Map<string, Bystander>();
    for (const one of steps) {
      if (one.what === "take") {
        const { fresh, known } = held.sort(one.refs.map(deliveryOf));
        const wanted = [...new Set(one.refs)].filter((ref) => !model.has(ref));
        assert.deepEqual(fresh.map(({ ref }) => ref), wanted);
        assert.equal(fresh.length + known.length, one.refs.length);
        for (const delivery of fresh) {
          const item = new Bystander(delivery, "t", 0);
          held.add(item);
          model.set(delivery.ref, item);
        }
      } else if (one.what === "release") {
        const item = [...model.values()][one.pick % Math.max(1, model.size)];
        if (item === undefined) continue;
        held.remove(item);
        held.remove(item);
        model.delete(item.delivery.ref);
      } else if (one.pick === 0) {
        held.clear();
        for (const item of model.values()) held.remove(item);
        model.clear();
      }
      assert.equal(held.size, model.size);
      assert.deepEqual(new Set(held.all), new Set(model.values()));
      for (const [ref, item] of model) assert.equal(held.find(ref), item);
    }
  }));
});
