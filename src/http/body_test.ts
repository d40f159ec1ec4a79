import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { type Body, readBody } from "./body.ts";

function post(body: BodyInit | null, headers: Record<string, string> = {}): Request {
  return new Request("http://a/", { method: "POST", body, headers });
}

function status(body: Body): number {
  return body.ok ? 200 : body.problem.status;
}

/** A body whose chunks are made as they are read. */
function streamed(
  chunk: () => Uint8Array | null,
): { readonly stream: ReadableStream; readonly cancelled: () => boolean } {
  let cancelled = false;
  const stream = new ReadableStream({
    pull(controller): void {
      const next = chunk();
      if (next === null) controller.close();
      else controller.enqueue(next);
    },
    cancel(): void {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { stream, cancelled: () => cancelled };
}

Deno.test("a body is put together from its chunks, however many", async () => {
  const clock = new FakeClock();
  let left = 20_000;
  const { stream } = streamed(() => left-- > 0 ? new Uint8Array([left & 0xff]) : null);
  const body = await readBody(post(stream), { clock, maxBytes: 20_000 });
  assert.ok(body.ok);
  assert.equal(body.bytes.byteLength, 20_000);
  assert.deepEqual(body.bytes.slice(0, 3), new Uint8Array([19_999 & 0xff, 19_998 & 0xff, 19_997 & 0xff]));
  assert.equal(clock.pending, 0);
});

Deno.test("no body is empty", async () => {
  const body = await readBody(post(null), { clock: new FakeClock(), maxBytes: 1 });
  assert.deepEqual(body, { ok: true, bytes: new Uint8Array(0) });
});

Deno.test("a stream without an end is given up right after the limit", async () => {
  const clock = new FakeClock();
  let made = 0;
  const { stream, cancelled } = streamed(() => new Uint8Array(1_000).fill(made++));
  assert.equal(status(await readBody(post(stream), { clock, maxBytes: 4_500 })), 413);
  assert.equal(made, 5);
  assert.ok(cancelled());
  assert.equal(clock.pending, 0);
});

Deno.test("an announced length above the limit is refused unread", async () => {
  let made = 0;
  const { stream } = streamed(() => new Uint8Array(++made));
  const request = post(stream, { "Content-Length": "4501" });
  assert.equal(status(await readBody(request, { clock: new FakeClock(), maxBytes: 4_500 })), 413);
  assert.equal(made, 0);
});

Deno.test("a body that does not arrive in time is a 408, and not a moment before", async () => {
  const clock = new FakeClock();
  let cancelled = false;
  const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
  let found: Body | undefined;
  const reading = readBody(post(stream), { clock, maxBytes: 10 }).then((body) => found = body);
  await clock.advance(29_999);
  assert.equal(found, undefined);
  await clock.advance(1);
  assert.equal(status(await reading), 408);
  assert.ok(cancelled);
});

Deno.test("a client that leaves in the middle is a 400, not a fault", async () => {
  const stream = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
  assert.equal(status(await readBody(post(stream), { clock: new FakeClock(), maxBytes: 10 })), 400);
});

Deno.test("a body that says its length is read as a whole, within the same bounds", async () => {
  const clock = new FakeClock();
  const bounds = { clock, maxBytes: 5, deadlines: new Deadlines(clock) };
  const body = await readBody(post("hello", { "Content-Length": "5" }), bounds);
  assert.deepEqual(body, { ok: true, bytes: new TextEncoder().encode("hello") });
  assert.equal(status(await readBody(post("hello!", { "Content-Length": "6" }), bounds)), 413);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
  assert.equal(status(await readBody(post(broken, { "Content-Length": "5" }), bounds)), 400);
  bounds.deadlines.dispose();
  assert.equal(clock.pending, 0);
});

Deno.test("a body that says its length and does not come in time is a 408, and hurts no other", async () => {
  const clock = new FakeClock();
  const bounds = { clock, maxBytes: 10, deadlines: new Deadlines(clock) };
  const silent = (): Request => post(new ReadableStream(), { "Content-Length": "5" });
  const found: number[] = [];
  const first = readBody(silent(), bounds).then((body) => found.push(status(body)));
  await clock.advance(10_000);
  const second = readBody(silent(), bounds).then((body) => found.push(status(body)));
  await clock.advance(19_999);
  assert.deepEqual(found, []);
  await clock.advance(1);
  await first;
  assert.deepEqual(found, [408]);
  assert.equal(status(await readBody(post("hello", { "Content-Length": "5" }), bounds)), 200);
  await clock.advance(10_000);
  await second;
  assert.deepEqual(found, [408, 408]);
  assert.equal(clock.pending, 0);
});

Deno.test("of a long body that says its length nothing is kept once it is too late", async () => {
  const clock = new FakeClock();
  const bounds = { clock, maxBytes: 1_000_000, deadlines: new Deadlines(clock) };
  let chunks = 2;
  let cancelled = false;
  const stream = new ReadableStream({
    pull(controller): Promise<void> | void {
      if (chunks-- === 0) return new Promise(() => {});
      controller.enqueue(new Uint8Array(40_000));
    },
    cancel(): void {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  const reading = readBody(post(stream, { "Content-Length": "100000" }), bounds);
  await clock.advance(30_000);
  assert.equal(status(await reading), 408);
  assert.ok(cancelled);
  bounds.deadlines.dispose();
  assert.equal(clock.pending, 0);
});
