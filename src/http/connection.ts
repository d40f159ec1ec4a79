/**
 * One connection of a client, and how long it may wait for what.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Deadlines, Expirable } from "../stream/deadlines.ts";
import { BODY_DEADLINE_MS } from "./body.ts";
import type { HttpHandler } from "./router.ts";
import type { ServeConnection, ServedConnection } from "./serve_connection.ts";

/** The head of the first request must have arrived so long after the connection was made, ms. */
export const HEAD_DEADLINE_MS = 10_000;
/**
 * So long after an answer the head of the next request must have arrived, ms. Longer than the minute for which common
 * proxies keep a connection, so that they close it, and none of their requests meets one that is being closed.
 */
export const IDLE_DEADLINE_MS = 75_000;
/** So long after it was told that its body is too slow or too large a client may go on sending, ms. */
export const REFUSED_DEADLINE_MS = 5_000;
/**
 * Whoever reads no slower than so many bytes a millisecond is given the time for an answer that says its length. The runtime
 * calls an answer complete once it has it; a stream, once it is sent.
 */
export const READ_BYTES_PER_MS = 16;
/** Deadlines are kept to this, ms: thousands of connections then need a few looks a second. */
const STEP_MS = 250;

/** What a connection asks of its server. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly handler: HttpHandler;
  /** A handler rejected, which none should. */
  onError(error: unknown): void;
}

/** See the module's text. Served from the moment it is made. */
export class Connection implements Expirable {
  deadlineMs = 0;
  deadlineSlot = -1;
  /** Resolves when it is closed. Never rejects. */
  readonly finished: Promise<void>;
  readonly #host: ConnectionHost;
  readonly #served: ServedConnection;
  /** In progress; several where the client speaks HTTP/2. */
  #requests = 0;
  /** How long it may wait after the answer, ms. */
  #patienceMs = HEAD_DEADLINE_MS;
  /** Until then what was answered may take to be read, monotonic ms. */
  #readUntilMs = 0;
  #closing = false;

  /** @throws {Error} The runtime will not serve it. */
  constructor(host: ConnectionHost, serve: ServeConnection, connection: Deno.TcpConn) {
    this.#host = host;
    this.#served = serve(connection, (request, info) => this.#handle(request, info), (error) => {
      host.onError(error);
      return new Response(null, { status: 500 });
    });
    this.#wait();
    this.finished = this.#served.finished.then(() => host.deadlines.remove(this));
  }

  /** No request is in progress, nor has a long answer to be read; half of a head may have come. */
  get waits(): boolean {
    return this.#requests === 0 && this.#host.clock.monotonic() >= this.#readUntilMs;
  }

  /** Closes it once no request is in progress; {@link cut} may come before. */
  shutdown(): void {
    this.#closing = true;
    if (this.#requests === 0) this.#served.shutdown();
  }

  /** Closes it. */
  cut(): void {
    this.#served.cut();
  }

  /** {@link Expirable.expire} */
  expire(): void {
    this.cut();
  }

  #handle(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    this.#host.deadlines.remove(this);
    this.#requests++;
    this.#patienceMs = IDLE_DEADLINE_MS;
    info.completed.then(this.#completed, this.#completed);
    const response = this.#host.handler(request, info);
    response.then((answer) => this.#answered(request, answer), ignore);
    return response;
  }

  #answered(request: Request, { status, headers }: Response): void {
    // What still comes of its body is thrown away by the runtime, for as long as it comes.
    if (status === 408 || status === 413) this.#patienceMs = REFUSED_DEADLINE_MS;
    else if (!request.bodyUsed && request.body !== null) this.#patienceMs = BODY_DEADLINE_MS;
    const bytes = request.method === "HEAD" ? 0 : Number(headers.get("content-length") ?? 0);
    if (bytes > 0) {
      this.#readUntilMs = Math.max(this.#host.clock.monotonic(), this.#readUntilMs) + bytes / READ_BYTES_PER_MS;
    }
  }

  /** Its answer is given, and a stream's end sent. */
  readonly #completed = (): void => {
    if (--this.#requests > 0) return;
    if (this.#closing) this.#served.shutdown();
    else this.#wait();
  };

  #wait(): void {
    const { clock, deadlines } = this.#host;
    const fromMs = Math.max(clock.monotonic(), this.#readUntilMs);
    deadlines.remove(this);
    this.deadlineMs = Math.ceil((fromMs + this.#patienceMs) / STEP_MS) * STEP_MS;
    deadlines.add(this);
  }
}

function ignore(): void {}
