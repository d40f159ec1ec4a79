/**
 * Opens a socket to Redis with what Deno brings: TCP, TLS, or a Unix socket.
 * @module
 */
import { untilAborted } from "../connection/deadline.ts";
import type { Endpoint } from "../connection/endpoint.ts";

/** TLS as it was read from its files, PEM. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the certificate must be for. Null: the host. */
  readonly servername: string | null;
}

/**
 * Whether this dialler can go there. It cannot where a client certificate and another name than the host's are wanted
 * together: Deno checks the name it dials when it is to show a certificate.
 */
export function canDial(endpoint: Endpoint, tls: Pick<TlsMaterial, "cert" | "servername"> | null): boolean {
  if (tls === null || "path" in endpoint) return true;
  return tls.cert === null || tls.servername === null || tls.servername === endpoint.host;
}

/**
 * Connects; with TLS the handshake is done too.
 * @param signal Ends the attempt; what came too late is closed.
 * @throws The system's error, or the signal's reason.
 */
export async function dial(endpoint: Endpoint, tls: TlsMaterial | null, signal: AbortSignal): Promise<Deno.Conn> {
  if ("path" in endpoint) return await whole(Deno.connect({ transport: "unix", path: endpoint.path }), signal);
  const { host: hostname, port } = endpoint;
  if (tls !== null && tls.cert !== null && tls.key !== null) {
    const shown = { ...trust(tls), hostname, port, cert: tls.cert, key: tls.key };
    return await shaken(await whole(Deno.connectTls(shown).catch(named), signal), signal);
  }
  const plain = tuned(await whole(Deno.connect({ hostname, port, signal }).catch(named), signal));
  if (tls === null) return plain;
  const starting = Deno.startTls(plain, { ...trust(tls), hostname: tls.servername ?? hostname });
  return await shaken(await whole(starting, signal), signal);
}

function trust({ ca }: TlsMaterial): { caCerts?: string[] } {
  return ca === null ? {} : { caCerts: [ca] };
}

function whole<C extends Deno.Conn>(opening: Promise<C>, signal: AbortSignal): Promise<C> {
  return untilAborted(opening, signal, (late) => late.close());
}

async function shaken(connection: Deno.TlsConn, signal: AbortSignal): Promise<Deno.Conn> {
  try {
    await untilAborted(connection.handshake(), signal);
    return tuned(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A name that nobody knows comes without the code that says so. */
function named(error: unknown): never {
  const unknown = error instanceof Error && /lookup address information/.test(error.message);
  throw unknown ? Object.assign(new Error(error.message, { cause: error }), { code: "ENOTFOUND" }) : error;
}

/** Small commands leave at once; the system asks after a silent peer. Replies have bounds of their own. */
function tuned<C extends Deno.Conn>(connection: C): C {
  if ("setNoDelay" in connection) (connection as unknown as Deno.TcpConn).setNoDelay(true);
  if ("setKeepAlive" in connection) (connection as unknown as Deno.TcpConn).setKeepAlive(true);
  return connection;
}
