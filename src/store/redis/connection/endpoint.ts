/**
 * Where to connect to, asked anew before every attempt.
 * @module
 */

/** One place that a client can connect to. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Finds the place of the data. */
export interface EndpointResolver {
  /** Ask the node for its role after connecting, and take a replica for a failed attempt. */
  readonly wantsMaster: boolean;
  /** The place can change while an attempt on the old one hangs: ask again meanwhile. */
  readonly moves: boolean;
  /** Channels whose keys have the same group can share a connection. */
  groupOf(slotKey: string): string;
  /**
   * Asks for the place of a key. Keeps nothing that could be stale.
   * @param signal Ends the asking; its reason is then the rejection.
   * @throws {StoreUnavailableError} Nobody who could know it answers, or nobody owns the slot (`cluster_down`).
   * @throws {StoreRefusedError} Who could know it refuses to say.
   */
  resolve(slotKey: string, signal: AbortSignal): Promise<Endpoint>;
}

/** Always the same place; a host name is looked up anew by each connection. */
export function staticResolver(endpoint: Endpoint): EndpointResolver {
  return { wantsMaster: false, moves: false, groupOf: () => "", resolve: () => Promise.resolve(endpoint) };
}

/** For people: `host:port`, `[v6]:port` or the path. */
export function formatEndpoint(endpoint: Endpoint): string {
  if ("path" in endpoint) return endpoint.path;
  return endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
