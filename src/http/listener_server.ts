/**
 * `Deno.serve` that survives running out of descriptors. It knows no deadline for request heads, see `server.ts`.
 * @module
 */
import { sleep } from "../clock.ts";
import type { HttpServer, HttpServerOptions } from "./server.ts";

/** Waits between attempts to listen again; the last repeats. */
const RELISTEN_MS = [20, 50, 100, 200, 400, 800] as const;
/** What a request in progress has to end in before its connection is cut for want of descriptors. */
const CUT_AFTER_MS = 500;

/** One `Deno.serve`. Either its `stop` is aborted or it is shut down, never both: that ends the process (BadResource). */
interface Listening {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly stop: AbortController;
}

/**
 * See the module's text. When descriptors run out, the accept loop of `Deno.serve` ends for good. Then a new one listens on
 * the same port, and after 0.5 s every connection of the ended one is cut, also those that never send their request.
 */
export class ListenerServer implements HttpServer {
  readonly boundsHeads = false;
  readonly #options: HttpServerOptions;
  readonly #closing = new AbortController();
  /** The one that accepts; null between an end and the next listen. */
  #current: Listening | null = null;
  #port: number;

  /** Listens. @throws {Error} As `Deno.serve`. */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#listen();
  }

  /** {@link HttpServer.port} */
  get port(): number {
    return this.#port;
  }

  /** {@link HttpServer.close} What is left then only the end of the process ends. */
  async close(graceMs: number): Promise<boolean> {
    this.#closing.abort();
    const waited = new AbortController();
    const drained = this.#current === null ? Promise.resolve(true) : this.#current.server.shutdown().then(() => true);
    const late = sleep(this.#options.clock, graceMs, waited.signal).then(() => false);
    const result = await Promise.race([drained, late]);
    waited.abort();
    return result;
  }

  #listen(): void {
    const { handler, hostname, onFault } = this.#options;
    const stop = new AbortController();
    const server = Deno.serve({
      hostname,
      port: this.#port,
      signal: stop.signal,
      // Silent: the default prints the address, and the stack of an error.
      onListen: () => {},
      onError: (error) => {
        onFault?.(error);
        return new Response(null, { status: 500 });
      },
    }, handler);
    this.#current = { server, stop };
    this.#port = server.addr.port;
    server.finished.catch((error) => this.#ended(stop, error));
  }

  #ended(stop: AbortController, error: unknown): void {
    this.#current = null;
    this.#options.onFault?.(error);
    void this.#cut(stop);
    void this.#relisten();
  }

  async #cut(stop: AbortController): Promise<void> {
    await sleep(this.#options.clock, CUT_AFTER_MS, this.#closing.signal);
    stop.abort();
  }

  async #relisten(): Promise<void> {
    const { clock, onFault } = this.#options;
    for (let attempt = 0;; attempt++) {
      const waitMs = RELISTEN_MS[Math.min(attempt, RELISTEN_MS.length - 1)]!;
      if (!await sleep(clock, waitMs, this.#closing.signal)) return;
      try {
        return this.#listen();
      } catch (error) {
        onFault?.(error);
      }
    }
  }
}
