import assert from "node:assert/strict";
import spec from "@asyncapi/specs/schemas/3.0.0.json" with { type: "json" };
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { z } from "zod";
import { defineHandler, defineSchedule, type Handler, type Schedule } from "../../handling/define.ts";
import { asyncApi } from "./asyncapi.ts";
import type { ServiceFacts } from "./facts.ts";
import { FACTS, follow, refsIn, registry } from "./fixtures_test.ts";

const handle = (): void => {};
/** The specification's own schema brings its meta-schemas along. */
const isAsyncApi = new Ajv.default({ strict: false, meta: false, validateSchema: false, validateFormats: false })
  .compile(spec);

type Ref = { readonly $ref: string };
interface Document {
  readonly channels: Readonly<
    Record<string, { readonly address: string; readonly messages: Readonly<Record<string, Ref>> }>
  >;
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly channel: Ref; readonly messages: readonly Ref[] }>
  >;
  readonly components: {
    readonly messages: Readonly<
      Record<string, { readonly name: string; readonly headers: object; readonly payload: Ref }>
    >;
  };
}

/** Made, and checked by the schema of the specification, and by the rules that a schema cannot say. */
function documentOf(
  handlers: readonly Handler[],
  schedules: readonly Schedule[] = [],
  facts: Partial<ServiceFacts> = {},
): Document {
  const made = JSON.parse(JSON.stringify(asyncApi(registry(handlers, schedules), { ...FACTS, ...facts })));
  const valid: boolean = isAsyncApi(made);
  assert.ok(valid, JSON.stringify(isAsyncApi.errors?.slice(0, 3)));
  for (const pointer of refsIn(made)) follow(made, pointer);
  const document: Document = made;
  for (const { channel, messages } of Object.values(document.operations)) {
    for (const { $ref } of messages) assert.ok($ref.startsWith(`${channel.$ref}/messages/`), $ref);
  }
  return document;
}

/** Does data fit what the document says of this message? */
function fits(document: Document, message: string, data: unknown): boolean {
  const ajv = new Ajv.default({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, "doc:", undefined, false);
  return ajv.validate({ $ref: `doc:${document.components.messages[message]!.payload.$ref}` }, data);
}

/** Do attributes? */
function isOf(document: Document, message: string, type: string): boolean {
  const ajv = new Ajv.default({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, "doc:", undefined, false);
  const at = `doc:#/components/messages/${message}/headers`;
  return ajv.validate({ $ref: at }, { id: "1", source: "/s", type, datacontenttype: "application/json" });
}

function received(document: Document): string[] {
  const receives = Object.values(document.operations).filter(({ action }) => action === "receive");
  return receives.flatMap(({ messages }) => messages.map(({ $ref }) => $ref.slice("#/channels/".length)));
}

Deno.test("the specification's schema sees what is wrong, or its word means nothing", () => {
  const document = JSON.parse(JSON.stringify(asyncApi(registry([]), FACTS)));
  for (const operation of Object.values<Record<string, unknown>>(document.operations)) operation["action"] = "emit";
  assert.equal(isAsyncApi(document), false);
});

Deno.test("a handler's schema is what its data is checked with", () => {
  const placed = defineHandler({
    type: "order.placed",
    schema: z.object({ orderId: z.string(), amount: z.number().optional(), at: z.iso.datetime().optional() }),
    handle,
  });
  const document = documentOf([placed]);
  assert.deepEqual(document.channels["orders"]?.address, "orders");
  assert.deepEqual(received(document), ["orders/messages/order.placed"]);
  assert.ok(fits(document, "order.placed", { orderId: "1", at: "2025-06-28T23:40:13Z" }));
  assert.ok(!fits(document, "order.placed", { amount: 1 }));
  assert.ok(isOf(document, "order.placed", "order.placed"));
  assert.ok(!isOf(document, "order.placed", "order.placed.x"));
});

Deno.test("what a schema takes is described, not what it makes of it", () => {
  const schema = z.object({ n: z.string().transform(Number), kind: z.string().default("x") });
  const document = documentOf([defineHandler({ type: "a", schema, handle })]);
  assert.ok(fits(document, "a", { n: "1" }));
  assert.ok(!fits(document, "a", { n: 1 }));
});

Deno.test("exact types, prefixes and * stand side by side, each with its own schema", () => {
  const document = documentOf([
    defineHandler({ type: "order.placed", schema: z.object({ a: z.string() }), handle }),
    defineHandler({ type: "order.*", schema: z.object({ b: z.string() }), handle }),
    defineHandler({ type: "order.any", handle }),
    defineHandler({ type: "*", handle }),
  ]);
  const names = Object.values(document.components.messages).map(({ name }) => name);
  assert.deepEqual(names, ["order.placed", "order.*", "order.any", "*", "test.manual", "CloudEvent"]);
  assert.deepEqual(received(document).length, 4);
  assert.ok(fits(document, "order.placed", { a: "" }) && !fits(document, "order.placed", { b: "" }));
  assert.ok(fits(document, "order.any", { b: "" }) && !fits(document, "order.any", { a: "" }));
  assert.ok(fits(document, "order.any-2", 7));
  assert.ok(isOf(document, "order.any", "order.a.b") && !isOf(document, "order.any", "orders.a"));
  assert.ok(isOf(document, "any", "whatever"));
});

Deno.test("schedules are sent, with the schema of whoever handles them", () => {
  const document = documentOf(
    [defineHandler({ type: "report.*", schema: z.object({ day: z.string() }), handle })],
    [
      defineSchedule({ name: "nightly", cron: "0 3 * * *", event: { type: "report.due", data: { day: "secret" } } }),
      defineSchedule({ name: "beat", everyMs: 1_000, event: { type: "beat" } }),
    ],
  );
  assert.deepEqual(document.operations["schedule.nightly"]?.messages, [{
    $ref: "#/channels/orders/messages/report.due",
  }]);
  assert.deepEqual(document.operations["schedule.beat"]?.messages, [{ $ref: "#/channels/orders/messages/beat" }]);
  assert.ok(!fits(document, "report.due", {}) && fits(document, "report.due", { day: "1" }));
  assert.ok(fits(document, "beat", null));
  assert.ok(!JSON.stringify(document).includes("secret"));
});

Deno.test("every stream is a channel; publishing goes to the first", () => {
  const document = documentOf([defineHandler({ type: "a", handle })], [], { streams: ["orders", "weird name/~1ü"] });
  assert.deepEqual(Object.values(document.channels).map(({ address }) => address), ["orders", "weird name/~1ü"]);
  assert.deepEqual(received(document).length, 2);
  const sent = Object.values(document.operations).filter(({ action }) => action === "send");
  assert.ok(sent.length >= 3 && sent.every(({ channel }) => channel.$ref === "#/channels/orders"));
});

Deno.test("a process that only publishes receives nothing", () => {
  const document = documentOf([defineHandler({ type: "a", handle })], [], { consuming: false });
  assert.deepEqual(received(document), []);
});

Deno.test("without a handler there still is a document", () => {
  assert.deepEqual(Object.keys(documentOf([]).components.messages), ["test.manual", "any-event"]);
});

Deno.test("a schema that refers to itself, or to parts with names, keeps its meaning", () => {
  interface Node {
    readonly v: string;
    readonly kids: readonly Node[];
  }
  const node: z.ZodType<Node> = z.lazy(() => z.object({ v: z.string(), kids: z.array(node) }));
  const user = z.object({ name: z.string() }).meta({ id: "User" });
  const document = documentOf([
    defineHandler({ type: "tree", schema: node, handle }),
    defineHandler({ type: "pair", schema: z.object({ a: user, b: user }), handle }),
    defineHandler({ type: "user", schema: user, handle }),
  ]);
  assert.ok(fits(document, "tree", { v: "1", kids: [{ v: "2", kids: [] }] }));
  assert.ok(!fits(document, "tree", { v: "1", kids: [{ v: 2, kids: [] }] }));
  assert.ok(fits(document, "pair", { a: { name: "x" }, b: { name: "y" } }));
  assert.ok(!fits(document, "pair", { a: { name: "x" }, b: {} }));
  assert.ok(!fits(document, "user", {}));
});

Deno.test("members that are called like keywords stay members", () => {
  const schema = z.object({
    $ref: z.string(),
    id: z.number(),
    default: z.literal(1),
    properties: z.object({ $id: z.string() }),
  });
  const document = documentOf([defineHandler({ type: "a", schema, handle })]);
  assert.ok(fits(document, "a", { $ref: "#", id: 1, default: 1, properties: { $id: "x" } }));
  assert.ok(!fits(document, "a", { $ref: "#", id: 1, default: 1, properties: { $id: 1 } }));
});

Deno.test("what cannot be expressed is open, in part or as a whole, and fails nothing", () => {
  const standard = (jsonSchema: unknown): Handler["schema"] & object => {
    const properties = { version: 1 as const, vendor: "own", validate: (value: unknown) => ({ value }), jsonSchema };
    return { "~standard": properties };
  };
  const input = (make: () => unknown): Handler["schema"] & object => standard({ input: make });
  const loop: Record<string, unknown> = {};
  loop["properties"] = { loop };
  const schemas: readonly (readonly [string, Handler["schema"] & object])[] = [
    ["none", standard(undefined)],
    ["empty", standard({})],
    [
      "throws",
      input(() => {
        throw new Error("secret");
      }),
    ],
    ["loop", input(() => loop)],
    ["bigint", input(() => ({ const: 1n }))],
    ["nothing", input(() => undefined)],
    ["list", input(() => [])],
    ["outside", input(() => ({ $ref: "https://elsewhere.example/schema" }))],
    ["nowhere", input(() => ({ $ref: "#/definitions/none" }))],
    ["anchor", input(() => ({ $ref: "#there", $id: "#there" }))],
    ["deep", input(() => Array.from({ length: 100_000 }).reduce<object>((not) => ({ not }), {}))],
    ["long", input(() => ({ description: "x".repeat(300_000) }))],
  ];
  const document = documentOf([
    ...schemas.map(([type, schema]) => defineHandler({ type, schema, handle })),
    defineHandler({ type: "date", schema: z.object({ at: z.date(), n: z.string() }), handle }),
  ]);
  for (const [type] of schemas) assert.ok(fits(document, type, { any: "thing" }), type);
  assert.ok(fits(document, "date", { at: "whatever", n: "" }) && !fits(document, "date", { at: "whatever" }));
  const text = JSON.stringify(document);
  assert.ok(!text.includes("secret") && !text.includes("elsewhere") && text.length < 50_000);
});
