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
    let told = false;
    while (!this.#closing.signal.aborted) {
      try {
        this.#take(await this.#listener.accept());
        told = false;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!told) this.#onFault(error);
        told = true;
        await this.#shortage();
      }
    }
  }

  #take(accepted: Deno.TcpConn): void {
    if (this.#closing.signal.aborted) return accepted.close();
    // Answers are written whole; waiting for more would hold up streams.
    accepted.setNoDelay(true);
    const connection = new Connection(this.#host, this.#serve, accepted);
    this.#connections.add(connection);
    void connection.finished.then(() => this.#connections.delete(connection));
  }

  /**
   * A connection could not be accepted, nearly always for want of descriptors. Some may become free; else connections are
   * cut: those that keep the server waiting, and if there are none, all that were open then.
   */
  async #shortage(): Promise<void> {
    const then = [...this.#connections];
    for (let waited = 0; waited < CUT_AFTER_MS; waited += AGAIN_MS) {
      if (!await sleep(this.#clock, AGAIN_MS, this.#closing.signal)) return;
      if (this.#connections.size < then.length) return;
    }
    const waiting = then.filter((connection) => connection.waits);
    for (const connection of waiting.length > 0 ? waiting : then) connection.cut();
    await sleep(this.#clock, AGAIN_MS, this.#closing.signal);
  }
}
