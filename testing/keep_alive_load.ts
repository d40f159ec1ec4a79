/**
 * A load of `POST /events` over connections that are kept: each worker sends one event after another on its connection,
 * and makes a new one only when it was told to (`Connection: close`). Nothing is repeated; whatever is not a 202 is a failure.
 * @module
 */
import { sleep, systemClock } from "../src/clock.ts";
import { until } from "./wait.ts";

/** Settings of {@link startLoad}. */
export interface LoadOptions {
  readonly host?: string;
  readonly port: number;
  /** Connections at once. Default 8. */
  readonly connections?: number;
  /** Pause of a connection between two requests, ms. Default 15. */
  readonly pauseMs?: number;
  /** Type of the events. */
  readonly type: string;
  /** `API_TOKEN`, where one is wanted. */
  readonly token?: string;
}

/** Bound on one request, ms: a balancer's patience. */
const PATIENCE_MS = 10_000;

/** Starts sending. */
export function startLoad(options: LoadOptions): KeepAliveLoad {
  return new KeepAliveLoad(options);
}

/** A load under way. Made by {@link startLoad}. */
export class KeepAliveLoad {
  /** Ids of events that were taken (202). */
  readonly accepted: string[] = [];
  /** What went wrong, one text each. */
  readonly failures: string[] = [];
  /** Connections made so far. */
  connections = 0;
  readonly #o: LoadOptions;
  readonly #workers: readonly Promise<void>[];
  #stopped = false;

  /** Use {@link startLoad}. */
  constructor(options: LoadOptions) {
    this.#o = options;
    this.#workers = Array.from({ length: options.connections ?? 8 }, (_, i) => this.#run(i));
  }

  /** Lets what is under way finish, then ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #run(worker: number): Promise<void> {
    const { host = "127.0.0.1", port, pauseMs = 15 } = this.#o;
    let kept: Connection | null = null;
    for (let n = 0; !this.#stopped; n++) {
      const id = `w${worker}-${n}`;
      try {
        if (kept === null) {
          this.connections++;
          kept = await Connection.open(host, port);
        }
        const { status, closes } = await until(kept.request(this.#request(id)), { timeoutMs: PATIENCE_MS, what: id });
        if (status === 202) this.accepted.push(id);
        else this.failures.push(`${id}: ${status}`);
        if (closes) kept = kept.end();
      } catch (error) {
        this.failures.push(`${id}: ${error instanceof Error ? error.message : error}`);
        kept = kept?.end() ?? null;
      }
      await sleep(systemClock, pauseMs);
    }
    kept?.end();
  }

  #request(id: string): string {
    const body = JSON.stringify({ specversion: "1.0", id, type: this.#o.type, source: "load", data: { id } });
    return [
      "POST /events HTTP/1.1",
      "Host: service",
      "Content-Type: application/cloudevents+json",
      `Content-Length: ${body.length}`,
      ...(this.#o.token === undefined ? [] : [`Authorization: Bearer ${this.#o.token}`]),
      "",
      body,
    ].join("\r\n");
  }
}

/** One kept HTTP/1.1 connection, one request at a time. Responses have a length. */
class Connection {
  readonly #socket: Deno.TcpConn;
  readonly #buffer = new Uint8Array(16_384);
  #text = "";

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async open(hostname: string, port: number): Promise<Connection> {
    return new Connection(await Deno.connect({ hostname, port }));
  }

  async request(text: string): Promise<{ status: number; closes: boolean }> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
    const head = await this.#until(() => this.#text.indexOf("\r\n\r\n") + 4, 4);
    const headers = this.#text.slice(0, head);
    this.#text = this.#text.slice(head);
    const length = Number(/^content-length: (\d+)/mi.exec(headers)?.[1]);
    await this.#until(() => this.#text.length, length);
    this.#text = "";
    return { status: Number(headers.slice(9, 12)), closes: /^connection: close/mi.test(headers) };
  }

  end(): null {
    this.#socket.close();
    return null;
  }

  /** Reads until `found()` is at least `wanted`. */
  async #until(found: () => number, wanted: number): Promise<number> {
    while (found() < wanted) {
      const n = await this.#socket.read(this.#buffer);
      if (n === null) throw new Error("the connection was closed instead of an answer");
      this.#text += new TextDecoder("latin1").decode(this.#buffer.subarray(0, n));
    }
    return found();
  }
}
