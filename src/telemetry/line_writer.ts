/**
 * Writes lines without ever making anybody wait.
 *
 * A reader of stdout that stalls must not stall the service, nor grow its memory. Measured with Deno 2.9.6 on Linux,
 * stdout a pipe that nobody reads: `console.log` and `Deno.stdout.writeSync` stop the event loop for good at 64 KiB;
 * `Deno.stdout.write` waits on a thread of the blocking pool, timers keep their pace, and `Deno.exit` still works. One
 * write is under way at a time, so no more than one such thread is ever held.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";

/** Writes a part of the chunk, at least one byte, and says how many. */
export type WriteChunk = (chunk: Uint8Array<ArrayBuffer>) => Promise<number>;

/** Settings of a {@link LineWriter}. */
export interface LineWriterOptions {
  readonly write: WriteChunk;
  readonly clock: Clock;
  /** Bytes that may wait, those being written included. */
  readonly highWaterBytes: number;
  /** Makes the line that says how many lines are missing at its place. */
  readonly gapLine: (dropped: number) => Uint8Array<ArrayBuffer>;
}

const BATCH_BYTES = 65_536;
const BUSY_RETRY_MS = 20;

/** A bounded queue of lines before one writing loop. */
export class LineWriter {
  readonly #options: LineWriterOptions;
  readonly #stop = new AbortController();
  readonly #idle = new Set<() => void>();
  #queue: Uint8Array<ArrayBuffer>[] = [];
  /** Of the queue and of what is being written. */
  #bytes = 0;
  #dropped = 0;
  /** Lines missing since the last one that was taken; above 0 nothing is taken, so that the gap is in one place. */
  #gap = 0;
  #running = false;
  #ended = false;

  /** @param options Its settings. Does no I/O. */
  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  /** Lines that were not written, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** True once nothing is written any more: the reader is gone, or this was closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes a line, newline included, or drops and counts it where there is no room. Once full, there is room at half. */
  offer(line: Uint8Array<ArrayBuffer>): void {
    const full = this.#gap > 0 || this.#bytes + line.length > this.#options.highWaterBytes;
    if (this.#ended) return this.drop(1);
    if (full) this.#gap++;
    if (full) this.drop(1);
    else this.#push(line);
    if (!this.#running) void this.#run();
  }

  /** Counts lines that were lost before they came here. */
  drop(lines: number): void {
    this.#dropped += lines;
  }

  /**
   * Waits until all that was taken is written.
   * @returns False when `timeoutMs` passed first, or lines were lost meanwhile because the reader is gone.
   */
  async flush(timeoutMs: number): Promise<boolean> {
    if (!this.#running) return !this.#ended;
    const done = Promise.withResolvers<boolean>();
    const onIdle = (): void => done.resolve(!this.#ended);
    this.#idle.add(onIdle);
    const cancel = this.#options.clock.after(timeoutMs, () => done.resolve(false));
    const flushed = await done.promise;
    this.#idle.delete(onIdle);
    cancel();
    return flushed;
  }

  /** Flushes, at most for `timeoutMs`, then takes nothing more. A write that hangs cannot be taken back and is left. */
  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#end();
  }

  #push(line: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(line);
    this.#bytes += line.length;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.drop(this.#queue.length);
    this.#queue = [];
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#closeGap();
    while (this.#queue.length > 0) {
      const lines = this.#take();
      const chunk = joined(lines);
      const written = await this.#writeAll(chunk);
      this.#bytes -= chunk.length;
      if (written < chunk.length) this.drop(linesAfter(lines, written));
      this.#closeGap();
    }
    this.#running = false;
    for (const onIdle of [...this.#idle]) onIdle();
  }

  #take(): Uint8Array<ArrayBuffer>[] {
    let count = 1;
    let size = this.#queue[0]?.length ?? 0;
    while (count < this.#queue.length) {
      size += this.#queue[count]?.length ?? 0;
      if (size > BATCH_BYTES) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #closeGap(): void {
    if (this.#gap === 0 || this.#ended || this.#bytes > this.#options.highWaterBytes / 2) return;
    const line = this.#options.gapLine(this.#gap);
    this.#gap = 0;
    this.#push(line);
  }

  /** @returns Bytes written: fewer than given when that failed. */
  async #writeAll(chunk: Uint8Array<ArrayBuffer>): Promise<number> {
    let written = 0;
    while (written < chunk.length && !this.#stop.signal.aborted) {
      const step = await this.#writeSome(chunk.subarray(written));
      if (step === "failed") break;
      if (step === 0) await sleep(this.#options.clock, BUSY_RETRY_MS, this.#stop.signal);
      written += step;
    }
    return written;
  }

  async #writeSome(chunk: Uint8Array<ArrayBuffer>): Promise<number | "failed"> {
    try {
      return Math.max(0, await this.#options.write(chunk));
    } catch (error) {
      // A parent can make the pipe that it shares with us non-blocking: full is then an error, and passes.
      if (error instanceof Deno.errors.WouldBlock || error instanceof Deno.errors.Interrupted) return 0;
      // The reader is gone for good. Anything else, a full disk say, can pass: these lines are lost, later ones tried.
      if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource) this.#end();
      return "failed";
    }
  }
}

function joined(lines: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return only;
  const chunk = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0));
  let at = 0;
  for (const line of lines) {
    chunk.set(line, at);
    at += line.length;
  }
  return chunk;
}

function linesAfter(lines: readonly Uint8Array[], written: number): number {
  let left = written;
  return lines.filter((line) => (left -= line.length) < 0).length;
}
