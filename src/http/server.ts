/**
 * The socket side: `Deno.serve` that survives running out of file descriptors and closes within a bound.
 *
 * What protects it from slow clients, and what Deno does not allow (measured on Deno 2.9.6):
 *
 * - **Bodies** have 30 s, see `body.ts`.
 * - **Request heads have no deadline.** `Deno.serve` has none, takes no option for one, and tells nothing of a connection
 *   before its first request is complete, so it cannot be added from outside (denoland/deno#3515). Such a connection
 *   costs one descriptor and a few kilobytes, never a handler, and thousands of them do not slow the probes. When they
 *   use up the descriptors, all connections that have no request in progress are cut at once and listening goes on:
 *   see {@link startHttpServer}. A stricter deadline needs a proxy in front.
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

/** Waits between attempts to listen again; the last repeats. The first is short: descriptors have just been freed. */
const RELISTEN_MS = [20, 50, 100, 200, 400, 800] as const;

/**
 * Listens.
 *
 * When descriptors run out, the accept loop of `Deno.serve` ends for good. Then the ended server is shut down, which cuts
 * what is idle or has not sent a whole request head and lets requests in progress finish, and a new one listens on the
 * same port within 20 ms to 0.8 s, however often it takes.
 * @throws {ServiceError} `listen_failed`: the address is in use, or not ours.
 */
export function startHttpServer(options: HttpServerOptions): HttpServer {
  const server = new Server(options);
  server.start();
  options.onListen?.({ hostname: options.hostname, port: server.port });
  return server;
}

class Server implements HttpServer {
  readonly #options: HttpServerOptions;
  /** All that may still have connections: the one that listens, and those that ended with requests in progress. */
  readonly #alive = new Set<Deno.HttpServer>();
  readonly #closing = new AbortController();
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
      this.#port = this.#listen(this.#port);
    } catch (error) {
      throw listenError(this.#options, error);
    }
  }

  async close(graceMs: number): Promise<boolean> {
    this.#closing.abort();
    const waited = new AbortController();
    // Never an abort signal for Deno.serve: aborting after shutdown() ends the process with an uncaught BadResource.
    const drained = Promise.all([...this.#alive].map((server) => this.#retire(server))).then(() => true);
    const late = sleep(this.#options.clock, graceMs, waited.signal).then(() => false);
    const result = await Promise.race([drained, late]);
    waited.abort();
    return result;
  }

  #listen(port: number): number {
    const { handler, hostname, onFault } = this.#options;
    const server = Deno.serve({
      hostname,
      port,
      // Silent: the default prints the address, and the stack of an error.
      onListen: () => {},
      onError: (error) => {
        onFault?.(error);
        return new Response(null, { status: 500 });
      },
    }, handler);
    this.#alive.add(server);
    server.finished.then(
      () => this.#ended(server, new Error("The HTTP server ended although nobody closed it")),
      (error) => this.#ended(server, error),
    );
    return server.addr.port;
  }

  #ended(server: Deno.HttpServer, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#options.onFault?.(error);
    void this.#retire(server);
    void this.#relisten();
  }

  async #retire(server: Deno.HttpServer): Promise<void> {
    // Rejects where its listener ended by a fault; its connections are closed all the same.
    await server.shutdown().catch(() => {});
    this.#alive.delete(server);
  }

  async #relisten(): Promise<void> {
    const { clock, onFault } = this.#options;
    for (let attempt = 0;; attempt++) {
      const waitMs = RELISTEN_MS[Math.min(attempt, RELISTEN_MS.length - 1)]!;
      if (!await sleep(clock, waitMs, this.#closing.signal)) return;
      try {
        this.#listen(this.#port);
        return;
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
