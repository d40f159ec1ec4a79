import assert from "node:assert/strict";
import fc from "fast-check";
import { BoundedLabels, OVERFLOW } from "./metrics_labels.ts";

Deno.test("the first so many values are labels, the rest is other, and what was a label stays one", () => {
  const labels = new BoundedLabels(2);
  assert.deepEqual(["a", "b", "c", "a", "c"].map((value) => labels.of(value)), ["a", "b", OVERFLOW, "a", OVERFLOW]);
});

Deno.test("values that are known beforehand are labels however many strangers came first", () => {
  const labels = new BoundedLabels(1);
  assert.equal(labels.of("stranger"), "stranger");
  labels.know(["mine"]);
  assert.deepEqual([labels.of("mine"), labels.of("late")], ["mine", OVERFLOW]);
});

Deno.test("a value that is long or holds control characters takes no room", () => {
  const labels = new BoundedLabels(1);
  for (const hostile of ["x".repeat(257), "a\r", "a\nb", "\u0000", "\u0085"]) {
    assert.equal(labels.of(hostile), OVERFLOW);
  }
  assert.equal(labels.of("fine"), "fine");
});

Deno.test("there are never more labels than allowed and one", () => {
  fc.assert(fc.property(fc.array(fc.string()), fc.nat(5), (values, max) => {
    const labels = new BoundedLabels(max);
    const found = new Set(values.map((value) => labels.of(value)));
    found.delete(OVERFLOW);
    assert.ok(found.size <= max);
  }));
});
