/**
 * One connection of a client, and how long it may wait for what.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Deadlines, Expirable } from "../stream/deadlines.ts";
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
  #refused = false;
  #closing = false;
  #closed = false;

  /** @throws {Error} The runtime will not serve it. */
  constructor(host: ConnectionHost, serve: ServeConnection, connection: Deno.TcpConn) {
    this.#host = host;
    this.#served = serve(connection, (request, info) => this.#handle(request, info), (error) => {
      host.onError(error);
      return new Response(null, { status: 500 });
    });
    this.#wait(HEAD_DEADLINE_MS);
    this.finished = this.#served.finished.then(() => {
      this.#closed = true;
      host.deadlines.remove(this);
    });
  }

  /** No request is in progress; half of a head may have come. */
  get waits(): boolean {
    return this.#requests === 0;
  }

  /** Closes it once no request is in progress; {@link cut} may come before. */
  shutdown(): void {
    this.#closing = true;
    if (this.waits) this.#served.shutdown();
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
    info.completed.then(this.#completed, this.#completed);
    const response = this.#host.handler(request, info);
    response.then(this.#answered, ignore);
    return response;
  }

  readonly #answered = ({ status }: Response): void => {
    // What still comes of its body is thrown away by the runtime, for as long as it comes.
    if (status === 408 || status === 413) this.#refused = true;
  };

  /** Its answer is given, and a stream's end sent. */
  readonly #completed = (): void => {
    if (--this.#requests > 0) return;
    if (this.#closing) this.#served.shutdown();
    else this.#wait(this.#refused ? REFUSED_DEADLINE_MS : IDLE_DEADLINE_MS);
  };

  #wait(ms: number): void {
    const { clock, deadlines } = this.#host;
    // Its client left before the answer was given.
    if (this.#closed) return;
    deadlines.remove(this);
    this.deadlineMs = Math.ceil((clock.monotonic() + ms) / STEP_MS) * STEP_MS;
    deadlines.add(this);
  }
}

function ignore(): void {}
