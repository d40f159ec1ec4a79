import assert from "node:assert/strict";
import { defineHandler, defineSchedule, NonRetryableError, RetryAfterError } from "redis-stream-service";
import { createTestKit } from "./mod.ts";

Deno.test("createTestKit() runs a handler and shows what was acknowledged", async () => {
  const seen: unknown[] = [];
  const hello = defineHandler({ type: "hello", handle: (event) => void seen.push(event.data) });
  await using kit = await createTestKit({ handlers: [hello] });
  const { entryId } = await kit.publish({ type: "hello", data: { to: "you" } });
  assert.deepEqual(seen, [{ to: "you" }]);
  assert.deepEqual(kit.acknowledged.map((event) => event.entry.id), [entryId]);
});

Deno.test("a handler that throws parks its event, which runs again after the backoff", async () => {
  const attempts: number[] = [];
  const shaky = defineHandler({
    type: "shaky",
    handle(_event, ctx) {
      attempts.push(ctx.attempt);
      if (ctx.attempt < 3) throw new Error("not yet");
      ctx.publish({ type: "steady" });
    },
  });
  await using kit = await createTestKit({ handlers: [shaky] });
  await kit.publish({ type: "shaky" });
  assert.equal(kit.parked.length, 1);
  assert.equal(kit.parked[0]?.attempt, 1);
  assert.match(kit.parked[0]?.error ?? "", /not yet/);
  await kit.advance(60_000);
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(kit.parked, []);
  assert.deepEqual(kit.published.map((event) => event.type), ["shaky", "steady"]);
});

Deno.test("effects of an attempt that fails do not appear", async () => {
  const leaky = defineHandler({
    type: "leaky",
    maxDeliveries: 2,
    handle(_event, ctx) {
      ctx.publish({ type: "ghost" });
      throw new Error("after publishing");
    },
  });
  await using kit = await createTestKit({ handlers: [leaky] });
  await kit.publish({ type: "leaky" });
  await kit.advance(60_000);
  assert.equal(kit.deadLetters.length, 1);
  assert.equal(kit.deadLetters[0]?.reason, "max_deliveries");
  assert.equal(kit.deadLetters[0]?.deliveries, 2);
  assert.ok(!kit.published.some((event) => event.type === "ghost"));
});

Deno.test("NonRetryableError gives up at once, RetryAfterError costs nothing", async () => {
  let asked = 0;
  const handlers = [
    defineHandler({ type: "hopeless", handle: () => Promise.reject(new NonRetryableError("no such order")) }),
    defineHandler({
      type: "later",
      maxDeliveries: 1,
      handle() {
        if (++asked < 5) throw new RetryAfterError(1_000);
      },
    }),
  ];
  await using kit = await createTestKit({ handlers });
  await kit.publish({ type: "hopeless" });
  await kit.publish({ type: "later" });
  await kit.advance(20_000);
  assert.deepEqual(kit.deadLetters.map((letter) => [letter.type, letter.reason]), [["hopeless", "non_retryable"]]);
  assert.equal(asked, 5);
  assert.equal(kit.acknowledged.length, 1);
});

Deno.test("later events of a key wait for the parked one, those of other keys do not", async () => {
  const order: string[] = [];
  const keyed = defineHandler({
    type: "keyed",
    handle(event, ctx) {
      order.push(`${event.subject}:${(event.data as { n: number }).n}:${ctx.attempt}`);
      if (event.subject === "a" && ctx.attempt === 1 && (event.data as { n: number }).n === 1) throw new Error("once");
    },
  });
  await using kit = await createTestKit({ handlers: [keyed] });
  for (const [subject, n] of [["a", 1], ["a", 2], ["b", 1], ["a", 3]] as const) {
    await kit.publish({ type: "keyed", subject, data: { n } });
  }
  assert.deepEqual(order, ["a:1:1", "b:1:1"]);
  await kit.advance(10_000);
  assert.deepEqual(order, ["a:1:1", "b:1:1", "a:1:2", "a:2:1", "a:3:1"]);
});

Deno.test("a handler that never ends is timed out, told so, and tried again", async () => {
  const reasons: string[] = [];
  const stuck = defineHandler({
    type: "stuck",
    timeoutMs: 5_000,
    maxDeliveries: 2,
    handle: (_event, ctx) =>
      new Promise(() => ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason.code))),
  });
  await using kit = await createTestKit({ handlers: [stuck] });
  await kit.publish({ type: "stuck" });
  await kit.advance(5_000);
  assert.deepEqual(reasons, ["handler_timeout"]);
  assert.equal(kit.parked.length, 1);
  await kit.advance(20_000);
  assert.equal(kit.deadLetters[0]?.reason, "max_deliveries");
});

Deno.test("schedules fire at multiples of their period, each occurrence with its own id", async () => {
  const beat = defineSchedule({ name: "beat", everyMs: 1_000, event: { type: "beat" } });
  const onBeat = defineHandler({ type: "beat", handle: () => {} });
  await using kit = await createTestKit({ handlers: { beat, onBeat } });
  await kit.advance(5_500);
  const ids = kit.published.map((event) => event.id);
  assert.equal(ids.length, 5);
  assert.equal(new Set(ids).size, 5);
  for (const id of ids) assert.match(id, /^beat@\d+000$/);
  assert.equal(kit.acknowledged.length, 5);
});

Deno.test("delayed events appear when they are due, undecodable and unknown ones end at once", async () => {
  await using kit = await createTestKit({ handlers: [defineHandler({ type: "known", handle: () => {} })] });
  const deliverat = new Date(kit.clock.now() + 30_000).toISOString();
  const receipt = await kit.publish({ type: "known", extensions: { deliverat } });
  assert.equal(receipt.entryId, null);
  await kit.advance(29_000);
  assert.equal(kit.published.length, 0);
  await kit.advance(2_000);
  assert.equal(kit.acknowledged.length, 1);
  await kit.publish({ type: "stranger" });
  assert.equal(kit.acknowledged.length, 2);
});

Deno.test("inside DEDUP_WINDOW an event that comes twice at once is handled once, also when the first attempt fails", async () => {
  const attempts: string[] = [];
  const once = defineHandler({
    type: "once",
    handle(event, ctx) {
      attempts.push(`${event.id}:${ctx.attempt}`);
      if (event.id === "b" && attempts.length === 2) throw new Error("the first time");
      ctx.publish({ type: "effect", data: event.id });
    },
  });
  const env = { DEDUP_WINDOW: "60000", PUBLISH_DEDUP_WINDOW: "0" };
  await using kit = await createTestKit({ handlers: [once], env });
  await Promise.all(["a", "b", "a", "b", "a"].map((id) => kit.publish({ type: "once", id, source: "s" })));
  await kit.advance(60_000);
  assert.deepEqual(attempts, ["a:1", "b:1", "b:1"], "the twin of the one that failed goes ahead");
  assert.equal(kit.published.filter((event) => event.type === "effect").length, 2);
  assert.deepEqual([kit.parked.length, kit.deadLetters.length], [0, 0]);
  assert.equal(kit.acknowledged.filter((event) => event.type === "once").length, 5);
});

Deno.test("ctx.publish may be taken out of the context, and fills in what correlates", async () => {
  const emit = defineHandler({ type: "emit", handle: (_event, { publish }) => publish({ type: "emitted" }) });
  await using kit = await createTestKit({ handlers: [emit] });
  await kit.publish({ type: "emit", id: "the-cause" });
  const emitted = kit.published.find((event) => event.type === "emitted");
  assert.equal(emitted?.extensions["correlationid"], "the-cause");
  assert.match(emitted?.extensions["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
