/**
 * `GET /admin/api/live`: server-sent events, one stream a client.
 * @module
 */
import type { LiveHub, LiveMessage } from "../admin/live.ts";
import type { Clock } from "../clock.ts";
import { type Problem, problemResponse } from "./problem.ts";

/** So often something is sent, so that proxies do not take the connection for dead. */
const HEARTBEAT_MS = 15_000;
/** Messages that wait for one client that reads slowly. */
const MOST_QUEUED = 1_000;
/** Heartbeats in a row before which nothing was taken: a phone that lost its network, which TCP notices much later. */
const MOST_SILENT_BEATS = 4;

const HEADERS = { "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" };
const FULL: Problem = {
  status: 429,
  code: "too_many_clients",
  title: "Too many clients",
  detail: "As many clients as are allowed watch already, or the service is shutting down.",
  headers: { "Retry-After": "5" },
};

/** What one client asked for. */
export interface LiveRequest {
  readonly method: string;
  readonly correlationId: string;
  /** Kinds of messages that are wanted, separated by commas; absent or empty: all. */
  readonly kinds?: string | undefined;
}

/**
 * Streams until the client leaves, takes nothing for a minute, or the service ends. `HEAD` gets the headers alone.
 */
export function liveResponse(hub: LiveHub, clock: Clock, { method, correlationId, kinds }: LiveRequest): Response {
  if (method === "HEAD") return new Response(null, { headers: HEADERS });
  const wanted = kinds ? new Set(kinds.split(",")) : null;
  const client = new LiveClient(clock);
  const leave = hub.watch({
    onMessage: (message) => {
      if (wanted === null || wanted.has(message.kind)) client.push(message);
    },
    onEnd: () => client.end(),
  });
  if (leave === null) return problemResponse(FULL, correlationId);
  return new Response(client.open(leave), { headers: HEADERS });
}

/** A bounded queue in front of one connection. */
class LiveClient {
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  #queue: string[] = ["retry: 3000\n: connected\n\n"];
  #dropped = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  #cancelBeat: (() => void) | null = null;
  #silentBeats = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param onLeave Called once, when nobody reads any more. */
  open(onLeave: () => void): ReadableStream<Uint8Array> {
    this.#beat(onLeave);
    return new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.end();
        onLeave();
      },
    }, { highWaterMark: 0 });
  }

  push({ kind, data }: LiveMessage): void {
    if (this.#queue.length >= MOST_QUEUED) this.#dropped++;
    else this.#offer(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.#ended = true;
    this.#cancelBeat?.();
    this.#wake?.();
  }

  #offer(text: string): void {
    this.#queue.push(text);
    this.#wake?.();
  }

  #beat(onLeave: () => void): void {
    this.#cancelBeat = this.#clock.after(HEARTBEAT_MS, () => {
      if (++this.#silentBeats > MOST_SILENT_BEATS) return this.#giveUp(onLeave);
      if (this.#queue.length < MOST_QUEUED) this.#offer(": heartbeat\n\n");
      this.#beat(onLeave);
    }, true);
  }

  /** Its place is free for another one; should it read after all, it finds the end. */
  #giveUp(onLeave: () => void): void {
    this.#queue = [];
    this.end();
    onLeave();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#queue.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    this.#silentBeats = 0;
    const texts = this.#queue;
    this.#queue = [];
    if (this.#dropped > 0) texts.push(`event: dropped\ndata: ${JSON.stringify({ count: this.#dropped })}\n\n`);
    this.#dropped = 0;
    if (texts.length > 0) controller.enqueue(this.#encoder.encode(texts.join("")));
    if (this.#ended) controller.close();
  }
}
