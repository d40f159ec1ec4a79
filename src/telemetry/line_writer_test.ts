import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { LineWriter, type WriteChunk } from "./line_writer.ts";

const text = new TextDecoder();
const bytes = (line: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(line);
const gapLine = (dropped: number): Uint8Array<ArrayBuffer> => bytes(`gap ${dropped}\n`);
const micro = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve();
};

/** A reader that takes what it is allowed to. */
class Pipe {
  read = "";
  readonly sizes: number[] = [];
  #waiting: { chunk: Uint8Array; resolve: (n: number) => void; reject: (e: unknown) => void } | null = null;

  readonly write: WriteChunk = (chunk) => {
    this.sizes.push(chunk.length);
    assert.equal(this.#waiting, null, "one write at a time");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting = { chunk, resolve, reject };
    return promise;
  };

  /** Lets the write under way take at most `limit` bytes. */
  async take(limit = Infinity): Promise<void> {
    const waiting = this.#waiting;
    assert.ok(waiting !== null, "a write is under way");
    this.#waiting = null;
    const part = waiting.chunk.subarray(0, limit);
    this.read += text.decode(part);
    waiting.resolve(part.length);
    await micro();
  }

  async fail(error: unknown): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(error);
    await micro();
  }

  get stalled(): boolean {
    return this.#waiting !== null;
  }

  async drain(): Promise<void> {
    while (this.stalled) await this.take();
  }
}

function setUp(highWaterBytes = 1_000): { pipe: Pipe; clock: FakeClock; writer: LineWriter } {
  const pipe = new Pipe();
  const clock = new FakeClock();
  return { pipe, clock, writer: new LineWriter({ write: pipe.write, clock, highWaterBytes, gapLine }) };
}

Deno.test("lines come out in order, many in one write, also when the reader takes them in pieces", async () => {
  const { pipe, writer } = setUp();
  const expected = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  for (const line of expected) writer.offer(bytes(line));
  await pipe.take(3);
  await pipe.take(4);
  await pipe.take(100);
  await pipe.drain();
  assert.equal(pipe.read, expected.join(""));
  assert.ok(pipe.sizes.length < 10, `${pipe.sizes.length} writes`);
  assert.equal(writer.dropped, 0);
});

Deno.test("one write is never more than about 64 KiB", async () => {
  const { pipe, writer } = setUp(10_000_000);
  for (let i = 0; i < 100; i++) writer.offer(bytes(`${"x".repeat(9_999)}\n`));
  await pipe.drain();
  assert.equal(pipe.read.length, 1_000_000);
  assert.ok(Math.max(...pipe.sizes) <= 65_536);
});

Deno.test("a stalled reader costs the limit and no more: what does not fit is counted and told in its place", async () => {
  const { pipe, writer } = setUp(100);
  for (let i = 0; i < 1_000; i++) writer.offer(bytes(`line-${String(i).padStart(3, "0")}\n`));
  assert.equal(writer.dropped, 989, "eleven lines of nine bytes fit");
  await pipe.take();
  await pipe.drain();
  writer.offer(bytes("after\n"));
  await pipe.drain();
  const lines = pipe.read.trimEnd().split("\n");
  assert.equal(lines.length, 13);
  assert.deepEqual(lines.slice(10), ["line-010", "gap 989", "after"]);
  assert.equal(writer.dropped, 989);
});

Deno.test("once full, lines are taken again at half, so that a gap is in one place", async () => {
  const { pipe, writer } = setUp(100);
  for (let i = 0; i < 4; i++) writer.offer(bytes(`${String(i).repeat(29)}\n`));
  await pipe.take();
  writer.offer(bytes("would fit\n"));
  await pipe.take();
  writer.offer(bytes("in time\n"));
  await pipe.drain();
  const starts = pipe.read.split("\n").map((line) => line.slice(0, 9));
  assert.deepEqual(starts, ["000000000", "111111111", "222222222", "gap 2", "in time", ""]);
});

Deno.test("a line that is larger than everything is dropped and told", async () => {
  const { pipe, writer } = setUp(10);
  writer.offer(bytes("much too long\n"));
  await pipe.drain();
  assert.equal(pipe.read, "gap 1\n");
});

for (const error of [new Deno.errors.BrokenPipe("gone"), new Deno.errors.BadResource("closed")]) {
  Deno.test(`${error.constructor.name} ends writing silently, and what is lost is counted`, async () => {
    const { pipe, writer } = setUp();
    for (let i = 0; i < 5; i++) writer.offer(bytes(`${i}\n`));
    await pipe.fail(error);
    assert.ok(writer.ended);
    assert.equal(writer.dropped, 5);
    writer.offer(bytes("later\n"));
    assert.equal(writer.dropped, 6);
    assert.ok(!pipe.stalled, "nothing is written any more");
    assert.equal(await writer.flush(1_000), false);
  });
}

Deno.test("any other failure loses the lines of that write, and later ones are tried", async () => {
  const { pipe, writer } = setUp();
  writer.offer(bytes("lost\n"));
  writer.offer(bytes("kept\n"));
  await pipe.fail(new Error("no space left on device"));
  await pipe.drain();
  assert.equal(pipe.read, "kept\n");
  assert.equal(writer.dropped, 1);
});

Deno.test("a writer that throws at the call hurts nobody", async () => {
  const write = (): Promise<number> => {
    throw new Error("at once");
  };
  const writer = new LineWriter({ write, clock: new FakeClock(), highWaterBytes: 100, gapLine });
  writer.offer(bytes("a\n"));
  writer.offer(bytes("b\n"));
  await micro();
  assert.equal(writer.dropped, 2);
  assert.equal(await writer.flush(10), true, "nothing is left to write");
});

Deno.test("a full non-blocking pipe is tried again a little later, and nothing is lost", async () => {
  const { pipe, clock, writer } = setUp();
  writer.offer(bytes("a line\n"));
  await pipe.take(2);
  await pipe.fail(new Deno.errors.WouldBlock("full"));
  assert.ok(!pipe.stalled, "it waits first");
  await clock.advance(20);
  await pipe.drain();
  assert.equal(pipe.read, "a line\n");
  assert.equal(clock.pending, 0);
});

Deno.test("flush waits until all is written, and at most as long as it was told", async () => {
  const { pipe, clock, writer } = setUp();
  assert.equal(await writer.flush(1_000), true, "nothing to do");
  writer.offer(bytes("a\n"));
  const tooLong = writer.flush(500);
  await clock.advance(500);
  assert.equal(await tooLong, false);
  const inTime = writer.flush(500);
  await pipe.drain();
  assert.equal(await inTime, true);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("closing with a reader that never reads ends in time, and the rest is counted", async () => {
  const { pipe, clock, writer } = setUp();
  for (let i = 0; i < 5; i++) writer.offer(bytes(`${i}\n`));
  const closing = writer.close(1_000);
  await clock.advance(1_000);
  await closing;
  writer.offer(bytes("late\n"));
  assert.equal(writer.dropped, 5, "four that waited and the late one; the first is with the reader");
  await pipe.drain();
  assert.equal(pipe.read, "0\n");
});

Deno.test("closing while a busy pipe is retried leaves no timer", async () => {
  const { pipe, clock, writer } = setUp();
  writer.offer(bytes("a line\n"));
  await pipe.fail(new Deno.errors.WouldBlock("full"));
  const closing = writer.close(5);
  await clock.advance(5);
  await closing;
  await clock.advance(100);
  assert.equal(clock.pending, 0);
  assert.ok(!pipe.stalled);
  assert.equal(writer.dropped, 1);
});
