import assert from "node:assert/strict";
import { interleave, isMet, markdown, ratio, seriesOf } from "../bench/lib/series.ts";

Deno.test("what could not be measured is neither met nor missed, and told so", async () => {
  const series = await interleave(2, [
    { name: "missing", unit: "events/s", run: () => Promise.resolve({ value: NaN }) },
    { name: "there", unit: "events/s", run: () => Promise.resolve({ value: 5, cpu: 1 }) },
  ]);
  const found = ratio(seriesOf(series, "there"), seriesOf(series, "missing"));
  const targets = [">= 0.6", "<= 1", ""].map((wanted) => ({ what: "part", found, wanted }));
  for (const target of targets) assert.equal(isMet(target), null);
  const text = markdown({ scenario: "s", title: "t", series, targets, notes: [] });
  assert.equal(text.match(/\| – \| .*\| not measured \|/g)?.length, 3);
  assert.doesNotMatch(text, /NaN|met\*\*|\| met/);
});

Deno.test("a target is met, missed, or only told", () => {
  const met = (found: number, wanted: string): boolean | null => isMet({ what: "", found, wanted });
  assert.deepEqual([met(0.6, ">= 0.6"), met(0.59, ">= 0.6"), met(0.8, "<= 0.8"), met(0.81, "<= 0.8"), met(1, "")], [
    ...[true, false, true, false, null],
  ]);
});

Deno.test("ways take turns, each round begins with another, and ratios are of rounds side by side", async () => {
  const order: string[] = [];
  const way = (name: string, values: readonly number[]) => ({
    name,
    unit: "",
    run: (round: number) => (order.push(`${name}${round}`), Promise.resolve({ value: values[round]! })),
  });
  const series = await interleave(3, [way("a", [1, 10, 100]), way("b", [2, 30, 400]), way("c", [1, 1, 1])]);
  assert.equal(order.join(" "), "a0 b0 c0 b1 c1 a1 c2 a2 b2");
  assert.equal(ratio(seriesOf(series, "b"), seriesOf(series, "a")), 3);
});
