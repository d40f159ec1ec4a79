/**
 * Opens a socket to Redis: TCP and Unix sockets with what Deno brings, TLS with `node:tls`.
 *
 * Deno's own TLS connections cannot be ended while their handshake hangs: they stay open until the peer ends them, and
 * each attempt on a silent peer would leave one behind. They also know no client certificate together with a server name
 * of its own.
 * @module
 */
import { connect as connectTls } from "node:tls";
import { untilAborted } from "../connection/deadline.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import { NodeWire, type Wire } from "./wire.ts";

/** TLS as it was read from its files, PEM. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the certificate must be for. Null: the host. */
  readonly servername: string | null;
}

/**
 * Connects; with TLS the handshake is done too.
 * @param signal Ends the attempt; what came too late is closed.
 * @throws The system's error, or the signal's reason.
 */
export async function dial(endpoint: Endpoint, tls: TlsMaterial | null, signal: AbortSignal): Promise<Wire> {
  if ("path" in endpoint) {
    return await untilAborted(Deno.connect({ transport: "unix", path: endpoint.path }), signal, close);
  }
  const { host: hostname, port } = endpoint;
  if (tls !== null) return await secured(hostname, port, tls, signal);
  const connection = await untilAborted(Deno.connect({ hostname, port, signal }).catch(named), signal, close);
  // Small commands leave at once; the system asks after a silent peer, though replies have bounds of their own.
  connection.setNoDelay(true);
  connection.setKeepAlive(true);
  return connection;
}

async function secured(host: string, port: number, tls: TlsMaterial, signal: AbortSignal): Promise<Wire> {
  const { ca, cert, key, servername } = tls;
  const socket = connectTls({
    ...{ host, port },
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(servername === null ? {} : { servername }),
  });
  const wire = new NodeWire(socket);
  try {
    const shaken = new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the server closed the connection")));
    });
    await untilAborted(shaken, signal);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    return wire;
  } catch (error) {
    wire.close();
    throw error;
  }
}

function close(late: Wire): void {
  late.close();
}

/** A name that nobody knows comes without the code that says so. */
function named(error: unknown): never {
  const unknown = error instanceof Error && /lookup address information/.test(error.message);
  throw unknown ? Object.assign(new Error(error.message, { cause: error }), { code: "ENOTFOUND" }) : error;
}
