import assert from "node:assert/strict";
import fc from "fast-check";
import { type PlainFields, toPlainFields } from "./plain.ts";
import { Redactor } from "./redact.ts";

function plain(value: unknown, options: { stack?: boolean; secrets?: string[] } = {}): PlainFields {
  const redactor = new Redactor(options.secrets ?? []);
  return toPlainFields([value], { redactor, stack: options.stack ?? false });
}

/** As JSON, because plain objects have no prototype and deepEqual minds. */
function same(actual: unknown, expected: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(actual)), expected);
}

Deno.test("values that JSON cannot carry become something that it can", () => {
  same(
    plain({
      big: 12n,
      symbol: Symbol("s"),
      nan: NaN,
      fn: () => 1,
      none: undefined,
      date: new Date(0),
      bad: new Date(NaN),
    }),
    {
      big: "12",
      symbol: "Symbol(s)",
      nan: "NaN",
      fn: "[function]",
      date: "1970-01-01T00:00:00.000Z",
      bad: "Invalid Date",
    },
  );
  same(
    plain({ bytes: new Uint8Array(5), map: new Map([["k", 1]]), set: new Set([1, "a"]), re: /x/g, list: [undefined] }),
    { bytes: "[5 bytes]", map: { k: 1 }, set: [1, "a"], re: "/x/g", list: [null] },
  );
});

Deno.test("a circle ends, and an object that merely comes twice is shown twice", () => {
  const circle: Record<string, unknown> = { n: 1 };
  circle["self"] = circle;
  const shared = { a: 1 };
  same(plain({ circle, x: shared, y: shared }), { circle: { n: 1, self: "[circular]" }, x: { a: 1 }, y: { a: 1 } });
});

Deno.test("objects that throw when they are looked at do not throw here", () => {
  const throws = (): never => {
    throw new Error("no");
  };
  const proxy = new Proxy({}, { get: throws, ownKeys: throws, getPrototypeOf: throws });
  const getter = Object.defineProperty({ ok: 1 }, "bad", { get: throws, enumerable: true });
  same(plain({ proxy, getter, json: { toJSON: throws } }), {
    proxy: "[unreadable]",
    getter: { ok: 1, bad: "[unreadable]" },
    json: "[unreadable]",
  });
  same(plain(proxy), { value: "[unreadable]" });
  const endless = { toJSON: (): unknown => ({ toJSON: endless.toJSON }) };
  same(plain({ endless }), { endless: "[more]" });
});

Deno.test("huge values cost a bounded size", () => {
  const list = new Array(100_000);
  let deep: unknown = "end";
  for (let i = 0; i < 10_000; i++) deep = { deep };
  // Few objects, and 50^6 ways through them.
  let dense: unknown = 1;
  for (let i = 0; i < 6; i++) dense = new Array(50).fill(dense);
  const values: Record<string, unknown> = {
    wide: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, { i, list }])),
    deep,
    dense,
    text: "x".repeat(5_000_000),
    texts: new Array(30).fill(new Array(30).fill("y".repeat(100_000))),
    sparse: new Array(4_000_000_000),
  };
  for (const [name, value] of Object.entries(values)) {
    const size = JSON.stringify(plain({ value })).length;
    assert.ok(size < 100_000, `${name}: ${size}`);
  }
  assert.ok(JSON.stringify(plain(values)).length < 100_000);
});

Deno.test("an error keeps name, code, message and its causes, and its stack only when told", () => {
  const cause = Object.assign(new TypeError("inner"), { code: "E_INNER" });
  const error = new Error("outer", { cause });
  const expected = { name: "Error", message: "outer", cause: { name: "TypeError", code: "E_INNER", message: "inner" } };
  same(plain({ error }), { error: expected });
  same(plain(error), { error: expected });
  assert.match(JSON.stringify(plain({ error }, { stack: true })), /"stack":"Error: outer\\n +at /);
  same(plain({ e: new AggregateError([cause], "many") }), {
    e: { name: "AggregateError", message: "many", errors: [{ name: "TypeError", code: "E_INNER", message: "inner" }] },
  });
  const loop = new Error("loop");
  loop.cause = loop;
  same(plain({ loop }), { loop: { name: "Error", message: "loop", cause: "[circular]" } });
});

Deno.test("fields with a secret name are hidden at any depth, whatever their type", () => {
  same(
    plain({
      password: "a",
      nested: [{ apiKey: { deep: 1 }, token: 12345, secret: null, hasPassword: true }],
      headers: new Headers({ authorization: "Bearer x", accept: "y" }),
      error: Object.assign(new Error("x"), { password: "not a field of errors" }),
    }),
    {
      password: "***",
      nested: [{ apiKey: "***", token: "***", secret: null, hasPassword: true }],
      headers: { accept: "y", authorization: "***" },
      error: { name: "Error", message: "x" },
    },
  );
});

Deno.test("a secret value is hidden in texts, names, numbers, bigints, symbols and error chains", () => {
  const secret = "83920175";
  const error = new Error(`AUTH ${secret}`, { cause: new Error(`inner ${secret}`) });
  const dirty = {
    [`k${secret}`]: 1,
    number: 83920175,
    larger: 1839201759,
    big: 83920175n,
    symbol: Symbol(secret),
    map: new Map([[secret, secret]]),
    error,
    date: { toJSON: () => secret },
  };
  const json = JSON.stringify(plain(dirty, { secrets: [secret], stack: true }));
  assert.ok(!json.includes(secret), json);
});

Deno.test("a key such as __proto__ is a key like any other", () => {
  const fields = plain(JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'));
  assert.deepEqual(Object.keys(fields), ["__proto__", "constructor"]);
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

Deno.test("any value at all becomes plain data", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
  });
  fc.assert(fc.property(anything, (value) => {
    JSON.parse(JSON.stringify(plain({ value }, { secrets: ["secret-value"] })));
  }));
});
