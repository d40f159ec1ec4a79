/**
 * Accepts connections itself and serves each for itself, so that those can be closed that keep the server waiting.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { ServeConnection } from "./serve_connection.ts";
import type { HttpServer, HttpServerOptions } from "./server.ts";

/** Before the next attempt, where a connection could not be accepted, ms. */
const AGAIN_MS = 50;
/** So long after descriptors ran out connections are cut for want of them, ms. */
const CUT_AFTER_MS = 500;
/** A shortage is the same one if it comes back within this, ms. */
const OVER_AFTER_MS = 2_000;
/** So often the same fault is told, ms. */
const TELL_MS = 30_000;
/**
 * These say of one connection that its client has left again before it was accepted (the runtime asks for its address), or
 * that the network to it failed: nothing is wrong with us, and the next one waits already.
 */
const GONE: ReadonlySet<string> = new Set([
  ...["ENOTCONN", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EPROTO"],
  ...["EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENONET"],
]);
/** Descriptors, or the memory of sockets, are used up. */
const SHORT: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** See the module's text. */
export class ConnectionServer implements HttpServer {
  readonly port: number;
  readonly boundsHeads = true;
  readonly #serve: ServeConnection;
  readonly #host: ConnectionHost;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Connection>();
  readonly #closing = new AbortController();
  /** When the last shortage of descriptors began, and when it was last felt, monotonic ms. */
  #shortSinceMs = -Infinity;
  #shortMs = -Infinity;
  #toldMs = -Infinity;

  /** Listens. @throws {Error} As `Deno.listen`. */
  constructor(options: HttpServerOptions, serve: ServeConnection) {
    const { handler, hostname, port, clock, onFault = () => {} } = options;
    this.#serve = serve;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#host = { clock, handler, deadlines: new Deadlines(clock), onError: onFault };
    this.#listener = Deno.listen({ hostname, port, transport: "tcp" });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** {@link HttpServer.close} */
  async close(graceMs: number): Promise<boolean> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#listener.close();
    }
    for (const connection of this.#connections) connection.shutdown();
    const waited = new AbortController();
    const drained = Promise.all([...this.#connections].map(({ finished }) => finished)).then(() => true);
    const late = sleep(this.#clock, graceMs, waited.signal).then(() => false);
    const result = await Promise.race([drained, late]);
    waited.abort();
    for (const connection of this.#connections) connection.cut();
    this.#host.deadlines.dispose();
    return result;
  }

  async #accept(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        await this.#failed(error);
      }
    }
  }

  async #failed(error: unknown): Promise<void> {
    const code = codeOf(error);
    if (GONE.has(code)) return;
    this.#tell(error);
    if (SHORT.has(code)) await this.#shortage();
    else await sleep(this.#clock, AGAIN_MS, this.#closing.signal);
  }

  #take(accepted: Deno.TcpConn): void {
    if (this.#closing.signal.aborted) return accepted.close();
    try {
      // Answers are written whole; waiting for more would hold up streams.
      accepted.setNoDelay(true);
      const connection = new Connection(this.#host, this.#serve, accepted);
      this.#connections.add(connection);
      void connection.finished.then(() => this.#connections.delete(connection));
    } catch (error) {
      // It cannot be served; the others can.
      close(accepted);
      this.#tell(error);
    }
  }

  /**
   * A connection could not be accepted for want of descriptors. Some may become free; else connections are
   * cut: those that keep the server waiting, and if there are none, all that were open then. Where it comes back at once,
   * many more wait to be accepted, and among them may be a probe: then those that keep it waiting have had their time.
   */
  async #shortage(): Promise<void> {
    const then = [...this.#connections];
    const startedMs = this.#clock.monotonic();
    if (startedMs - this.#shortMs > OVER_AFTER_MS) this.#shortSinceMs = startedMs;
    for (let now = startedMs; now - startedMs < CUT_AFTER_MS;) {
      if (!await sleep(this.#clock, AGAIN_MS, this.#closing.signal)) return;
      now = this.#shortMs = this.#clock.monotonic();
      const waiting = now - this.#shortSinceMs < CUT_AFTER_MS ? [] : then.filter((connection) => connection.waits);
      if (waiting.length > 0) return await this.#cut(waiting);
      if (this.#connections.size < then.length) return;
    }
    await this.#cut(then);
  }

  async #cut(connections: readonly Connection[]): Promise<void> {
    for (const connection of connections) connection.cut();
    // Their descriptors are free a little later.
    await sleep(this.#clock, AGAIN_MS, this.#closing.signal);
  }

  #tell(error: unknown): void {
    const now = this.#clock.monotonic();
    if (now - this.#toldMs < TELL_MS) return;
    this.#toldMs = now;
    this.#onFault(error);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The runtime has taken it already.
  }
}
