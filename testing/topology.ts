/**
 * A Redis of several servers, or one behind TLS, as tests see it: who serves a key now, and how a service is pointed at it.
 * @module
 */
import type { RawCommandOptions, RawReply } from "../src/store/redis/embedded/raw_client.ts";
import { ACL_PASSWORD, ACL_USER } from "./redis_acl.ts";
import { freePort, startRedis, type TestRedis } from "./redis_server.ts";
import { waitFor } from "./wait.ts";

/** Which topology. */
export type TopologyKind = "single" | "tls" | "sentinel" | "cluster";

/** A word of a command. */
export type Word = string | Uint8Array | number;

/** See the module's text. The tests' own hands need no login and no TLS. */
export interface TestTopology extends AsyncDisposable {
  readonly kind: TopologyKind;
  /** Settings of a service that is to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Every server of data, living or not. */
  readonly servers: readonly TestRedis[];
  /** Waits until every server runs and is where it belongs. */
  whole(): Promise<void>;
  /** Another server takes over from the key's, because it is told to. Returns when it has. */
  failover?(key: string): Promise<TestRedis>;
  /** The key's slot moves to another node, key by key. */
  migrate?(key: string, between?: (moved: number) => Promise<unknown>): Promise<TestRedis>;
  /** Who takes writes to a key now. @throws {Error} Nobody does within 15 s. */
  owner(key: string): Promise<TestRedis>;
}

/** Sends a command to whoever owns a key. */
export async function commandOn(
  topology: TestTopology,
  key: string,
  args: readonly Word[],
  options?: RawCommandOptions,
): Promise<RawReply> {
  return await (await topology.owner(key)).command(args, options);
}

/** One server, reached without TLS; nothing else is. @param config Of the server. */
export async function startSingle(config: Readonly<Record<string, string>> = {}): Promise<TestTopology> {
  const redis = await startRedis({ config });
  return { ...ofOne("single", redis), env: { REDIS_URL: redis.url } };
}

const TLS = new URL("../tests/fixtures/tls/", import.meta.url).pathname;

/** Path of a file of `tests/fixtures/tls`, as `make.sh` there tells of them. */
export function tlsFile(name: string): string {
  return `${TLS}${name}`;
}

/** One server behind mutual TLS. */
export interface TlsTopology extends TestTopology {
  readonly tlsPort: number;
  readonly redis: TestRedis;
}

/**
 * One server that services reach by mutual TLS alone, as the least user that is shipped.
 * @param options `certificate`: of the server, default `server`. `port`: for TLS.
 */
export async function startTls(
  { certificate = "server", config = {} }: {
    readonly certificate?: "server" | "server-expired";
    readonly config?: Readonly<Record<string, string>>;
  } = {},
): Promise<TlsTopology> {
  const { redis, tlsPort } = await withSecondPort((tlsPort) => ({
    ...config,
    "tls-port": String(tlsPort),
    "tls-cert-file": tlsFile(`${certificate}.crt`),
    "tls-key-file": tlsFile(`${certificate}.key`),
    "tls-ca-cert-file": tlsFile("ca.crt"),
    "tls-auth-clients": "yes",
  }), { acl: true });
  const env = {
    REDIS_HOST: "127.0.0.1",
    REDIS_PORT: String(tlsPort),
    REDIS_USER: ACL_USER,
    REDIS_PW: ACL_PASSWORD,
    REDIS_TLS_ENABLED: "true",
    REDIS_TLS_CA_FILE: tlsFile("ca.crt"),
    REDIS_TLS_CERT_FILE: tlsFile("client.crt"),
    REDIS_TLS_KEY_FILE: tlsFile("client.key"),
  };
  return { ...ofOne("tls", redis), env, tlsPort, redis };
}

/** A server that needs a second free port in its settings: another one when that was taken meanwhile. */
export async function withSecondPort(
  configOf: (port: number) => Readonly<Record<string, string>>,
  options: { readonly acl?: boolean } = {},
): Promise<{ redis: TestRedis; tlsPort: number }> {
  for (let attempt = 1;; attempt++) {
    const tlsPort = freePort();
    try {
      return { redis: await startRedis({ config: configOf(tlsPort), ...options }), tlsPort };
    } catch (error) {
      if (!String(error).includes("Address already in use") || attempt >= 5) throw error;
    }
  }
}

function ofOne(kind: TopologyKind, redis: TestRedis): Omit<TestTopology, "env"> {
  return {
    kind,
    servers: [redis],
    whole: () => redis.start(),
    owner: () =>
      waitFor(() => redis.running && redis, { timeoutMs: 15_000, what: "the server to run" }) as Promise<TestRedis>,
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}
