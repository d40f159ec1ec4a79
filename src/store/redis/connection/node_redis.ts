/**
 * What we use of node-redis, and its late loading.
 *
 * Evaluating the package takes 150 to 300 ms in which nothing else runs, so that it is loaded with the first connection,
 * when the HTTP listener is up. The file of the client alone takes a fifth less than the package's front door, and its
 * bare class, made without the typed commands that we do not use, costs 0.02 ms where `createClient` costs 43 ms.
 * @module
 */
import type { Buffer } from "node:buffer";

/** The options that we set. */
export interface NodeRedisOptions {
  readonly RESP: 2;
  readonly name?: string;
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  readonly disableOfflineQueue: boolean;
  readonly disableClientInfo: boolean;
  readonly maintNotifications: "disabled";
  readonly commandOptions: { readonly timeout: undefined };
  readonly socket: Readonly<Record<string, unknown>>;
}

/** A client, as far as we use it. */
export interface NodeRedis {
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(
    args: readonly (string | Buffer)[],
    options?: { readonly typeMapping?: Readonly<Record<number, unknown>> },
  ): Promise<unknown>;
  destroy(): void;
}

/** The loaded package. */
export interface NodeRedisModule {
  /** Makes a client; does no I/O. */
  create(options: NodeRedisOptions): NodeRedis;
  /** True for an error reply of the server. */
  isReply(error: unknown): error is Error;
}

/** Loads the package; the second time costs nothing. */
export async function loadNodeRedis(): Promise<NodeRedisModule> {
  const [client, errors] = await Promise.all([
    import("@redis/client/dist/lib/client/index.js"),
    import("@redis/client/dist/lib/errors.js"),
  ]);
  // A CommonJS file: its exports object is the default, and the class is the default inside that.
  const Client = (client.default as unknown as { default: new (options: NodeRedisOptions) => NodeRedis }).default;
  const { ErrorReply } = errors;
  return {
    create: (options) => new Client(options),
    isReply: (error): error is Error => error instanceof ErrorReply,
  };
}
