import assert from "node:assert/strict";
import fc from "fast-check";
import { compareOrdered, type Ordered, OrderedQueue } from "./ordered_queue.ts";

const entry = (id: number, ref = `${id}-0`): Ordered => ({ id: `${id}-0`, ref });

Deno.test("the smallest comes first, whatever came first", () => {
  const queue = new OrderedQueue<Ordered>();
  for (const id of [5, 9, 10, 2, 7]) queue.add(entry(id));
  assert.deepEqual([1, 2, 3, 4, 5].map(() => queue.shift()?.id), ["2-0", "5-0", "7-0", "9-0", "10-0"]);
  assert.equal(queue.shift(), undefined);
});

Deno.test("an entry and its replay are two", () => {
  const queue = new OrderedQueue<Ordered>();
  const replay = entry(5, "r:5-0");
  queue.add(replay);
  queue.add(entry(5));
  assert.equal(queue.size, 2);
  assert.ok(queue.remove(replay));
  assert.equal(queue.first?.ref, "5-0");
});

Deno.test("what was never added is not removed", () => {
  const queue = new OrderedQueue<Ordered>();
  assert.equal(queue.remove(entry(1)), false);
  queue.add(entry(1));
  assert.equal(queue.remove(entry(1)), false);
  assert.equal(queue.size, 1);
});

Deno.test("a queue that is empty again and again does not grow", () => {
  const queue = new OrderedQueue<Ordered>();
  for (let round = 0; round < 1_000; round++) {
    queue.add(entry(2));
    queue.add(entry(1));
    assert.deepEqual([queue.shift()?.id, queue.shift()?.id, queue.size], ["1-0", "2-0", 0]);
  }
  assert.ok(queue.slots <= 70, `${queue.slots} slots`);
});

Deno.test("any mix of adding, taking and removing agrees with a sorted list", () => {
  const op = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.nat(300) }) },
    { weight: 2, arbitrary: fc.constant("shift") },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(300) }) },
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 400, size: "max" }), (ops) => {
      const queue = new OrderedQueue<Ordered>();
      const model: Ordered[] = [];
      for (const step of ops) {
        if (typeof step === "string") assert.equal(queue.shift(), model.shift());
        else if ("add" in step) {
          if (model.some((known) => known.id === `${step.add}-0`)) continue;
          const added = entry(step.add);
          queue.add(added);
          model.push(added);
          model.sort(compareOrdered);
        } else {
          const at = model.findIndex((known) => known.id === `${step.remove}-0`);
          if (at >= 0) assert.ok(queue.remove(model.splice(at, 1)[0]!));
        }
        assert.equal(queue.size, model.length);
        assert.equal(queue.first, model[0]);
      }
    }),
    { numRuns: 200 },
  );
});
