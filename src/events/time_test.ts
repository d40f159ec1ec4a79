import assert from "node:assert/strict";
import fc from "fast-check";
import { isWritable, rfc3339, utcTime } from "./time.ts";

const READ: readonly (readonly [given: string, utc: string])[] = [
  ["2025-06-28T23:40:13Z", "2025-06-28T23:40:13Z"],
  ["2025-06-28T23:40:13.653Z", "2025-06-28T23:40:13.653Z"],
  ["2025-06-28T23:40:13.123456789Z", "2025-06-28T23:40:13.123456789Z"],
  ["2025-06-28t23:40:13z", "2025-06-28T23:40:13Z"],
  ["2025-06-28T23:40:13+02:00", "2025-06-28T21:40:13Z"],
  ["2025-06-28T23:40:13.5-07:30", "2025-06-29T07:10:13.5Z"],
  ["2025-06-28T23:40:13-00:00", "2025-06-28T23:40:13Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
  ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"],
  ["0050-03-01T01:00:00+01:00", "0050-03-01T00:00:00Z"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"],
  ["2017-01-01T00:59:60.25+01:00", "2016-12-31T23:59:59.999Z"],
];

const REFUSED: readonly string[] = [
  "",
  "now",
  "2025-06-28",
  "2025-06-28T23:40Z",
  "2025-06-28T23:40:13",
  "2025-06-28 23:40:13Z",
  "2025-06-28T23:40:13.Z",
  "2025-06-28T23:40:13,5Z",
  "2025-06-28T23:40:13.5xZ",
  "2025-06-28T23:40:13+0200",
  "2025-06-28T23:40:13+24:00",
  "2025-06-28T23:40:13+02:60",
  "2025-02-30T00:00:00Z",
  "2025-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2025-04-31T00:00:00Z",
  "2025-13-01T00:00:00Z",
  "2025-00-01T00:00:00Z",
  "2025-01-00T00:00:00Z",
  "2025-01-01T24:00:00Z",
  "2025-01-01T00:60:00Z",
  "2025-01-01T00:00:61Z",
  "2025-01-01T12:00:60Z",
  "0000-01-01T00:00:00+01:00",
  "9999-12-31T23:59:59-01:00",
  "+010000-01-01T00:00:00Z",
  "20２5-06-28T23:40:13Z",
  " 2025-06-28T23:40:13Z",
  "2025-06-28T23:40:13Z\n",
  `2025-06-28T23:40:13.${"1".repeat(60)}Z`,
];

Deno.test("date-times of RFC 3339 are read and turned into UTC", () => {
  for (const [given, utc] of READ) assert.equal(utcTime(given), utc, given);
});

Deno.test("what is no date-time, or no date, is refused", () => {
  for (const given of REFUSED) assert.equal(utcTime(given), null, given);
});

Deno.test("every instant survives the way through any offset", () => {
  const ms = fc.integer({ min: -60_000_000_000_000, max: 253_000_000_000_000 });
  fc.assert(
    fc.property(ms, fc.integer({ min: -1439, max: 1439 }), (atMs, offset) => {
      const local = new Date(atMs + offset * 60_000).toISOString().slice(0, -1);
      const pad = (n: number): string => String(n).padStart(2, "0");
      const sign = offset < 0 ? "-" : "+";
      const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
      assert.equal(Date.parse(utcTime(local + zone)!), atMs);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("what is read can always be read by Date, and reading it again changes nothing", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d{1,9})?Z$/), (text) => {
      const utc = utcTime(text);
      if (utc === null) return;
      assert.ok(!Number.isNaN(Date.parse(utc)), utc);
      assert.equal(utcTime(utc), utc);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("reading never throws", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(utcTime(text), null)));
});

Deno.test("every number becomes a date-time", () => {
  assert.equal(rfc3339(0), "1970-01-01T00:00:00.000Z");
  assert.equal(rfc3339(NaN), "1970-01-01T00:00:00.000Z");
  assert.equal(rfc3339(Infinity), "9999-12-31T23:59:59.999Z");
  assert.equal(rfc3339(-Infinity), "0000-01-01T00:00:00.000Z");
  fc.assert(fc.property(fc.double(), (ms) => assert.notEqual(utcTime(rfc3339(ms)), null)));
});

Deno.test("only the years 0000 to 9999 can be written", () => {
  assert.ok(isWritable(Date.parse("9999-12-31T23:59:59.999Z")));
  assert.ok(!isWritable(Date.parse("9999-12-31T23:59:59.999Z") + 1));
  assert.ok(isWritable(Date.parse("0000-01-01T00:00:00Z")));
  assert.ok(!isWritable(Date.parse("0000-01-01T00:00:00Z") - 1));
  assert.ok(!isWritable(NaN));
});
