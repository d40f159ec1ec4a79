import assert from "node:assert/strict";
import fc from "fast-check";
import { checkCron, cronNext, cronOccurrences } from "./cron.ts";
import type { MissedPolicy } from "./occurrences.ts";

const at = (text: string): number => Date.parse(text);
const iso = (times: readonly number[]): string[] => times.map((ms) => new Date(ms).toISOString().slice(0, 16));

/** The next `count` occurrences, each found from the one before, as minutes in UTC. */
function next(pattern: string, timezone: string, from: string, count: number): string[] {
  const found: number[] = [];
  for (let ms = at(from); found.length < count;) found.push(ms = cronNext(pattern, timezone, ms)!);
  return iso(found);
}

/** The same stretch, found looking back. */
function missed(pattern: string, timezone: string, from: string, until: string): string[] {
  return iso(cronOccurrences({ pattern, timezone, afterMs: at(from), untilMs: at(until), policy: "all", cap: 1_000 }));
}

Deno.test("five fields mean minutes, six have seconds first", () => {
  assert.deepEqual(next("0 3 * * *", "UTC", "2026-01-01T00:00:00Z", 2), ["2026-01-01T03:00", "2026-01-02T03:00"]);
  assert.equal(cronNext("*/10 * * * * *", "UTC", at("2026-01-01T00:00:05Z")), at("2026-01-01T00:00:10Z"));
  assert.equal(cronNext(" 0  3 * *\t* ", "UTC", at("2026-01-01T00:00:00Z")), at("2026-01-01T03:00:00Z"));
});

Deno.test("an occurrence is after the instant asked about, to the millisecond", () => {
  assert.equal(cronNext("* * * * * *", "UTC", 1_000), 2_000);
  assert.equal(cronNext("* * * * * *", "UTC", 999), 1_000);
  assert.equal(cronNext("* * * * * *", "UTC", -1_500), -1_000);
});

Deno.test("the time zone decides which instant a time is", () => {
  assert.deepEqual(next("0 3 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", 1), ["2026-01-01T21:30"]);
});

Deno.test("patterns that mean nothing are named, with what is wanted", () => {
  for (
    const pattern of [
      "",
      "* * * *",
      "* * * * * * *",
      "@never",
      "@daily",
      "2026-01-01T00:00:00",
      "every day please now ok",
    ]
  ) {
    assert.match(checkCron(pattern)!, /^cron ".*want 5 fields/, pattern);
  }
  for (
    const pattern of ["60 * * * *", "* 24 * * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *"]
  ) {
    assert.match(checkCron(pattern)!, /cannot be read/, pattern);
  }
  for (const pattern of ["* * 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"]) {
    assert.match(checkCron(pattern)!, /never fires/, pattern);
  }
  assert.match(checkCron("0 3 * * *", "Nope/Zone")!, /Nope\/Zone/);
});

Deno.test("patterns that mean something are good", () => {
  for (
    const pattern of [
      "* * * * *",
      "0 3 * * *",
      "*/5 * * * * *",
      "0 0 29 2 *",
      "0 9 * * MON-FRI",
      "0 0 L * *",
      "15,45 8-18/2 1 1 *",
    ]
  ) {
    assert.equal(checkCron(pattern, "Europe/Berlin"), null, pattern);
  }
});

Deno.test("a time that the clock skips in spring fires once, right after the gap", () => {
  const spring = ["2026-03-29T01:00", "2026-03-30T00:30"];
  assert.deepEqual(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2), spring);
  assert.deepEqual(missed("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), spring);
});

Deno.test("lists, ranges and steps that name hours are not dropped in spring either", () => {
  const from = "2026-03-28T20:00:00Z";
  assert.deepEqual(next("30 2,14 * * *", "Europe/Berlin", from, 2), ["2026-03-29T01:00", "2026-03-29T12:30"]);
  assert.deepEqual(next("0,30 2 * * *", "Europe/Berlin", from, 2), ["2026-03-29T01:00", "2026-03-30T00:00"]);
  assert.deepEqual(next("*/10 2 * * *", "Europe/Berlin", from, 2), ["2026-03-29T01:00", "2026-03-30T00:00"]);
  assert.deepEqual(next("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", 2), [
    "2026-03-29T01:00",
    "2026-03-29T02:00",
  ]);
});

Deno.test("a time that the clock shows twice in autumn fires the first time only", () => {
  const autumn = ["2026-10-25T00:30", "2026-10-26T01:30"];
  assert.deepEqual(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), autumn);
  assert.deepEqual(missed("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), autumn);
  const from = "2026-10-24T23:00:00Z";
  assert.deepEqual(next("*/30 2 * * *", "Europe/Berlin", from, 3), [
    "2026-10-25T00:00",
    "2026-10-25T00:30",
    "2026-10-26T01:00",
  ]);
  assert.deepEqual(next("0 */2 * * *", "Europe/Berlin", from, 2), ["2026-10-25T00:00", "2026-10-25T03:00"]);
});

Deno.test("what fires every hour goes by elapsed time through both changes", () => {
  const spring = ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"];
  const autumn = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"];
  for (const pattern of ["*/30 * * * *", "0,30 * * * *", "0,30 0-23 * * *", "*/30 */1 * * *"]) {
    assert.deepEqual(next(pattern, "Europe/Berlin", "2026-03-29T00:00:00Z", 3), spring, pattern);
    assert.deepEqual(next(pattern, "Europe/Berlin", "2026-10-24T23:30:00Z", 4), autumn, pattern);
  }
});

Deno.test("after a pause the policy decides", () => {
  const range = { pattern: "0 * * * *", timezone: "UTC", afterMs: at("2026-01-01T00:00:00Z"), cap: 3 };
  const due = (until: string, policy: MissedPolicy): string[] =>
    iso(cronOccurrences({ ...range, untilMs: at(until), policy }));
  assert.deepEqual(due("2026-01-01T05:30:00Z", "skip"), []);
  assert.deepEqual(due("2026-01-01T05:30:00Z", "last"), ["2026-01-01T05:00"]);
  assert.deepEqual(due("2026-01-01T05:30:00Z", "all"), ["2026-01-01T03:00", "2026-01-01T04:00", "2026-01-01T05:00"]);
  assert.deepEqual(due("2026-01-01T05:00:01Z", "skip"), ["2026-01-01T05:00"]);
  assert.deepEqual(due("2026-01-01T05:00:00Z", "last"), ["2026-01-01T05:00"]);
  assert.deepEqual(due("2026-01-01T00:59:59.999Z", "all"), []);
  assert.deepEqual(due("2025-12-31T00:00:00Z", "all"), []);
});

Deno.test("what is on time is published whatever the policy", () => {
  const range = { pattern: "* * * * * *", timezone: "UTC", afterMs: 10_000, untilMs: 12_900, cap: 1_000 };
  for (const policy of ["skip", "last", "all"] as const) {
    assert.deepEqual(cronOccurrences({ ...range, policy }), [11_000, 12_000]);
  }
});

Deno.test("a bound of a thousand is kept over a long pause of a busy schedule", () => {
  const untilMs = at("2026-01-01T00:00:00Z");
  const range = { pattern: "* * * * * *", timezone: "UTC", afterMs: 0, untilMs, policy: "all" as const, cap: 1_000 };
  const due = cronOccurrences(range);
  assert.deepEqual([due.length, due[0], due.at(-1)], [1_000, untilMs - 999_000, untilMs]);
});

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Sao_Paulo",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Africa/Cairo",
  "Asia/Kathmandu",
] as const;

/** First instant of a local time on a local date; where it is skipped, the first instant after the gap. */
function firstInstant(zone: string, day: number, minuteOfDay: number): number {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "short",
    hourCycle: "h23",
  });
  const wanted = new Date(day + minuteOfDay * 60_000).toISOString();
  for (let ms = day - 15 * 3_600_000;; ms += 60_000) {
    const [d, m, y, hh, mm] = format.format(ms).match(/\d+/g)!;
    if (`${y}-${m}-${d}T${hh}:${mm}` >= wanted.slice(0, 16)) return ms;
  }
}

Deno.test("a time of the day fires exactly once on each day, in every zone, through every change", () => {
  // Around the changes of these zones in 2017 (when São Paulo still had them) and 2026.
  const around = [
    "2017-02-19",
    "2017-10-15",
    "2026-03-08",
    "2026-03-29",
    "2026-04-05",
    "2026-04-24",
    "2026-10-04",
    "2026-10-25",
    "2026-11-01",
  ];
  const day = fc.constantFrom(...around).map((date) => at(`${date}T00:00:00Z`));
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), day, fc.nat(3 * 60), (zone, date, minuteOfDay) => {
      const pattern = `${minuteOfDay % 60} ${Math.floor(minuteOfDay / 60)} * * *`;
      const days = [-1, 0, 1].map((n) => date + n * 86_400_000);
      const expected = days.map((midnight) => firstInstant(zone, midnight, minuteOfDay));
      const found = cronOccurrences({
        pattern,
        timezone: zone,
        afterMs: expected[0]! - 1,
        untilMs: expected[2]!,
        policy: "all",
        cap: 10,
      });
      assert.deepEqual(iso(found), iso(expected));
      assert.deepEqual(next(pattern, zone, new Date(expected[0]! - 1).toISOString(), 3), iso(expected));
    }),
    { numRuns: 60 },
  );
});

Deno.test("looking forward and looking back find the same occurrences", () => {
  const field = (top: number): fc.Arbitrary<string> =>
    fc.oneof(fc.nat(top).map(String), fc.constantFrom("*", "*/7", "*/20", "1-3", "2,5"));
  const start = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2026-12-31T00:00:00Z") });
  fc.assert(
    fc.property(field(59), field(23), fc.constantFrom(...ZONES), start, (minute, hour, timezone, afterMs) => {
      const pattern = `${minute} ${hour} * * *`;
      const forward: number[] = [];
      for (let ms = afterMs; forward.length < 12;) forward.push(ms = cronNext(pattern, timezone, ms)!);
      assert.ok(forward.every((ms, index) => index === 0 || ms > forward[index - 1]!));
      const range = { pattern, timezone, afterMs, untilMs: forward.at(-1)!, policy: "all" as const, cap: 1_000 };
      assert.deepEqual(cronOccurrences(range), forward);
    }),
    { numRuns: 150 },
  );
});
