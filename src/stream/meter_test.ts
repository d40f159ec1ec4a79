import assert from "node:assert/strict";
import fc from "fast-check";
import { type Happening, Happenings } from "../happenings.ts";
import { Meter } from "./meter.ts";

const setUp = (): { meter: Meter; told: Extract<Happening, { kind: "attempted" }>[] } => {
  const happenings = new Happenings();
  const told: Extract<Happening, { kind: "attempted" }>[] = [];
  happenings.listen((happening) => {
    if (happening.kind === "attempted") told.push(happening);
  });
  return { meter: new Meter(happenings, "s"), told };
};

Deno.test("what is measured in one turn is told once for each type", async () => {
  const { meter, told } = setUp();
  meter.started("a", 1);
  meter.started("b", 2);
  meter.ended("a", 3, true);
  meter.ended("a", 4, false);
  assert.deepEqual(told, []);
  await Promise.resolve();
  assert.deepEqual(told, [
    { kind: "attempted", stream: "s", type: "a", agesMs: [1], succeededMs: [3], failedMs: [4] },
    { kind: "attempted", stream: "s", type: "b", agesMs: [2], succeededMs: [], failedMs: [] },
  ]);
});

Deno.test("whatever is measured when, all of it is told, and nothing twice", async () => {
  const step = fc.record({
    type: fc.constantFrom("a", "b", "c"),
    what: fc.constantFrom("started", "succeeded", "failed", "turn"),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const { meter, told } = setUp();
    const wanted = new Map<string, number[]>();
    for (const [at, { type, what }] of steps.entries()) {
      if (what === "turn") await Promise.resolve();
      else wanted.set(`${type} ${what}`, [...wanted.get(`${type} ${what}`) ?? [], at]);
      if (what === "started") meter.started(type, at);
      else if (what !== "turn") meter.ended(type, at, what === "succeeded");
    }
    await Promise.resolve();
    const found = new Map<string, number[]>();
    for (const { type, agesMs, succeededMs, failedMs } of told) {
      for (const [what, values] of Object.entries({ started: agesMs, succeeded: succeededMs, failed: failedMs })) {
        if (values.length > 0) found.set(`${type} ${what}`, [...found.get(`${type} ${what}`) ?? [], ...values]);
      }
    }
    assert.deepEqual(new Map([...found].sort()), new Map([...wanted].sort()));
  }));
});
