/**
 * The socket side: HTTP that bounds what clients may make it wait for, survives running out of file descriptors, and
 * closes within a bound.
 *
 * - **Request heads** have 10 s, the first of a connection from its begin; those after it come within 75 s of the answer
 *   before, or the connection is closed (`connection.ts`).
 * - **Bodies** have 30 s, then the client gets a 408 and what it still sends is thrown away (`body.ts`), for 5 s at most.
 * - When **descriptors** run out, connections that keep the server waiting are cut.
 *
 * `Deno.serve` has no deadline for heads, takes no option for one, and tells nothing of a connection before its first
 * request is complete (denoland/deno#3515); so connections are accepted here and each is served for itself
 * (`serve_connection.ts`). Where the runtime does not allow that, `Deno.serve` does all but the first (`listener_server.ts`).
 * See docs/adr/0010 for what else was tried.
 * @module
 */
import type { Clock } from "../clock.ts";
import { ServiceError } from "../errors.ts";
import { ConnectionServer } from "./connection_server.ts";
import { ListenerServer } from "./listener_server.ts";
import type { HttpHandler } from "./router.ts";
import { connectionServer, type ServeConnection } from "./serve_connection.ts";

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
  /** How one connection is served; null: by `Deno.serve`. Default: whichever this runtime allows. */
  readonly serveConnection?: ServeConnection | null;
}

/** A server that listens. */
export interface HttpServer {
  /** The port that is really listened on. */
  readonly port: number;
  /** False: request heads have no deadline, since this runtime does not allow one. */
  readonly boundsHeads: boolean;
  /**
   * Stops accepting, lets requests in progress finish, and gives up on them after `graceMs`, such as streams without an
   * end, and bodies that are half sent. Idempotent; never rejects.
   * @returns True when everything was finished.
   */
  close(graceMs: number): Promise<boolean>;
}

/**
 * Listens.
 *
 * When descriptors run out, connections are cut after 0.5 s, those without a request in progress first: so the service
 * answers again within a second or so even while a flood is held. The process must have a signal listener by then: Deno
 * 2.9.6 panics where it has no descriptor left to prepare for its first signal.
 * @throws {ServiceError} `listen_failed`: the address is in use, or not ours.
 */
export function startHttpServer(options: HttpServerOptions): HttpServer {
  const { serveConnection = connectionServer() } = options;
  const server = listen(
    () => serveConnection === null ? new ListenerServer(options) : new ConnectionServer(options, serveConnection),
    options,
  );
  options.onListen?.({ hostname: options.hostname, port: server.port });
  return server;
}

function listen(start: () => HttpServer, options: HttpServerOptions): HttpServer {
  try {
    return start();
  } catch (error) {
    throw listenError(options, error);
  }
}

function listenError({ hostname, port }: HttpServerOptions, cause: unknown): ServiceError {
  const found = cause instanceof Deno.errors.AddrInUse
    ? "the port is in use; stop what uses it, or set SERVICE_PORT to a free one (0 picks one)"
    : `${cause instanceof Error ? cause.message : String(cause)}; an address of this machine and a port are wanted`;
  return new ServiceError("listen_failed", `Cannot listen on ${hostname}:${port}: ${found}`, { cause });
}
