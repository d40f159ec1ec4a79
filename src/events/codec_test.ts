import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeEntry, decodeSorted, encodeEvent, peekIdentifiers, peekRouting } from "./codec.ts";
import { DataHabit } from "./data_habit.ts";
import type { Event } from "./event.ts";
import { packed } from "./packed_fixtures_test.ts";
import { sortFields } from "./sorted.ts";
import { epochMs, plainUtcMs, utcTime } from "./time.ts";
import { completeEvent } from "./validate.ts";

const ID = "1751154013653-7";
const ENTRY_TIME = "2025-06-28T23:40:13.653Z";
type Value = string | Uint8Array;
const toBytes = (value: Value): Uint8Array => typeof value === "string" ? new TextEncoder().encode(value) : value;
const decode = (fields: readonly Value[], id = ID): ReturnType<typeof decodeEntry> =>
  decodeEntry({ stream: "s", id, fields: fields.map(toBytes) });

function read(fields: readonly Value[], id = ID): Event<unknown> {
  const decoded = decode(fields, id);
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.problem);
  return decoded.event;
}

function unreadable(fields: readonly Value[], problem: RegExp, type: string | null): void {
  const decoded = decode(fields);
  assert.ok(!decoded.ok, "decoded although it should not be");
  assert.match(decoded.problem, problem);
  assert.equal(decoded.type, type);
}

Deno.test("an event is written as flat fields in a fixed order", () => {
  const event = completeEvent({
    type: "order.placed",
    id: "1",
    source: "/shop",
    subject: "order-1",
    time: ENTRY_TIME,
    datacontenttype: "text/plain",
    data: "hi",
    extensions: { correlationid: "c" },
  }, { id: () => "x", source: "x", nowMs: 0, maxBytes: 100 });
  assert.deepEqual(encodeEvent(event), [
    ...["id", "1", "type", "order.placed", "source", "/shop", "time", ENTRY_TIME, "subject", "order-1"],
    ...["datacontenttype", "text/plain", "data", "hi", "correlationid", "c"],
  ]);
});

Deno.test("what is absent and the default content type are not written", () => {
  const event = completeEvent({ type: "t" }, { id: () => "1", source: "s", nowMs: 0, maxBytes: 100 });
  assert.deepEqual(encodeEvent(event), ["id", "1", "type", "t", "source", "s", "time", "1970-01-01T00:00:00.000Z"]);
});

Deno.test("an entry with nothing but a type is an event", () => {
  assert.deepEqual({ ...read(["type", "t"]), extensions: {} }, {
    id: ID,
    type: "t",
    source: "unknown",
    time: ENTRY_TIME,
    datacontenttype: "application/json",
    data: undefined,
    extensions: {},
    entry: { stream: "s", id: ID },
  });
});

Deno.test("the aliases of strangers are read", () => {
  const event = read([
    "event",
    "t",
    "payload",
    '{"a":1}',
    "aggregateId",
    "k",
    "timestamp",
    "2020-01-01T01:00:00+01:00",
  ]);
  assert.deepEqual([event.type, event.data, event.subject, event.time], ["t", { a: 1 }, "k", "2020-01-01T00:00:00Z"]);
  assert.deepEqual(Object.keys(event.extensions), []);
});

Deno.test("the names of CloudEvents win over their aliases, wherever they stand", () => {
  const aliases = ["event", "e", "payload", "9", "aggregateId", "a", "timestamp", "0"];
  const names = ["type", "t", "data", "1", "subject", "s", "time", "2020-01-01T00:00:00Z"];
  for (const fields of [[...aliases, ...names], [...names, ...aliases]]) {
    const event = read(fields);
    assert.deepEqual([event.type, event.data, event.subject, event.time], ["t", 1, "s", "2020-01-01T00:00:00Z"]);
    assert.deepEqual({ ...event.extensions }, { event: "e", payload: "9", aggregateId: "a", timestamp: "0" });
  }
});

Deno.test("the first of a repeated name wins, extensions included", () => {
  const event = read(["type", "a", "type", "b", "x", "1", "x", "2", "data", "1", "data", "{", "event", "c"]);
  assert.deepEqual([event.type, event.data, event.extensions["x"]], ["a", 1, "1"]);
});

Deno.test("epoch milliseconds are read from a timestamp, and only there", () => {
  assert.equal(read(["type", "t", "timestamp", "1577836800000"]).time, "2020-01-01T00:00:00.000Z");
  assert.equal(read(["type", "t", "timestamp", "-1"]).time, "1969-12-31T23:59:59.999Z");
  assert.equal(read(["type", "t", "time", "1577836800000"]).time, ENTRY_TIME);
});

Deno.test("an unreadable time is the entry's", () => {
  const times: Value[] = [
    "",
    "yesterday",
    "NaN",
    "1e3",
    "999999999999999999",
    "2025-02-30T00:00:00Z",
    "9".repeat(10_000),
  ];
  for (const time of [...times, Uint8Array.of(0xff)]) {
    assert.equal(read(["type", "t", "timestamp", time]).time, ENTRY_TIME);
    assert.equal(read(["type", "t", "time", time, "timestamp", "0"]).time, ENTRY_TIME);
  }
});

Deno.test("the time of an entry id far in the future or of no id at all is clamped", () => {
  assert.equal(read(["type", "t"], "18446744073709551615-18446744073709551615").time, "9999-12-31T23:59:59.999Z");
  assert.equal(read(["type", "t"], "253402300800000-0").time, "9999-12-31T23:59:59.999Z");
  assert.equal(read(["type", "t"], "garbage").time, "1970-01-01T00:00:00.000Z");
});

Deno.test("an entry without a readable type is undecodable", () => {
  unreadable([], /no type/, null);
  unreadable(["", ""], /no type/, null);
  unreadable(["data", "{}"], /no type/, null);
  unreadable(["type", ""], /empty/, null);
  unreadable(["type", "", "event", "t"], /empty/, null);
  unreadable(["type", Uint8Array.of(0x74, 0xff)], /not UTF-8/, null);
});

Deno.test("JSON data that is none is undecodable, and the type is known", () => {
  for (const data of ["", "{", "undefined", "{'a':1}", "NaN", "1 2", "\0"]) {
    unreadable(["type", "t", "data", data], /not JSON.*want application\/json/, "t");
  }
  unreadable(["type", "t", "data", Uint8Array.of(0x22, 0xff, 0x22)], /not UTF-8/, "t");
  unreadable(["type", "t", "datacontenttype", "application/x+json", "payload", "{"], /not JSON/, "t");
});

Deno.test("any JSON value is data, a byte order mark before it is no fault", () => {
  for (const data of ["null", "1", '"x"', "[]", "true", "\ufeff{}", " {} "]) {
    assert.deepEqual(read(["type", "t", "data", data]).data, JSON.parse(data.replace("\ufeff", "")));
  }
});

Deno.test("data of other content types is bytes of its own, so that nobody can change the original", () => {
  // A Buffer, whose `slice` shares its memory.
  const original = Buffer.from([0, 255, 10]);
  const event = read(["type", "t", "datacontenttype", "text/plain", "data", original]);
  assert.deepEqual(event.data, Uint8Array.of(0, 255, 10));
  (event.data as Uint8Array)[0] = 1;
  assert.equal(original[0], 0);
});

Deno.test("text that is not UTF-8 stays distinct in id, source and subject, and is lossy in extensions", () => {
  const one = Uint8Array.of(0x61, 0xff);
  const other = Uint8Array.of(0x61, 0xfe);
  const event = read(["type", "t", "id", one, "source", one, "subject", one, "x", one]);
  assert.deepEqual([event.id, event.source, event.subject, event.extensions["x"]], ["a%FF", "a%FF", "a%FF", "a\ufffd"]);
  assert.notEqual(event.id, read(["type", "t", "id", other]).id);
});

Deno.test("empty attributes are as if absent", () => {
  const event = read(["type", "t", "id", "", "source", "", "subject", "", "datacontenttype", "", "data", "1"]);
  assert.deepEqual([event.id, event.source, event.datacontenttype, event.data], [ID, "unknown", "application/json", 1]);
  assert.ok(!("subject" in event));
});

Deno.test("field names that mean something to JavaScript are plain names", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", ""];
  const event = read(["type", "t", ...names.flatMap((name) => [name, "v"]), "data", '{"__proto__":{"x":1}}']);
  assert.deepEqual(Object.keys(event.extensions), names);
  assert.equal(Object.getPrototypeOf(event.extensions), null);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

Deno.test("no extensions are nobody's to change", () => {
  assert.throws(() => Object.assign(read(["type", "t"]).extensions, { a: "1" }), TypeError);
});

Deno.test("a name without a value is no field", () => assert.equal(read(["type", "t", "subject"]).subject, undefined));

Deno.test("data that is nested a million deep is read or refused, not a crash", () => {
  const depth = 1_000_000;
  const data = "[".repeat(depth) + "]".repeat(depth);
  const decoded = decode(["type", "t", "data", data]);
  assert.ok(decoded.ok || /not JSON/.test(decoded.problem));
});

Deno.test("a field of a megabyte and ten thousand fields are read", () => {
  const fields = Array.from({ length: 10_000 }, (_, n) => [`x${n}`, "v"]).flat();
  const event = read(["type", "t", "id", "i".repeat(1_000_000), ...fields]);
  assert.equal(event.id.length, 1_000_000);
  assert.equal(Object.keys(event.extensions).length, 10_000);
});

const name = fc.constantFrom("id", "type", "source", "time", "subject", "datacontenttype", "data", "x", "__proto__");
const alias = fc.constantFrom("event", "payload", "aggregateId", "timestamp", "");
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.uint8Array({ maxLength: 12 }),
  fc.constantFrom("", "1", "{}", "{", "application/json", "text/plain", "a+json", "0", ENTRY_TIME),
);
const anyFields = fc.array(fc.tuple(fc.oneof(name, alias, value), value), { maxLength: 12 }).map((pairs) =>
  pairs.flat()
);

Deno.test("reading never throws, never changes the fields, and gives what an event must have", () => {
  fc.assert(
    fc.property(anyFields, fc.oneof(fc.constant(ID), fc.string()), (fields, id) => {
      const bytes = fields.map(toBytes);
      const before = bytes.map((field) => field.slice());
      const decoded = decodeEntry({ stream: "s", id, fields: bytes });
      assert.deepEqual(bytes, before);
      if (!decoded.ok) return;
      assert.ok(decoded.event.type !== "" && decoded.event.source !== "");
      assert.notEqual(utcTime(decoded.event.time), null);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("the quick look agrees with the full reading", () => {
  fc.assert(
    fc.property(anyFields, (fields) => {
      const bytes = fields.map(toBytes);
      const decoded = decodeEntry({ stream: "s", id: ID, fields: bytes });
      const routing = peekRouting(bytes);
      assert.equal(routing.type, decoded.ok ? decoded.event.type : decoded.type);
      if (decoded.ok) assert.equal(routing.subject, decoded.event.subject ?? null);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("what is published is what is read", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
    // deno-lint-ignore no-control-regex -- control characters are refused
    .filter((given) => given.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(given));
  const time = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(253_402_300_799_999) })
    .map((date) => date.toISOString());
  const extensions = fc.dictionary(fc.stringMatching(/^x[a-z0-9]{0,20}$/), text);
  const body = fc.oneof(
    fc.record({ datacontenttype: fc.constantFrom("application/json", "application/x+json"), data: fc.jsonValue() }),
    fc.record({ datacontenttype: fc.constant("image/png"), data: fc.uint8Array() }),
  );
  const init = fc.tuple(fc.record({ id: text, type: text, source: text, subject: text, time, extensions }), body);
  fc.assert(
    fc.property(init, ([attributes, { datacontenttype, data }]) => {
      const given = { ...attributes, datacontenttype, data };
      const event = completeEvent(given, { id: () => "x", source: "x", nowMs: 0, maxBytes: 1e6 });
      const { entry, extensions, data: readData, ...rest } = read(encodeEvent(event));
      assert.deepEqual(entry, { stream: "s", id: ID });
      const { extensions: givenExtensions, ...givenRest } = attributes;
      assert.deepEqual(rest, { ...givenRest, datacontenttype });
      assert.deepEqual({ ...extensions }, { ...givenExtensions });
      assert.deepEqual(readData, data instanceof Uint8Array ? new Uint8Array(data) : JSON.parse(JSON.stringify(data)));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("packed fields are read to the same result as fields apart, whatever is in them", () => {
  const name = fc.constantFrom(
    "id",
    "type",
    "source",
    "time",
    "subject",
    "datacontenttype",
    "data",
    "event",
    "payload",
    "x",
  );
  const text = fc.oneof(
    fc.constantFrom(
      "order.placed",
      '{"a":1}',
      "{",
      "",
      "text/plain",
      "2026-01-02T03:04:05.678Z",
      "ü",
      "\ufffd",
      "\ufeff1",
    ),
    fc.string({ unit: "binary" }),
  ).map((value) => new TextEncoder().encode(value));
  const pairs = fc.array(fc.tuple(name, fc.oneof(text, fc.uint8Array({ maxLength: 20 }))), { maxLength: 9 });
  fc.assert(fc.property(pairs, fc.nat(50), (entries, before) => {
    const fields = entries.flatMap(([key, value]) => [new TextEncoder().encode(key), value]);
    const whole = packed(fields, before);
    const entry = { stream: "s", id: "1700000000000-0" };
    assert.deepEqual(decodeEntry({ ...entry, fields: whole }), decodeEntry({ ...entry, fields }));
    assert.deepEqual(peekRouting(whole), peekRouting(fields));
    assert.deepEqual(whole.unpack().map((field) => [...field]), fields.map((field) => [...field]));
  }));
});

Deno.test("data that is left to be parsed later gives the same events, and the same problems, as data parsed at once", () => {
  const name = fc.constantFrom("id", "type", "event", "subject", "time", "datacontenttype", "data", "payload", "x");
  const json = fc.jsonValue().map((given) => JSON.stringify(given));
  const text = fc.oneof(
    fc.constantFrom(
      "t",
      "text/plain",
      "a+json",
      "2026-01-02T03:04:05.678Z",
      "",
      "{",
      " [1, 2]\r\n",
      "01",
      "nul",
      "1e5",
    ),
    fc.tuple(json, fc.nat(40), fc.constantFrom("", ...'{}[],:1"\\ ')).map(([whole, at, char]) =>
      whole.slice(0, at) + char + whole.slice(at + 1)
    ),
    json,
  );
  const pairs = fc.array(fc.oneof(fc.tuple(name, text), fc.tuple(fc.constantFrom("data", "payload"), json)), {
    maxLength: 6,
  });
  let left = 0;
  let problems = 0;
  fc.assert(
    fc.property(pairs, (entries) => {
      const whole = packed(["type", "t", ...entries.flat()]);
      const sorted = sortFields(whole, whole.asciiText() ?? undefined);
      const now = decodeSorted("s", ID, sorted);
      const later = decodeSorted("s", ID, sorted, new DataHabit());
      if (!later.ok) problems++;
      else if (Object.getOwnPropertyDescriptor(later.event, "data")?.get) left++;
      assert.deepEqual(later, now);
      assert.deepEqual(decodeEntry({ stream: "s", id: ID, fields: whole.unpack() }), now);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(left > 500 && problems > 100, `${left} left, ${problems} problems`);
});

Deno.test("times are read as Date.parse reads them", () => {
  const at = fc.date({
    min: new Date("0000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(fc.property(at, fc.nat(9), (date, from) => {
    const bytes = new TextEncoder().encode(" ".repeat(from) + date.toISOString() + "1");
    assert.equal(plainUtcMs(bytes, from, bytes.length - 1), date.getTime());
    assert.equal(epochMs(date.toISOString()), date.getTime());
  }));
  assert.equal(epochMs("2026-01-02T03:04:05Z"), Date.parse("2026-01-02T03:04:05Z"));
  assert.ok(Number.isNaN(epochMs("nonsense of 24 letters!.")));
});

Deno.test("what is read in passing is read as with care: what is no plain time is left to that", () => {
  const char = fc.constantFrom(..."0123456789999-:.TZ tz+");
  const spoilt = fc.tuple(fc.constantFrom("2024-02-29T23:59:59.999Z", "2100-02-28T00:00:00.000Z"), fc.nat(23), char);
  const part = (max: number, width: number): fc.Arbitrary<string> =>
    fc.nat(max).map((value) => String(value).padStart(width, "0"));
  const any = fc.tuple(part(9_999, 4), part(13, 2), part(32, 2), part(25, 2), part(61, 2), part(61, 2), part(999, 3))
    .map(([year, month, day, hour, minute, second, ms]) =>
      `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`
    );
  const text = fc.oneof(any, spoilt.map(([time, at, by]) => time.slice(0, at) + by + time.slice(at + 1)));
  fc.assert(
    fc.property(text, (given) => {
      const found = plainUtcMs(new TextEncoder().encode(given), 0, given.length);
      if (Number.isNaN(found)) return;
      assert.equal(utcTime(given), given);
      assert.equal(found, Date.parse(given));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("an entry without a correlation id is correlated as its handler is: by the id of its event", () => {
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const cases: [readonly string[], string, string?][] = [
    [
      ["type", "t", "id", "e-1", "correlationid", "c-1", "traceparent", trace],
      "c-1",
      "0af7651916cd43dd8448eb211c80319c",
    ],
    [["type", "t", "id", "e-1"], "e-1"],
    [["type", "t", "id", "", "traceparent", "nonsense"], "7-0"],
    [["foo", "bar"], "7-0"],
  ];
  for (const [fields, correlationId, traceId] of cases) {
    const entry = { stream: "s", id: "7-0", fields: fields.map((text) => new TextEncoder().encode(text)) };
    const found = peekIdentifiers({ fields: entry.fields, entryId: entry.id });
    assert.deepEqual(found, { correlationId, ...(traceId === undefined ? {} : { traceId }) });
    const decoded = decodeEntry(entry);
    if (decoded.ok) assert.equal(decoded.event.extensions["correlationid"] ?? decoded.event.id, found.correlationId);
  }
});
