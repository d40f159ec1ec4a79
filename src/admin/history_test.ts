import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import type { Happening, StreamCounts } from "../happenings.ts";
import { flowBetween, History } from "./history.ts";

const figures = (more: Partial<StreamCounts> = {}): StreamCounts => ({
  ...{ lag: 0, pending: 0, parked: 0, deadLetters: 0, consumers: 1, oldestAgeMs: 0, added: 0 },
  ...more,
});
const attempted = (type: string, ms: number, ok = true): Happening => ({
  ...{ kind: "attempted", stream: "s", type, agesMs: [] },
  ...(ok ? { succeededMs: [ms], failedMs: [] } : { succeededMs: [], failedMs: [ms] }),
});
const sum = (values: readonly (number | null)[] | undefined): number =>
  (values ?? []).reduce<number>((total, value) => total + (value ?? 0), 0);

Deno.test("history: what came in and went out adds up, whoever did it, and however far the looks are apart", async () => {
  const clock = new FakeClock();
  const history = new History(clock);
  history.hear({ kind: "counted", stream: "s", figures: figures({ added: 100 }) });
  await clock.advance(15_000);
  history.hear({
    kind: "counted",
    stream: "s",
    figures: figures({ added: 400, lag: 120, pending: 30, oldestAgeMs: 4_000 }),
  });
  await clock.advance(10_000);
  const { series, stepMs, handlers } = history.view({ minutes: "5" });
  assert.equal(stepMs, 5_000);
  assert.ok(Math.abs(sum(series["in"]) * 5 - 300) < 1, "a rate a second, over slots of five");
  assert.ok(Math.abs(sum(series["out"]) * 5 - 150) < 1);
  assert.deepEqual(series["lag"]?.at(-1), 120);
  assert.deepEqual(series["oldestAgeSeconds"]?.at(-1), 4);
  assert.equal(series["lag"]?.length, 60);
  assert.deepEqual([series["lag"]?.[0], series["processed"]?.[0], series["processed"]?.at(-1)], [null, null, 0]);
  assert.deepEqual(handlers, []);
});

Deno.test("history: a slot that was not looked at to its end is not told of yet", async () => {
  const clock = new FakeClock();
  const history = new History(clock);
  history.hear({ kind: "counted", stream: "s", figures: figures() });
  await clock.advance(7_000);
  history.hear({ kind: "counted", stream: "s", figures: figures({ added: 70 }) });
  await clock.advance(8_000);
  const { series } = history.view({});
  assert.equal(series["in"]?.at(-1), null);
  assert.ok(series["in"]?.some((value) => value === 10));
});

Deno.test("history: neither a deleted stream nor a replay makes a negative rate", () => {
  assert.deepEqual(flowBetween(figures({ added: 10, lag: 5 }), figures({ added: 2, lag: 2 })), { came: 0, went: 0 });
  assert.deepEqual(flowBetween(figures({ added: 10 }), figures({ added: 10, lag: 3 })), { came: 0, went: 0 });
  assert.deepEqual(flowBetween(figures({ added: 10, lag: 3 }), figures({ added: 12, parked: 1 })), {
    came: 2,
    went: 4,
  });
});

Deno.test("history: quantiles of handlers are right to a sixth, over any number of slots", async () => {
  const clock = new FakeClock();
  const history = new History(clock);
  for (let n = 1; n <= 1_000; n++) {
    const ok = n % 10 !== 0;
    history.hear(attempted("t", n, ok));
    if (n % 100 === 0) await clock.advance(5_000);
  }
  history.hear(attempted("rare", 0.1));
  await clock.advance(5_000);
  const [t, rare] = history.view({ minutes: "5" }).handlers;
  assert.deepEqual([t?.type, t?.count, t?.failed, rare?.type, rare?.count], ["t", 1_000, 100, "rare", 1]);
  for (const [found, wanted] of [[t?.p50, 500], [t?.p95, 950], [t?.p99, 990]]) {
    assert.ok(Math.abs(found! - wanted!) / wanted! < 0.17, `${found} for ${wanted}`);
  }
  const slots = t?.series?.p50.filter((value) => value !== null) ?? [];
  assert.ok(slots.length === 10 && slots[0]! < 70 && slots.at(-1)! > 850);
});

Deno.test("history: six hours are kept by the minute, what is older is gone, and types are bounded", async () => {
  const clock = new FakeClock();
  const history = new History(clock);
  for (let n = 0; n < 40; n++) {
    history.hear(attempted(`t${n}`, 5));
  }
  history.hear({ kind: "settled", stream: "s", group: "g", type: "t", outcome: "processed", count: 600, refs: [] });
  await clock.advance(60_000);
  const soon = history.view({ minutes: "360" });
  assert.equal(soon.stepMs, 60_000);
  assert.equal(sum(soon.series["processed"]) * 60, 600);
  assert.equal(soon.handlers.length, 21);
  assert.equal(soon.handlers[0]?.type, "other");
  assert.equal(soon.handlers[0]?.count, 20);
  assert.equal(soon.handlers.filter(({ series }) => series !== undefined).length, 8);
  await clock.advance(7 * 3_600_000);
  const late = history.view({ minutes: "360" });
  assert.equal(sum(late.series["processed"]), 0);
  assert.deepEqual(late.handlers, []);
  assert.equal(late.series["processed"]?.length, 360);
});

Deno.test("history: only whole minutes up to six hours can be asked for", () => {
  const history = new History(new FakeClock());
  for (const minutes of ["0", "361", "1.5", "x", "-1"]) assert.throws(() => history.view({ minutes }), /minutes/);
});
