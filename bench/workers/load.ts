/**
 * Sends requests over kept connections, one at a time each, and counts answers; as cheap as can be in one thread.
 *
 * `BENCH_URL`, `BENCH_REQUESTS`, `BENCH_CONNECTIONS`, `BENCH_BATCH` (events a request; 1: a single event).
 * @module
 */
import { tell } from "../lib/child.ts";
import { dataOf, writeAll } from "../lib/fill.ts";

const env = Deno.env.toObject();
const { port } = new URL(env["BENCH_URL"]!);
const requests = Number(env["BENCH_REQUESTS"]);
const batch = Number(env["BENCH_BATCH"] ?? 1);
const encoder = new TextEncoder();
/** Ids of their own: what was published before would be recognized, and cost less. */
const run = crypto.randomUUID().slice(0, 8);

/** Digits of a request's number, which are part of the ids of its events. */
const DIGITS = 8;

/** A request of which only the ids change: to make its text anew would take the machine as long as to send it. */
class Request {
  readonly #bytes: Uint8Array;
  /** Where the digits are. */
  readonly #places: readonly number[];

  constructor() {
    const mark = "#".repeat(DIGITS);
    const event = (at: number): string =>
      `{"specversion":"1.0","id":"${run}-${mark}-${at}","type":"order.created","source":"svc/orders","data":${
        dataOf(0)
      }}`;
    const body = batch === 1 ? event(0) : `[${Array.from({ length: batch }, (_, at) => event(at)).join(",")}]`;
    const type = batch === 1 ? "application/cloudevents+json" : "application/cloudevents-batch+json";
    const text =
      `POST /events HTTP/1.1\r\nhost: bench\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    this.#bytes = encoder.encode(text);
    this.#places = Array.from(text.matchAll(new RegExp(mark, "g")), ({ index }) => index);
  }

  /** Its bytes, good until the next. */
  at(index: number): Uint8Array {
    for (const place of this.#places) {
      for (let digit = DIGITS - 1, rest = index; digit >= 0; digit--, rest = Math.floor(rest / 10)) {
        this.#bytes[place + digit] = 48 + rest % 10;
      }
    }
    return this.#bytes;
  }
}

let sent = 0;
let wrong = 0;

async function talk(): Promise<void> {
  using connection = await Deno.connect({ port: Number(port) });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  const request = new Request();
  while (sent < requests) {
    await writeAll(connection, request.at(sent++));
    let text = "";
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) throw new Error("the server closed the connection");
      text += decoder.decode(buffer.subarray(0, size));
      const head = text.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? NaN);
      if (head >= 0 && text.length >= head + 4 + length) break;
    }
    if (!text.startsWith("HTTP/1.1 202")) wrong++;
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(env["BENCH_CONNECTIONS"] ?? 32) }, talk));
tell({ requests, wrong, seconds: (performance.now() - startedAt) / 1_000 });
