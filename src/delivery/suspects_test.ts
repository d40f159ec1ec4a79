import assert from "node:assert/strict";
import fc from "fast-check";
import { type CrashScene, crashVerdict, isSuspect, mustRunAlone } from "./suspects.ts";

/** The table of the takeover: marks, exact, entries held, verdict on entry `x`. Whoever mirrors it must pass it. */
const TABLE: readonly (readonly [readonly string[] | null, boolean, number, string])[] = [
  [["x"], true, 1, "solo"],
  [["x"], true, 5, "solo"],
  [["x"], false, 1, "solo"],
  [["x"], false, 5, "shared"],
  [["x", "y"], true, 1, "solo"],
  [["x", "y"], true, 5, "shared"],
  [["x", "y"], false, 1, "solo"],
  [["x", "y"], false, 5, "shared"],
  [["y"], true, 1, "none"],
  [["y"], true, 5, "none"],
  [["y"], false, 1, "solo"],
  [["y"], false, 5, "suspicion"],
  [[], true, 1, "none"],
  [[], true, 5, "none"],
  [[], false, 1, "solo"],
  [[], false, 5, "suspicion"],
  [null, false, 1, "solo"],
  [null, false, 5, "suspicion"],
  [null, true, 1, "solo"],
  [null, true, 5, "suspicion"],
];

for (const [marked, exact, heldCount, verdict] of TABLE) {
  const marks = marked === null ? "no marks" : `${exact ? "exact" : "inexact"} marks [${marked}]`;
  Deno.test(`with ${marks} and ${heldCount} held the verdict on x is ${verdict}`, () => {
    assert.equal(crashVerdict({ ref: "x", marked, exact, heldCount }), verdict);
  });
}

const scene = fc.record({
  ref: fc.constantFrom("a", "b"),
  marked: fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c"))),
  exact: fc.boolean(),
  heldCount: fc.integer({ min: 1, max: 3 }),
});

Deno.test("a crash costs budget only where no other entry can have caused it", () => {
  fc.assert(fc.property(scene, (found: CrashScene) => {
    if (crashVerdict(found) !== "solo") return;
    assert.ok(found.heldCount === 1 || (found.exact && found.marked?.length === 1 && found.marked[0] === found.ref));
  }));
});

Deno.test("of entries held together at most one is blamed alone", () => {
  const marks = fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c", "d")));
  const held = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 });
  fc.assert(fc.property(marks, fc.boolean(), held, (marked, exact, refs) => {
    const verdicts = refs.map((ref) => crashVerdict({ ref, marked, exact, heldCount: refs.length }));
    assert.ok(verdicts.filter((verdict) => verdict === "solo").length <= 1);
  }));
});

Deno.test("the second crash that it may have caused, or the first that it did, makes an entry run alone", () => {
  const record = (soloCrashes: number, sharedCrashes: number, suspicions: number): readonly boolean[] => {
    const found = { soloCrashes, sharedCrashes, suspicions };
    return [isSuspect(found), mustRunAlone(found)];
  };
  assert.deepEqual(record(0, 0, 0), [false, false]);
  assert.deepEqual(record(0, 1, 0), [true, false]);
  assert.deepEqual(record(0, 0, 1), [true, false]);
  assert.deepEqual(record(0, 1, 1), [true, true]);
  assert.deepEqual(record(0, 2, 0), [true, true]);
  assert.deepEqual(record(0, 0, 2), [true, true]);
  assert.deepEqual(record(1, 0, 0), [true, true]);
});
