import assert from "node:assert/strict";
import { DurabilityNotReachedError, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import type { StreamStore } from "../store/port.ts";
import { eventsFixture, type EventsFixtureOptions, MINIMAL } from "./events_route_fixtures_test.ts";
import { notReady } from "./fixtures_test.ts";

const BINARY = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/tests", "ce-type": "t" };
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const DAYS_30 = 30 * 24 * 3_600_000;

Deno.test("a structured event is published, and the receipt says what, where and how durably", async () => {
  const { structured, entries, errors } = eventsFixture();
  const response = await structured({ subject: "s-1", data: { n: 1 }, tenant: "a" });
  assert.equal(response.status, 202);
  const [entry] = entries();
  assert.deepEqual(await response.json(), {
    events: [{ id: "e-1", entryId: entry?.entry.id, deduplicated: false }],
    durability: "memory",
  });
  assert.deepEqual([entry?.type, entry?.source, entry?.subject, entry?.data], ["t", "/tests", "s-1", { n: 1 }]);
  assert.equal(entry?.extensions["tenant"], "a");
  assert.equal(errors.length, 0);
});

Deno.test("a batch is published in its order, an empty one too", async () => {
  const { batch, entries, happenings } = eventsFixture();
  const response = await batch([1, 2, 3].map((n) => ({ ...MINIMAL, id: `e-${n}`, type: n < 3 ? "a" : "b" })));
  assert.equal(response.status, 202);
  assert.deepEqual((await response.json()).events.map(({ id }: { id: string }) => id), ["e-1", "e-2", "e-3"]);
  assert.deepEqual(entries().map(({ id }) => id), ["e-1", "e-2", "e-3"]);
  const counted = happenings.flatMap((h) => h.kind === "published" ? [[h.type, h.count]] : []);
  assert.deepEqual(counted, [["a", 2], ["b", 1]]);
  const empty = await batch([]);
  assert.deepEqual([empty.status, await empty.json()], [202, { events: [], durability: "memory" }]);
});

Deno.test("in binary mode the headers are the attributes and the body is the data, of any type", async () => {
  const { post, entries } = eventsFixture();
  const bytes = new Uint8Array([0, 255, 10]);
  const headers = { ...BINARY, "content-type": "image/png", "ce-subject": "%E2%82%AC%20x", "ce-tenant": "a" };
  assert.equal((await post(bytes, headers)).status, 202);
  assert.equal(
    (await post('{ "n": 1.10 }', { ...BINARY, "ce-id": "e-2", "content-type": "application/json" })).status,
    202,
  );
  assert.equal((await post(null, { ...BINARY, "ce-id": "e-3" })).status, 202);
  const [image, json, none] = entries();
  assert.deepEqual([image?.subject, image?.datacontenttype, image?.extensions["tenant"]], ["€ x", "image/png", "a"]);
  assert.deepEqual(image?.data, bytes);
  assert.deepEqual([json?.data, none?.data], [{ n: 1.1 }, undefined]);
});

Deno.test("data_base64 is the data it encodes", async () => {
  const { structured, entries } = eventsFixture();
  const octets = { datacontenttype: "application/octet-stream", data_base64: "AP8K" };
  assert.equal((await structured(octets)).status, 202);
  assert.equal((await structured({ id: "e-2", data_base64: btoa('{"a":1}') })).status, 202);
  assert.deepEqual(entries().map(({ data }) => data), [new Uint8Array([0, 255, 10]), { a: 1 }]);
});

Deno.test("the same source and id adds nothing and gives the first entry id, until the window is over", async () => {
  const { structured, batch, entries, clock } = eventsFixture();
  const first = (await (await structured()).json()).events[0];
  const again = (await (await structured({ data: "other" })).json()).events[0];
  assert.deepEqual(again, { ...first, deduplicated: true });
  const twice = await (await batch([{ ...MINIMAL, id: "e-2" }, { ...MINIMAL, id: "e-2" }, MINIMAL])).json();
  assert.deepEqual(twice.events.map((event: { deduplicated: boolean }) => event.deduplicated), [false, true, true]);
  assert.equal(twice.events[0].entryId, twice.events[1].entryId);
  assert.equal((await structured({ source: "/others" })).status, 202);
  assert.equal(entries().length, 3);
  await clock.advance(600_000);
  assert.equal((await (await structured()).json()).events[0].deduplicated, false);
});

Deno.test("an Idempotency-Key covers a batch as a whole", async () => {
  const { batch, structured, entries } = eventsFixture();
  const headers = { "Idempotency-Key": '"k-1"' };
  const first = await (await batch([MINIMAL, { ...MINIMAL, id: "e-2" }], headers)).json();
  const again = await (await batch([{ ...MINIMAL, id: "x" }, { ...MINIMAL, id: "y" }], headers)).json();
  assert.deepEqual(
    again.events.map(({ entryId, deduplicated }: Record<string, unknown>) => [entryId, deduplicated]),
    first.events.map(({ entryId }: Record<string, unknown>) => [entryId, true]),
  );
  const other = await structured({ id: "z" }, headers);
  assert.equal(other.status, 422);
  assert.equal((await other.json()).code, "idempotency_key_reused");
  assert.equal(entries().length, 2);
});

Deno.test("an Idempotency-Key that is empty, long, repeated or holds a space is a 400", async () => {
  const { structured, entries } = eventsFixture();
  for (const key of ["", "a b", "k".repeat(256), "k, k", "\u00e9"]) {
    const response = await structured({}, { "Idempotency-Key": key });
    assert.equal(response.status, 400, key);
    assert.equal((await response.json()).attribute, "Idempotency-Key");
  }
  assert.equal((await structured({}, { "Idempotency-Key": "k".repeat(255) })).status, 202);
  assert.equal(entries().length, 1);
});

Deno.test("a batch with one bad event publishes none, and names index and attribute", async () => {
  const { batch, entries } = eventsFixture();
  const cases: [object, string][] = [
    [{ ...MINIMAL, type: "" }, "type"],
    [{ ...MINIMAL, specversion: "2" }, "specversion"],
    [{ ...MINIMAL, deliverat: "soon" }, "deliverat"],
    [{ ...MINIMAL, UPPER: "x" }, "UPPER"],
  ];
  for (const [bad, attribute] of cases) {
    const response = await batch([MINIMAL, { ...MINIMAL, id: "e-2" }, bad]);
    assert.equal(response.status, 400);
    const problem = await response.json();
    assert.deepEqual([problem.index, problem.attribute, problem.code], [2, attribute, "event_invalid"]);
  }
  const notArray = await batch(MINIMAL);
  assert.deepEqual([notArray.status, (await notArray.json()).code], [400, "body_not_array"]);
  assert.equal(entries().length, 0);
});

Deno.test("bad input is a 400 problem that names the attribute", async () => {
  const { structured, post, entries } = eventsFixture();
  const cases: [object, string][] = [
    [{ id: undefined }, "id"],
    [{ source: "" }, "source"],
    [{ type: "a\nb" }, "type"],
    [{ type: "x".repeat(257) }, "type"],
    [{ time: "yesterday" }, "time"],
    [{ subject: "" }, "subject"],
    [{ datacontenttype: "json" }, "datacontenttype"],
    [{ datacontenttype: "text/plain", data: {} }, "data"],
    [{ data_base64: "AP8K" }, "data"],
    [JSON.parse('{"__proto__":"x"}'), "__proto__"],
    [{ deliverat: "2025-01-01" }, "deliverat"],
  ];
  for (const [event, attribute] of cases) {
    // Not spread: `__proto__` would be lost.
    const own = Object.defineProperties({ ...MINIMAL }, Object.getOwnPropertyDescriptors(event));
    const response = await post(JSON.stringify(own), { "content-type": "application/cloudevents+json" });
    const problem = await response.json();
    assert.deepEqual([response.status, problem.attribute, problem.index], [400, attribute, undefined], attribute);
  }
  const binary = await post("{", { ...BINARY, "content-type": "application/json" });
  assert.deepEqual([binary.status, (await binary.json()).attribute], [400, "data"]);
  const percent = await post("", { ...BINARY, "ce-source": "%" });
  assert.deepEqual([percent.status, (await percent.json()).attribute], [400, "source"]);
  assert.equal((await structured({ id: "ok" })).status, 202);
  assert.equal(entries().length, 1);
});

Deno.test("bodies that are no JSON, too deep or not UTF-8 are 400", async () => {
  const { post } = eventsFixture();
  const type = { "content-type": "application/cloudevents+json" };
  const deep = `{"data":${"[".repeat(64)}${"]".repeat(64)}}`;
  const cases: [BodyInit | null, string][] = [
    [null, "body_not_json"],
    ["{", "body_not_json"],
    [deep, "body_too_deep"],
    [new Uint8Array([0x7b, 0xff]), "body_not_utf8"],
  ];
  for (const [body, code] of cases) {
    const response = await post(body, type);
    assert.deepEqual([response.status, (await response.json()).code], [400, code]);
  }
  const json = { ...BINARY, "content-type": "application/json" };
  const problem = await (await post("[".repeat(1_000_000), json)).json();
  assert.deepEqual([problem.code, problem.attribute], ["body_too_deep", "data"]);
});

Deno.test("what is no CloudEvent is a 415, compressed ones too", async () => {
  const { post } = eventsFixture();
  const cases: Record<string, string>[] = [
    { "content-type": "application/json" },
    { "content-type": "application/cloudevents+avro" },
    { "content-type": "application/cloudevents+json", "content-encoding": "gzip" },
    { ...BINARY, "content-encoding": "br" },
  ];
  for (const headers of cases) assert.equal((await post("{}", headers)).status, 415, JSON.stringify(headers));
});

Deno.test("a body, and data, above the limit are a 413; so is a batch of too many", async () => {
  const { structured } = eventsFixture({ settings: { maxBodyBytes: 300 } });
  assert.equal((await structured({ data: "x".repeat(300) })).status, 413);
  assert.equal((await structured({ data: "x".repeat(100) })).status, 202);
  const { batch, entries } = eventsFixture();
  const response = await batch(Array.from({ length: 10_001 }, (_, n) => ({ ...MINIMAL, id: `${n}` })));
  assert.deepEqual([response.status, (await response.json()).code], [413, "event_too_large"]);
  assert.equal(entries().length, 0);
});

Deno.test("delay holds an event; its entry id is null, repeated too, until it was delivered", async () => {
  const { structured, entries, clock, promote } = eventsFixture();
  const first = await (await structured({}, {}, "?delay=1000")).json();
  assert.deepEqual(first.events, [{ id: "e-1", entryId: null, deduplicated: false }]);
  assert.deepEqual((await (await structured()).json()).events[0], { id: "e-1", entryId: null, deduplicated: true });
  await clock.advance(999);
  await promote();
  assert.equal(entries().length, 0);
  await clock.advance(1);
  await promote();
  const [entry] = entries();
  assert.equal((await (await structured()).json()).events[0].entryId, entry?.entry.id);
  assert.equal(entry?.extensions["deliverat"], undefined);
});

Deno.test("an event's own deliverat wins over the delay of its request", async () => {
  const { structured, batch, entries, clock, promote } = eventsFixture();
  const at = (ms: number): string => new Date(clock.now() + ms).toISOString();
  await batch([{ ...MINIMAL, id: "own", deliverat: at(500) }, { ...MINIMAL, id: "common" }], {}, "?delay=2000");
  assert.equal((await (await structured({ id: "past", deliverat: at(-1) })).json()).events[0].entryId !== null, true);
  await clock.advance(500);
  await promote();
  assert.deepEqual(entries().map(({ id }) => id), ["past", "own"]);
  await clock.advance(1_500);
  await promote();
  assert.deepEqual(entries().map(({ id }) => id), ["past", "own", "common"]);
});

Deno.test("a delay is 0 to 30 days, once", async () => {
  const { structured, clock } = eventsFixture();
  for (
    const query of ["?delay=", "?delay=-1", "?delay=1.5", "?delay=1e3", `?delay=${DAYS_30 + 1}`, "?delay=1&delay=2"]
  ) {
    const response = await structured({}, {}, query);
    assert.deepEqual([response.status, (await response.json()).attribute], [400, "delay"], query);
  }
  assert.equal((await structured({ id: "a" }, {}, `?delay=${DAYS_30}`)).status, 202);
  assert.equal((await (await structured({ id: "b" }, {}, "?delay=0&x=%")).json()).events[0].entryId !== null, true);
  const late = new Date(clock.now() + DAYS_30 + 1).toISOString();
  assert.equal((await structured({ id: "c", deliverat: late })).status, 400);
});

Deno.test("the request's correlation id and trace go into events that have none of their own", async () => {
  const { batch, entries } = eventsFixture();
  const own = { correlationid: "mine", traceparent: TRACE.replace("4bf9", "aaaa") };
  const headers = { "X-Correlation-ID": "c-1", traceparent: TRACE };
  assert.equal((await batch([MINIMAL, { ...MINIMAL, id: "e-2", ...own }], headers)).status, 202);
  const [inherited, kept] = entries();
  assert.deepEqual({ ...inherited?.extensions }, { traceparent: TRACE, correlationid: "c-1" });
  assert.deepEqual({ ...kept?.extensions }, { traceparent: own.traceparent, correlationid: "mine" });
});

Deno.test("numbers that a double cannot hold are published as they came", async () => {
  const { post, entries } = eventsFixture();
  const event =
    '{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"n":12345678901234567890},"big":9007199254740993}';
  assert.equal((await post(event, { "content-type": "application/cloudevents+json" })).status, 202);
  const [entry] = entries();
  assert.equal(entry?.extensions["big"], "9007199254740993");
  // What the stream holds, a double cannot: read it as a handler would with a parser of its own.
  assert.equal(Number.isSafeInteger((entry?.data as { n: number }).n), false);
});

Deno.test("a token that is wanted must be right, also while Redis is away", async () => {
  const { structured } = eventsFixture({
    settings: { apiToken: "s3cret" },
    health: { ready: () => notReady("timeout") },
  });
  assert.equal((await structured()).status, 401);
  assert.equal((await structured({}, { Authorization: "Bearer wrong" })).status, 401);
  assert.equal((await structured({}, { Authorization: "Bearer s3cret" })).status, 503);
});

Deno.test("while Redis is not usable nothing is read or tried, and the answer says when to come back", async () => {
  const wrap = (store: StreamStore): StreamStore => wrapped(store, () => Promise.reject(new Error("asked")));
  const { structured, errors } = eventsFixture({ wrap, health: { ready: () => notReady("connection") } });
  const response = await structured();
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { success, error, retryAfter } = await response.json();
  assert.deepEqual({ success, error, retryAfter }, {
    success: false,
    error: "Redis is not usable: connection",
    retryAfter: 5,
  });
  assert.equal(errors.length, 0);
});

Deno.test("a publish that fails says whether the events may be there, and names no host", async () => {
  const unknown = new StoreUnavailableError("timeout", "10.0.0.1", { outcomeUnknown: true });
  const cases: [Error, string, boolean][] = [
    [new StoreUnavailableError("connection", "10.0.0.1"), "redis_unusable", false],
    [new StoreRefusedError("out_of_memory", "10.0.0.1"), "redis_unusable", false],
    [unknown, "outcome_unknown", true],
    [new DurabilityNotReachedError("no_replicas", "10.0.0.1", []), "durability_not_reached", true],
  ];
  for (const [thrown, code, repeat] of cases) {
    for (const dedupWindowMs of [0, 600_000]) {
      const response = await failing(thrown, { dedupWindowMs }).structured();
      const text = await response.text();
      assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"]);
      assert.equal(JSON.parse(text).code, code);
      assert.equal(text.includes("repeating"), repeat && dedupWindowMs > 0, text);
      assert.ok(!text.includes("10.0.0.1"));
    }
  }
});

Deno.test("a bug is a 500 that says nothing, and is reported", async () => {
  const { structured, errors } = failing(new TypeError("secret detail"));
  const response = await structured();
  assert.equal(response.status, 500);
  assert.ok(!(await response.text()).includes("secret"));
  assert.equal(errors.length, 1);
});

Deno.test("what was written and not confirmed is told with its ids, and counts as published once", async () => {
  let confirmed = false;
  const wrap = (store: StreamStore): StreamStore =>
    wrapped(store, async (items, options) => {
      const appended = await store.append(items, options);
      if (confirmed) return appended;
      throw new DurabilityNotReachedError("no_replicas", "0 of 1", appended);
    });
  const { structured, happenings, entries } = eventsFixture({ wrap, durability: { level: "replica", replicas: 1 } });
  const refused = await structured();
  assert.equal(refused.status, 503);
  const { events } = await refused.json();
  assert.deepEqual(events, [{ id: "e-1", entryId: entries()[0]?.entry.id, deduplicated: false }]);
  confirmed = true;
  const again = await (await structured()).json();
  assert.deepEqual(again, { events: [{ ...events[0], deduplicated: true }], durability: "replica:1" });
  assert.equal(happenings.filter(({ kind }) => kind === "published").length, 1);
});

function failing(error: Error, options: EventsFixtureOptions = {}): ReturnType<typeof eventsFixture> {
  return eventsFixture({ ...options, wrap: (store) => wrapped(store, () => Promise.reject(error)) });
}

function wrapped(store: StreamStore, append: StreamStore["append"]): StreamStore {
  return new Proxy(store, {
    get(target, name): unknown {
      if (name === "append") return append;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("what an extension or data is does not hang on the numbers beside it", async () => {
  const beside = ["1", "1e5", "12345678901234567890"];
  const { post, entries } = eventsFixture();
  const send = (members: string, n: number): Promise<Response> =>
    post(`{"specversion":"1.0","id":"${n}","source":"s","type":"t",${members}}`, {
      "content-type": "application/cloudevents+json",
    });
  for (const [n, number] of beside.entries()) {
    assert.equal((await send(`"x":1.0,"y":-7.00,"data":{"n":${number}}`, n)).status, 202, number);
    const { x, y } = entries().at(-1)!.extensions;
    assert.deepEqual([x, y], ["1", "-7"], number);
    const refused = await send(`"datacontenttype":"text/plain","data":${number}`, n);
    assert.equal(refused.status, 400);
    assert.match((await refused.json()).detail, /data is number although/, number);
    const fraction = await send(`"x":1.5,"data":{"n":${number}}`, n);
    assert.equal((await fraction.json()).attribute, "x", number);
    // Slower ways must say the same: here the name has an escape.
    const odd = await send(`"datacontenttyp\\u0065":"text/plain","data":${number}`, n);
    assert.match((await odd.json()).detail, /data is number although/, number);
  }
});
