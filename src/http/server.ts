/**
 * The socket side: `Deno.serve` that survives running out of file descriptors and closes within a bound.
 *
 * What protects it from slow clients, and what Deno does not allow (measured on Deno 2.9.6):
 *
 * - **Bodies** have 30 s, then the client gets a 408 and what it still sends is thrown away (`body.ts`). The connection
 *   itself stays until the client closes it: a handler cannot close a connection.
 * - **Request heads have no deadline.** `Deno.serve` has none, takes no option for one, and tells nothing of a connection
 *   before its first request is complete, so it cannot be added from outside (denoland/deno#3515). Such a connection
 *   costs one descriptor and a few kilobytes, never a handler, and thousands of them do not slow the probes.
 * - What limits both is the number of descriptors: when they run out, the connections there are get cut and listening
 *   goes on, see {@link startHttpServer}. A stricter deadline needs a proxy in front.
 * - A front of our own (`Deno.listen`, each connection piped to `Deno.serve` on a Unix socket) could close late heads, and
 *   costs 35 µs of processor time a request where there were 15, twice the descriptors, and the address of the client.
 * - `node:http` on Deno does enforce `headersTimeout` and `requestTimeout`, yet answers less than half as many requests a
 *   second, and after running out of descriptors it stops accepting without any event: worse than what it cures.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";
import { ServiceError } from "../errors.ts";
import type { HttpHandler } from "./router.ts";

/** What a server is made of. */
export interface HttpServerOptions {
  readonly handler: HttpHandler;
  /** Address to listen on, such as `0.0.0.0`. */
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly clock: Clock;
  /** Told once, of the address that is really listened on. Default: ignored. */
  readonly onListen?: (address: { readonly hostname: string; readonly port: number }) => void;
  /** Told of each fault that the server survived: descriptors used up, a handler that rejected. Default: ignored. */
  readonly onFault?: (error: unknown) => void;
}

/** A server that listens. */
export interface HttpServer {
  /** The port that is really listened on. */
  readonly port: number;
  /**
   * Stops accepting, lets requests in progress finish, and gives up on them after `graceMs` (such as streams without an
   * end, and bodies that are half sent; the process must end to be rid of those). Idempotent; never rejects.
   * @returns True when everything was finished.
   */
  close(graceMs: number): Promise<boolean>;
}

/** Waits between attempts to listen again; the last repeats. */
const RELISTEN_MS = [20, 50, 100, 200, 400, 800] as const;
/** What a request in progress has to end in before its connection is cut for want of descriptors. */
const CUT_AFTER_MS = 500;

/**
 * Listens.
 *
 * When descriptors run out, the accept loop of `Deno.serve` ends for good. Then a new one listens on the same port, and
 * after 0.5 s every connection of the ended one is cut, also those that never send their request: so the service answers
 * again within a second or so even while the flood is held. The process must have a signal listener by then: Deno 2.9.6
 * panics where it has no descriptor left to prepare for its first signal.
 * @throws {ServiceError} `listen_failed`: the address is in use, or not ours.
 */
export function startHttpServer(options: HttpServerOptions): HttpServer {
  const server = new Server(options);
  server.start();
  options.onListen?.({ hostname: options.hostname, port: server.port });
  return server;
}

/** One `Deno.serve`. Either its `stop` is aborted or it is shut down, never both: that ends the process (BadResource). */
interface Listening {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly stop: AbortController;
}

class Server implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #closing = new AbortController();
  /** The one that accepts; null between an end and the next listen. */
  #current: Listening | null = null;
  #port: number;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  start(): void {
    try {
      this.#listen();
    } catch (error) {
      throw listenError(this.#options, error);
    }
  }

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

function listenError({ hostname, port }: HttpServerOptions, cause: unknown): ServiceError {
  const found = cause instanceof Deno.errors.AddrInUse
    ? "the port is in use; stop what uses it, or set SERVICE_PORT to a free one (0 picks one)"
    : `${cause instanceof Error ? cause.message : String(cause)}; an address of this machine and a port are wanted`;
  return new ServiceError("listen_failed", `Cannot listen on ${hostname}:${port}: ${found}`, { cause });
}
