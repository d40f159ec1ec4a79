import assert from "node:assert/strict";
import fc from "fast-check";
import { EventInvalidError } from "./errors.ts";
import { eventOfHeaders, eventOfJson, httpModeOf } from "./http_codec.ts";

const MINIMAL = { specversion: "1.0", id: "1", source: "/s", type: "t" };
const HEADERS = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const NOTHING = new Uint8Array(0);

function attributeAtFault(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof EventInvalidError, String(error));
    return error.attribute;
  }
  assert.fail("it was taken");
}

Deno.test("the mode follows from the content type, and from ce-* headers for any other", () => {
  const cases: [Record<string, string>, string | null][] = [
    [{ "content-type": "application/cloudevents+json" }, "structured"],
    [{ "content-type": "Application/CloudEvents+JSON; charset=UTF-8" }, "structured"],
    [{ "content-type": 'application/cloudevents+json;charset="utf-8"' }, "structured"],
    [{ "content-type": "application/cloudevents+json", "ce-id": "1" }, "structured"],
    [{ "content-type": "application/cloudevents-batch+json" }, "batch"],
    [{ "content-type": "text/plain", "ce-type": "t" }, "binary"],
    [{ "CE-Type": "t" }, "binary"],
    [{ "content-type": "application/cloudevents+xml", "ce-type": "t" }, null],
    [{ "content-type": "application/cloudevents" }, null],
    [{ "content-type": "application/cloudevents+json; charset=utf-16" }, null],
    [{ "content-type": "application/json" }, null],
    [{}, null],
  ];
  for (const [headers, mode] of cases) assert.equal(httpModeOf(new Headers(headers)), mode, JSON.stringify(headers));
});

Deno.test("an event in JSON keeps attributes, data and every extension", () => {
  const event = eventOfJson({
    ...MINIMAL,
    subject: "s",
    time: "2025-01-01T00:00:00Z",
    datacontenttype: "application/json",
    data: { a: [1] },
    dataschema: "https://x/y",
    tenant: "a",
    flag: true,
    count: 42,
    absent: null,
  });
  assert.deepEqual(event.data, { a: [1] });
  assert.deepEqual({ ...event.extensions }, { dataschema: "https://x/y", tenant: "a", flag: "true", count: "42" });
  assert.equal(event.subject, "s");
});

Deno.test("an integer that no double holds stays what it was", () => {
  const raw = (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON("9007199254740993");
  assert.equal(eventOfJson({ ...MINIMAL, big: raw }).extensions?.["big"], "9007199254740993");
});

Deno.test("what is wrong with an event in JSON is told by its attribute", () => {
  const raw = (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON("1e400");
  const cases: [unknown, string][] = [
    [null, "type"],
    [[], "type"],
    ["x", "type"],
    [raw, "type"],
    [{}, "specversion"],
    [{ ...MINIMAL, specversion: "0.3" }, "specversion"],
    [{ ...MINIMAL, specversion: 1 }, "specversion"],
    [{ ...MINIMAL, id: undefined }, "id"],
    [{ ...MINIMAL, id: null }, "id"],
    [{ ...MINIMAL, id: 5 }, "id"],
    [{ ...MINIMAL, source: undefined }, "source"],
    [{ ...MINIMAL, type: undefined }, "type"],
    [{ ...MINIMAL, type: {} }, "type"],
    [{ ...MINIMAL, subject: 1 }, "subject"],
    [{ ...MINIMAL, time: 1 }, "time"],
    [{ ...MINIMAL, datacontenttype: [] }, "datacontenttype"],
    [{ ...MINIMAL, data: 1, data_base64: "AA==" }, "data_base64"],
    [{ ...MINIMAL, data_base64: "A" }, "data_base64"],
    [{ ...MINIMAL, data_base64: "A===" }, "data_base64"],
    [{ ...MINIMAL, data_base64: "A A=" }, "data_base64"],
    [{ ...MINIMAL, data_base64: 1 }, "data_base64"],
    [{ ...MINIMAL, ext: {} }, "ext"],
    [{ ...MINIMAL, ext: 1.5 }, "ext"],
    [{ ...MINIMAL, ext: raw }, "ext"],
  ];
  for (const [value, attribute] of cases) {
    assert.equal(attributeAtFault(() => eventOfJson(value)), attribute, JSON.stringify(value));
  }
});

Deno.test("base64 of any size is read, and never takes the stack", () => {
  const bytes = new Uint8Array(3_000_000).fill(255);
  const text = "/".repeat(4_000_000);
  assert.deepEqual(eventOfJson({ ...MINIMAL, data_base64: text }).data, bytes);
  assert.equal(attributeAtFault(() => eventOfJson({ ...MINIMAL, data_base64: `${text}AA*=` })), "data_base64");
});

Deno.test("null is data where data is JSON, and none elsewhere", () => {
  assert.equal(eventOfJson({ ...MINIMAL, data: null }).data, null);
  assert.equal(eventOfJson({ ...MINIMAL, data: null, datacontenttype: "text/plain" }).data, undefined);
  assert.equal(eventOfJson(MINIMAL).data, undefined);
});

Deno.test("header values are unquoted, then decoded once, as UTF-8", () => {
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["%E2%82%AC", "€"],
    ["a%20b", "a b"],
    ["%2520", "%20"],
    ['"a \\" b"', 'a " b'],
    ['"%22"', '"'],
    ['a"b', 'a"b'],
    // As it is in UTF-8, never encoded.
    ["\u00e2\u0082\u00ac", "€"],
  ];
  for (const [given, wanted] of cases) {
    const event = eventOfHeaders(new Headers({ ...HEADERS, "ce-subject": given }), NOTHING);
    assert.equal(event.subject, wanted, given);
  }
});

Deno.test("a header value that cannot be decoded is told by its attribute", () => {
  for (const given of ["%", "%2", "%zz", "100%", "%FF", "\u00e9", "%C3%28"]) {
    const headers = new Headers({ ...HEADERS, "ce-tenant": given });
    assert.equal(attributeAtFault(() => eventOfHeaders(headers, NOTHING)), "tenant", given);
  }
  for (const name of ["specversion", "id", "source", "type"]) {
    const headers = new Headers(HEADERS);
    headers.delete(`ce-${name}`);
    assert.equal(attributeAtFault(() => eventOfHeaders(headers, NOTHING)), name);
  }
});

Deno.test("in binary mode the content type is that of the data, and no body is no data", () => {
  const body = new TextEncoder().encode("hi");
  const event = eventOfHeaders(new Headers({ ...HEADERS, "content-type": "text/plain" }), body);
  assert.equal(event.datacontenttype, "text/plain");
  assert.deepEqual(event.data, body);
  assert.equal(eventOfHeaders(new Headers(HEADERS), NOTHING).data, undefined);
  assert.deepEqual({ ...eventOfHeaders(new Headers(HEADERS), NOTHING).extensions }, {});
});

Deno.test("whatever text an attribute has, percent-encoded it arrives as it was", () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
  fc.assert(fc.property(text, (subject) => {
    const headers = new Headers({ ...HEADERS, "ce-subject": encodeURIComponent(subject) });
    assert.equal(eventOfHeaders(headers, NOTHING).subject, subject);
  }));
});

Deno.test("any JSON value is read or refused by name, never anything else", () => {
  const members = fc.dictionary(
    fc.constantFrom(
      "id",
      "type",
      "source",
      "specversion",
      "data",
      "data_base64",
      "time",
      "__proto__",
      "constructor",
      "x",
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const value = fc.oneof(fc.jsonValue(), members, members.map((more) => ({ ...MINIMAL, ...more })));
  fc.assert(
    fc.property(value, (found) => {
      try {
        const event = eventOfJson(JSON.parse(JSON.stringify(found)));
        assert.equal(typeof event.type, "string");
      } catch (error) {
        assert.ok(error instanceof EventInvalidError && error.attribute !== "", String(error));
      }
    }),
    { numRuns: 500 },
  );
});
