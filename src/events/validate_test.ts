import assert from "node:assert/strict";
import fc from "fast-check";
import { ServiceError } from "../errors.ts";
import type { EventInit } from "./event.ts";
import { completeEvent, EVENT_LIMITS, type EventDefaults, EventInvalidError, EventTooLargeError } from "./validate.ts";

const NOW = Date.parse("2025-06-28T23:40:13.653Z");
const DEFAULTS: EventDefaults = { id: () => "made", source: "service", nowMs: NOW, maxBytes: 1_000 };
const complete = (init: unknown, defaults: Partial<EventDefaults> = {}): ReturnType<typeof completeEvent> =>
  completeEvent(init as EventInit, { ...DEFAULTS, ...defaults });

function refused(init: unknown, attribute: string, message?: RegExp): void {
  assert.throws(() => complete(init), (error: unknown) => {
    assert.ok(error instanceof EventInvalidError, String(error));
    assert.equal(error.code, "event_invalid");
    assert.equal(error.attribute, attribute);
    assert.match(error.message, /^Cannot publish the event: .+, want .+/);
    if (message) assert.match(error.message, message);
    return true;
  });
}

Deno.test("what is absent is filled in", () => {
  const event = complete({ type: "t" }, { traceparent: "00-a", correlationId: "c" });
  assert.deepEqual({ ...event, extensions: { ...event.extensions } }, {
    id: "made",
    type: "t",
    source: "service",
    time: "2025-06-28T23:40:13.653Z",
    datacontenttype: "application/json",
    extensions: { traceparent: "00-a", correlationid: "c" },
  });
});

Deno.test("what is given is kept as it is", () => {
  const init = {
    id: "1",
    type: "order.placed",
    source: "/shop",
    subject: "order/1",
    time: "2025-06-28T23:40:13+02:00",
    datacontenttype: "text/plain; charset=utf-8",
    data: "hello",
    extensions: { traceparent: "mine", correlationid: "mine too", x1: "" },
  };
  const { extensions, body, ...rest } = complete(init, { traceparent: "other", correlationId: "other" });
  const { extensions: givenExtensions, data, ...given } = init;
  assert.deepEqual(rest, given);
  assert.equal(body, data);
  assert.deepEqual({ ...extensions }, givenExtensions);
});

Deno.test("null and undefined are absent", () => {
  const event = complete({
    type: "t",
    id: undefined,
    source: null,
    subject: null,
    time: undefined,
    datacontenttype: null,
    data: undefined,
    extensions: { a: null, b: undefined },
  });
  assert.equal(event.id, "made");
  assert.ok(!("subject" in event) && !("body" in event));
  assert.deepEqual(Object.keys(event.extensions), []);
});

Deno.test("null is data", () => assert.equal(complete({ type: "t", data: null }).body, "null"));

for (const attribute of ["id", "type", "source", "subject"] as const) {
  Deno.test(`${attribute} must be a non-empty string of limited length without control characters`, () => {
    const limit = EVENT_LIMITS[attribute];
    const good = { type: "t" };
    assert.equal(complete({ ...good, [attribute]: "x".repeat(limit) })[attribute], "x".repeat(limit));
    refused({ ...good, [attribute]: "x".repeat(limit + 1) }, attribute, /characters/);
    refused({ ...good, [attribute]: "" }, attribute, /empty/);
    refused({ ...good, [attribute]: 7 }, attribute, /of type number/);
    refused({ ...good, [attribute]: ["a"] }, attribute, /an array/);
    refused({ ...good, [attribute]: "a\ud800" }, attribute, /half a character/);
    for (const bad of ["\0", "\n", "\x1b[31m", "\x7f", "\x9b"]) {
      refused({ ...good, [attribute]: `a${bad}` }, attribute, /control/);
    }
  });
}

Deno.test("each control character is refused, and nothing else for its code", () => {
  for (let code = 0; code < 0x300; code++) {
    const subject = `a${String.fromCharCode(code)}`;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    if (isControl) refused({ type: "t", subject }, "subject", /control character/);
    else assert.equal(complete({ type: "t", subject }).subject, subject);
    const { extensions } = complete({ type: "t" }, { correlationId: subject });
    assert.equal(extensions["correlationid"], isControl ? undefined : subject);
  }
  for (const subject of ["\ud800", "a\udc00"]) refused({ type: "t", subject }, "subject", /half a character/);
});

Deno.test("an event without a type, or that is none, is refused", () => {
  refused({}, "type");
  refused(null, "type");
  refused("order.placed", "type");
  refused(undefined, "type");
});

Deno.test("time must be RFC 3339", () => {
  for (const time of ["yesterday", "2025-02-30T00:00:00Z", "1751154013653", "2025-06-28"]) {
    refused({ type: "t", time }, "time");
  }
  refused({ type: "t", time: 1751154013653 }, "time");
});

Deno.test("datacontenttype must be a media type", () => {
  for (const datacontenttype of ["json", "", "a/b/c", "text plain", "/", "text/"]) {
    refused({ type: "t", datacontenttype }, "datacontenttype");
  }
});

Deno.test("extension names are lower-case letters and digits, and no attribute's", () => {
  for (const name of ["", "Upper", "with-dash", "with_underscore", "ünï", "a".repeat(65)]) {
    refused({ type: "t", extensions: { [name]: "v" } }, name.slice(0, 64));
  }
  for (const name of ["id", "type", "source", "subject", "time", "datacontenttype", "data"]) {
    refused({ type: "t", extensions: { [name]: "v" } }, name, /name of an attribute/);
  }
  assert.equal(complete({ type: "t", extensions: { ["a".repeat(64)]: "v" } }).extensions["a".repeat(64)], "v");
});

Deno.test("hostile extension names are refused and poison nothing", () => {
  refused({ type: "t", extensions: JSON.parse('{"__proto__":"x"}') }, "__proto__");
  assert.equal(complete({ type: "t", extensions: { constructor: "x" } }).extensions["constructor"], "x");
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

Deno.test("extension values are strings of limited length, and there are not too many", () => {
  refused({ type: "t", extensions: { a: 1 } }, "a", /of type number/);
  refused({ type: "t", extensions: { a: "\r\n" } }, "a", /control/);
  refused({ type: "t", extensions: { a: "x".repeat(4_097) } }, "a");
  refused({ type: "t", extensions: "no" }, "extensions");
  const many = (count: number): unknown => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x${n}`, ""]));
  assert.equal(Object.keys(complete({ type: "t", extensions: many(64) }).extensions).length, 64);
  refused({ type: "t", extensions: many(65) }, "extensions");
});

Deno.test("specversion 1.0 may be said and is not written, any other is refused", () => {
  assert.deepEqual(Object.keys(complete({ type: "t", extensions: { specversion: "1.0" } }).extensions), []);
  refused({ type: "t", extensions: { specversion: "0.3" } }, "specversion");
});

Deno.test("an extension that a reader would take for data is refused", () => {
  refused({ type: "t", extensions: { payload: "x" } }, "payload");
  assert.equal(complete({ type: "t", data: 1, extensions: { payload: "x" } }).extensions["payload"], "x");
});

Deno.test("hostile inherited values are left out", () => {
  for (const value of ["a\nb", "\ud800", "x".repeat(5_000)]) {
    const { extensions } = complete({ type: "t" }, { traceparent: value, correlationId: value });
    assert.deepEqual(Object.keys(extensions), []);
  }
});

Deno.test("deliverat is read, bounded and left in UTC", () => {
  const event = complete({ type: "t", extensions: { deliverat: "2025-06-29T02:00:00+02:00" } });
  assert.equal(event.deliverAtMs, Date.parse("2025-06-29T00:00:00Z"));
  assert.equal(event.extensions["deliverat"], "2025-06-29T00:00:00Z");
  assert.equal(complete({ type: "t", extensions: { deliverat: "1999-01-01T00:00:00Z" } }).deliverAtMs, 915148800000);
  refused({ type: "t", extensions: { deliverat: "soon" } }, "deliverat");
  refused({ type: "t", extensions: { deliverat: "2025-08-01T00:00:00Z" } }, "deliverat", /30 days/);
});

Deno.test("JSON data is written at once, so that later changes are not published", () => {
  const data = { a: [1, { b: "ü" }] };
  const event = complete({ type: "t", data });
  data.a.length = 0;
  assert.equal(event.body, '{"a":[1,{"b":"ü"}]}');
});

Deno.test("data that JSON cannot say is refused", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const throws = {
    toJSON: () => {
      throw new Error("no");
    },
  }; // deno-fmt-ignore
  const hostile = { toJSON: () => { throw { toString: () => { throw 1; } }; } }; // deno-fmt-ignore
  for (const data of [circular, 1n, { a: 1n }, () => 1, Symbol("x"), throws, hostile]) {
    refused({ type: "t", data }, "data", /JSON/);
  }
});

Deno.test("data that is nested a million deep is written or refused, not a crash", () => {
  let deep: unknown = 1;
  for (let n = 0; n < 1_000_000; n++) deep = [deep];
  try {
    assert.equal(complete({ type: "t", data: deep }, { maxBytes: 1e7 }).body?.length, 2_000_001);
  } catch (error) {
    assert.ok(error instanceof EventInvalidError, String(error));
  }
});

Deno.test("bytes under a JSON content type must hold JSON and are written as they are", () => {
  const bytes = new TextEncoder().encode('{"big": 12345678901234567890}');
  assert.deepEqual(complete({ type: "t", data: bytes }).body, bytes);
  refused({ type: "t", data: new TextEncoder().encode("{") }, "data");
  refused({ type: "t", data: Uint8Array.of(0x22, 0xff, 0x22) }, "data", /UTF-8/);
});

Deno.test("data of other content types is a string or bytes, and the bytes are copied", () => {
  const bytes = Uint8Array.of(0, 255, 128);
  const event = complete({ type: "t", datacontenttype: "image/png", data: bytes });
  bytes[0] = 9;
  assert.deepEqual(event.body, Uint8Array.of(0, 255, 128));
  for (const data of [{}, 1, null, true]) refused({ type: "t", datacontenttype: "image/png", data }, "data");
});

Deno.test("the limit on data counts bytes of UTF-8, to the byte", () => {
  const fits = "ü".repeat(500);
  assert.equal(complete({ type: "t", datacontenttype: "text/plain", data: fits }).body, fits);
  for (
    const [datacontenttype, data, bytes] of [
      ["text/plain", `${fits}x`, 1_001],
      ["application/json", "x".repeat(999), 1_001],
      ["image/png", new Uint8Array(1_001), 1_001],
    ] as const
  ) {
    assert.throws(() => complete({ type: "t", datacontenttype, data }), (error: unknown) => {
      assert.ok(error instanceof EventTooLargeError);
      assert.deepEqual([error.code, error.bytes, error.maxBytes], ["event_too_large", bytes, 1_000]);
      return true;
    });
  }
});

Deno.test("anything at all is either completed or refused with an error of ours", () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true });
  const text = fc.oneof(anything, fc.string({ unit: "binary" }));
  const init = fc.record({
    id: text,
    type: fc.oneof(text, fc.constant("t")),
    source: text,
    subject: text,
    time: text,
    datacontenttype: fc.oneof(text, fc.constantFrom("application/json", "text/plain")),
    data: anything,
    extensions: fc.oneof(anything, fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,3}$/), text)),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(init, anything), (given) => {
      try {
        assert.equal(typeof complete(given).type, "string");
      } catch (error) {
        assert.ok(error instanceof ServiceError, String(error));
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("an attribute that events do not have is refused by name; a received event may be published again", () => {
  const odd = (more: object): unknown => ({ type: "t", ...more });
  for (const name of ["deliverat", "subjekt", "traceparent", "__typo__"]) {
    assert.throws(
      () => completeEvent(odd({ [name]: "x" }) as EventInit, DEFAULTS),
      (error: unknown) => error instanceof EventInvalidError && error.attribute === name,
      name,
    );
  }
  for (const more of [{ specversion: "1.0" }, { entry: { stream: "s", id: "1-0" } }, { subjekt: undefined }]) {
    assert.equal(completeEvent(odd(more) as EventInit, DEFAULTS).type, "t");
  }
});
