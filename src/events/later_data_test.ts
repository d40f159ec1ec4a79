import assert from "node:assert/strict";
import { inspect } from "node:util";
import { decodeSorted } from "./codec.ts";
import { DataHabit } from "./data_habit.ts";
import type { Event } from "./event.ts";
import { packed } from "./packed_fixtures_test.ts";
import { sortFields } from "./sorted.ts";
import { completeEvent } from "./validate.ts";

const FIELDS = ["id", "e-1", "type", "order.placed", "source", "/shop", "time", "2026-01-02T03:04:05.678Z"];
const DATA = '{"orderId":"o-1","items":[{"qty":2}],"__proto__":{"x":1}}';
const JSON_TYPE = "application/json";

type Writable = { -readonly [name in keyof Event]: Event[name] };

/** Knows whether data was read. */
class Spy extends DataHabit {
  reads = 0;

  override leaves(): boolean {
    return true;
  }

  override read(): void {
    this.reads++;
  }
}

function decode(habit: DataHabit | null, fields = ["subject", "s-1", "data", DATA, "correlationid", "c"]): Writable {
  const from = packed([...FIELDS, ...fields]);
  const decoded = decodeSorted("s", "1700000000000-0", sortFields(from, from.asciiText() ?? undefined), habit);
  assert.ok(decoded.ok);
  return decoded.event;
}

/** One whose data is left, and whoever hears of its being read. */
function left(fields?: string[]): { event: Writable; habit: Spy } {
  const habit = new Spy();
  const event = decode(habit, fields);
  assert.equal(typeof Object.getOwnPropertyDescriptor(event, "data")?.get, "function", "parsed at once");
  return { event, habit };
}

Deno.test("an event whose data is left looks like one whose data was parsed, however it is looked at", () => {
  const looks: Record<string, (event: Writable) => unknown> = {
    keys: (event) => Object.keys(event),
    entries: (event) => Object.entries(event),
    names: (event) => Object.getOwnPropertyNames(event),
    "for in": (event) => {
      const names: string[] = [];
      for (const name in event) names.push(name);
      return names;
    },
    in: (
      event,
    ) => ["data" in event, Object.hasOwn(event, "data"), event.constructor === Object, event instanceof Object],
    data: (event) => event.data,
    spread: (event) => ({ ...event }),
    "spread with more": (event) => ({ ...event, data: 1 }),
    rest: ({ data: _, ...rest }) => rest,
    assign: (event) => Object.assign({}, event),
    JSON: (event) => JSON.stringify(event),
    "JSON of some": (event) => JSON.stringify({ event: [event] }, ["event", "id", "data", "orderId"]),
    clone: (event) => structuredClone(event),
    inspect: (event) => inspect({ event }, { depth: 9 }),
    "Deno.inspect": (event) => Deno.inspect([event], { depth: 9 }),
    itself: (event) => event,
  };
  for (const fields of [["subject", "s-1", "data", DATA], ["payload", DATA], ["x", "y", "data", "null"]]) {
    for (const [name, look] of Object.entries(looks)) {
      assert.deepEqual(look(left(fields).event), look(decode(null, fields)), name);
    }
  }
});

Deno.test("copies are plain: they hold the data, and nothing else of the event", () => {
  const { event } = left();
  for (const copy of [{ ...event }, Object.assign({}, event), structuredClone(event)]) {
    assert.deepEqual(Reflect.ownKeys(copy), Object.keys(event));
    assert.deepEqual(Object.getOwnPropertyDescriptor(copy, "data")?.value, JSON.parse(DATA));
  }
});

Deno.test("data is parsed once, and is the same each time, changes to it included", () => {
  const { event, habit } = left();
  assert.equal(habit.reads, 0);
  const first = event.data as { items: unknown[]; more?: number };
  first.more = 1;
  assert.equal(event.data, first);
  assert.equal((event.data as { more?: number }).more, 1);
  assert.equal(Object.getPrototypeOf(first), Object.prototype);
  assert.equal(habit.reads, 1);
});

Deno.test("looking at all the rest does not read the data", () => {
  const { event, habit } = left();
  const { id, type, source, subject, time, datacontenttype, extensions, entry } = event;
  assert.deepEqual([id, type, source, subject, time, datacontenttype, { ...extensions }, entry], [
    ...["e-1", "order.placed", "/shop", "s-1", "2026-01-02T03:04:05.678Z", JSON_TYPE],
    ...[{ correlationid: "c" }, { stream: "s", id: "1700000000000-0" }],
  ]);
  Object.keys(event);
  assert.equal(habit.reads, 0);
});

Deno.test("data may be assigned, deleted and defined anew, before it was read and after", () => {
  for (const read of [false, true]) {
    const one = left();
    if (read) void one.event.data;
    one.event.data = "mine";
    assert.equal(one.event.data, "mine");
    assert.deepEqual(Object.getOwnPropertyDescriptor(one.event, "data"), {
      ...{ value: "mine", writable: true, enumerable: true, configurable: true },
    });
    assert.equal(one.habit.reads, read ? 1 : 0);
    const other = left().event;
    if (read) void other.data;
    assert.equal(Reflect.deleteProperty(other, "data"), true);
    assert.equal("data" in other, false);
    other.data = 7;
    assert.deepEqual({ ...other }, { ...decode(null), data: 7 });
  }
});

Deno.test("a frozen event is read and not written, a sealed one is both", () => {
  const frozen: Writable = Object.freeze(left().event);
  assert.throws(() => frozen.data = 1, TypeError);
  assert.deepEqual(frozen.data, JSON.parse(DATA));
  assert.equal(frozen.data, frozen.data);
  assert.ok(Object.isFrozen(frozen));
  const sealed = Object.seal(left().event);
  sealed.data = 1;
  assert.equal(sealed.data, 1);
  const closed = Object.preventExtensions(left().event);
  closed.data = 1;
  assert.equal(closed.data, 1);
});

Deno.test("what stands for an event reads its data too: heirs, proxies, copies by descriptor", () => {
  const { event } = left();
  const heir: Writable = Object.create(event, { more: { value: 1 } });
  const proxy = new Proxy(left().event, { get: (target, name, receiver) => Reflect.get(target, name, receiver) });
  const copy: Writable = Object.defineProperties({} as Writable, Object.getOwnPropertyDescriptors(left().event));
  for (const one of [heir, proxy, copy]) {
    assert.deepEqual(one.data, JSON.parse(DATA));
    assert.equal(one.data, one.data);
  }
  assert.equal(heir.data, event.data);
  heir.data = 2;
  proxy.data = 3;
  assert.deepEqual([heir.data, proxy.data, event.data], [2, 3, JSON.parse(DATA)]);
});

Deno.test("a proxy that wraps all that it gives reads data, and writes it", () => {
  const wrapped = <T>(value: T): T =>
    typeof value === "object" && value !== null
      ? new Proxy(value, { get: (target, name, receiver) => wrapped(Reflect.get(target, name, receiver)) })
      : value;
  const { event, habit } = left();
  const proxy = wrapped(event);
  assert.equal((proxy.data as { orderId: string }).orderId, "o-1");
  assert.equal((proxy.data as { items: { qty: number }[] }).items[0]!.qty, 2);
  assert.equal(habit.reads, 1);
  assert.deepEqual(event.data, JSON.parse(DATA));
  proxy.data = 3;
  assert.deepEqual([proxy.data, event.data], [3, 3]);
});

Deno.test("an event that is kept keeps its own data, whatever becomes of the bytes it came in", () => {
  const from = packed([...FIELDS, "data", DATA]);
  const decoded = decodeSorted("s", "1-0", sortFields(from, from.asciiText()!), new Spy());
  assert.ok(decoded.ok);
  from.bytes.fill(0x5b);
  assert.deepEqual(decoded.event.data, JSON.parse(DATA));
});

Deno.test("an event whose data is left is published again as one whose data was parsed", () => {
  const defaults = { id: () => "made", source: "service", nowMs: 0, maxBytes: 1_000 };
  assert.deepEqual(completeEvent(left().event, defaults), completeEvent(decode(null), defaults));
  const { event } = left();
  (event.data as { orderId: string }).orderId = "changed";
  assert.match(String(completeEvent(event, defaults).body), /"orderId":"changed"/);
});

Deno.test("an event whose entry somebody replaced keeps its data", () => {
  const { event } = left();
  event.entry = { stream: "other", id: "0-0" };
  assert.deepEqual(event.data, JSON.parse(DATA));
});

Deno.test("the accessor of an event is of no use elsewhere", () => {
  const get = Object.getOwnPropertyDescriptor(left().event, "data")!.get!;
  for (const other of [{}, { entry: {} }, { entry: null }, []]) assert.throws(() => get.call(other), TypeError);
});

Deno.test("what cannot be left is parsed at once, to the same event or the same problem", () => {
  const cases = [["datacontenttype", "text/plain", "data", "{}"], ["data", '"é"'], ["x", "é", "data", "{}"], []];
  for (const fields of cases) {
    const habit = new Spy();
    const event = decode(habit, fields);
    assert.deepEqual(event, decode(null, fields));
    assert.ok(Object.hasOwn(Object.getOwnPropertyDescriptor(event, "data")!, "value"));
  }
  for (const data of ["", "{", '"\\x"', "1 2", "[1,]", '"a\x01"', "01", "{'a':1}"]) {
    const from = packed(["type", "t", "data", data, "x", '"}]1']);
    const found = [new Spy(), null].map((habit) =>
      decodeSorted("s", "1-0", sortFields(from, from.asciiText() ?? undefined), habit)
    );
    assert.ok(!found[0]!.ok);
    assert.deepEqual(found[0], found[1]);
  }
});
