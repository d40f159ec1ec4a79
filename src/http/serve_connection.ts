/**
 * HTTP on one connection that we accepted ourselves.
 *
 * The runtime has no public way to that since Deno 2.0 (`Deno.serveHttp`); inside, `node:http` and others still use one,
 * and it is what `Deno.serve` itself does with each connection that it accepts. So it is asked for, and whoever starts a
 * server falls back to `Deno.serve` where it is not there. See docs/adr/0010.
 * @module
 */

/** Answers a request. */
export type ConnectionHandler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** A connection that is served. */
export interface ServedConnection {
  /** Resolves when it is closed, by whomever. Never rejects. */
  readonly finished: Promise<void>;
  /** Closes it as soon as no request is in progress: at once where there is none, or only half of a head. Never throws. */
  shutdown(): void;
  /** Closes it at once, whatever is under way; without effect after {@link shutdown}. Never throws. */
  cut(): void;
}

/** Serves a connection until it is closed. @param onError Answers for a handler that threw. */
export type ServeConnection = (
  connection: Deno.TcpConn,
  handler: ConnectionHandler,
  onError: (error: unknown) => Response,
) => ServedConnection;

/** As far as it is used of what the runtime gives. */
type Serve = (
  connection: Deno.TcpConn,
  signal: Pick<AbortSignal, "addEventListener">,
  handler: ConnectionHandler,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => { readonly finished: Promise<void>; shutdown(): Promise<void> };

/** @returns Null: this runtime has no such thing. */
export function connectionServer(): ServeConnection | null {
  const serve = insideOf(Deno)?.["serveHttpOnConnection"];
  return typeof serve === "function" ? (...call) => served(serve as Serve, ...call) : null;
}

function insideOf(runtime: object): Readonly<Record<string, unknown>> | undefined {
  const { internal } = runtime as { readonly internal?: symbol };
  if (internal === undefined) return undefined;
  return (runtime as Readonly<Record<symbol, Readonly<Record<string, unknown>> | undefined>>)[internal];
}

function served(serve: Serve, ...[connection, handler, onError]: Parameters<ServeConnection>): ServedConnection {
  let abort = (): void => {};
  // No real signal: what listens to it throws where the connection has ended already, and what is thrown by a listener
  // of a real one ends the process.
  const signal = { addEventListener: (_type: string, listener: () => void) => void (abort = listener) };
  const server = serve(connection, signal as Pick<AbortSignal, "addEventListener">, handler, onError, () => {});
  return {
    finished: server.finished.then(quiet, quiet),
    shutdown: () => void server.shutdown().catch(quiet),
    cut: () => {
      try {
        abort();
      } catch {
        // It has ended.
      }
    },
  };
}

function quiet(): void {}
