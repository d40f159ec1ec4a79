/**
 * Redis with Sentinel for tests: one primary, replicas, sentinels, all of their own on the loopback.
 *
 * The sentinels know each other and the replicas from their configuration, so that nobody waits for them to meet.
 * @module
 */
import { systemClock } from "../src/clock.ts";
import { RawClient, type RawReply } from "../src/store/redis/embedded/raw_client.ts";
import { loginPart } from "./redis_acl.ts";
import { freePort, startRedis, type TestRedis } from "./redis_server.ts";
import type { TestTopology } from "./topology.ts";
import { until, waitFor } from "./wait.ts";

/** How it is started. */
export interface SentinelOptions {
  /** Default 2. */
  readonly replicas?: number;
  /** Default 3; two of them have to agree. */
  readonly sentinels?: number;
  /** Silence after which a server counts as down, ms. Default 800. */
  readonly downAfterMs?: number;
  /**
   * The sentinels make haste, so that one failover can follow another: by themselves they leave a primary that was replaced
   * a primary for ten seconds, and wait for twelve before the next failover. Default false.
   */
  readonly hasty?: boolean;
  /** Of the servers of data. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Name of the monitored primary. */
export const MASTER = "mymaster";

/** One sentinel. */
class TestSentinel implements AsyncDisposable {
  readonly port: number;
  readonly #dir: string;
  readonly #child: Deno.ChildProcess;
  readonly #complaint: Promise<string>;
  #ended = false;

  constructor(port: number, dir: string) {
    this.port = port;
    this.#dir = dir;
    const args = [`${dir}/sentinel.conf`, "--sentinel"];
    this.#child = new Deno.Command("redis-server", { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    this.#complaint = new Response(this.#child.stderr).text();
    this.#child.status.then(() => this.#ended = true);
  }

  get ended(): boolean {
    return this.#ended;
  }

  async ask(...args: string[]): Promise<RawReply> {
    using client = await RawClient.connect({ port: this.port }, systemClock, 1_000);
    return await client.command(args, { timeoutMs: 1_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await until(this.#child.status, { timeoutMs: 10_000, what: "a sentinel to end" });
    await this.#complaint;
    await Deno.remove(this.#dir, { recursive: true }).catch(() => {});
  }
}

/** See the module's text. Made by {@link startSentinel}. */
export class SentinelTopology implements TestTopology {
  readonly kind = "sentinel";
  readonly env: Readonly<Record<string, string>>;
  readonly servers: readonly TestRedis[];
  /** Ports of the sentinels. */
  readonly sentinelPorts: readonly number[];
  readonly #sentinels: readonly TestSentinel[];
  readonly #stack: AsyncDisposableStack;

  /** Use {@link startSentinel}. */
  constructor(servers: readonly TestRedis[], sentinels: readonly TestSentinel[], stack: AsyncDisposableStack) {
    this.servers = servers;
    this.#sentinels = sentinels;
    this.#stack = stack;
    this.sentinelPorts = sentinels.map(({ port }) => port);
    const [, user, password] = /^(.+):(.+)@$/.exec(loginPart()) ?? [];
    this.env = {
      REDIS_SENTINELS: this.sentinelPorts.map((port) => `127.0.0.1:${port}`).join(","),
      REDIS_SENTINEL_MASTER: MASTER,
      ...(user && password ? { REDIS_USER: user, REDIS_PW: password } : {}),
    };
  }

  /** Whom most sentinels name; null while they do not agree, or while it does not run as a primary. */
  async primary(): Promise<TestRedis | null> {
    const named = await Promise.all(this.#sentinels.map(async (sentinel) => {
      const reply = await sentinel.ask("SENTINEL", "get-master-addr-by-name", MASTER).catch(() => null);
      return Array.isArray(reply) ? Number(reply[1]) : 0;
    }));
    const server = this.servers.find(({ port, running }) =>
      running && named.filter((one) => one === port).length > this.#sentinels.length / 2
    );
    if (server === undefined) return null;
    const role = await server.command(["ROLE"], { timeoutMs: 500 }).catch(() => null);
    return Array.isArray(role) && role[0] === "master" ? server : null;
  }

  /** @inheritdoc */
  owner(): Promise<TestRedis> {
    return waitFor(() => this.primary(), { timeoutMs: 15_000, everyMs: 20, what: "the sentinels to name a primary" });
  }

  /** See {@link SentinelOptions.hasty}. */
  async hurry(): Promise<void> {
    for (const sentinel of this.#sentinels) {
      const periods = ["PUBLISH-PERIOD", "200", "INFO-PERIOD", "300", "ASK-PERIOD", "200"];
      // Two agree before the third has started.
      await waitFor(() => sentinel.ask("SENTINEL", "DEBUG", ...periods), { what: "a sentinel to make haste" });
      await sentinel.ask("SENTINEL", "SET", MASTER, "failover-timeout", "1000");
    }
  }

  /** Asks for a failover, as an operator does. Returns when the sentinels name the new primary. */
  async failover(): Promise<TestRedis> {
    const old = await this.owner();
    await this.#sentinels[0]!.ask("SENTINEL", "FAILOVER", MASTER);
    return await waitFor(async () => {
      const now = await this.primary();
      return now !== old && now;
    }, { timeoutMs: 20_000, everyMs: 10, what: "another primary" });
  }

  /** Waits until every server runs, and every replica follows the primary. */
  async whole(): Promise<void> {
    await waitFor(async () => {
      const info = String(await (await this.owner()).command(["INFO", "replication"]));
      const online = info.match(/state=online/g)?.length ?? 0;
      return online === this.servers.length - 1;
    }, { timeoutMs: 30_000, everyMs: 50, what: "every replica to follow the primary" });
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Starts it; returns when the replicas follow and the sentinels agree. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelTopology> {
  const { replicas = 2, sentinels = 3, downAfterMs = 800, hasty = false, config = {} } = options;
  await using stack = new AsyncDisposableStack();
  const primary = stack.use(await startRedis({ config }));
  const replicaof = `127.0.0.1 ${primary.port}`;
  const servers = [primary];
  for (let index = 0; index < replicas; index++) {
    servers.push(stack.use(await startRedis({ config: { ...config, replicaof } })));
  }
  const places = Array.from({ length: sentinels }, () => ({ port: freePort(), id: hexId() }));
  const watching: TestSentinel[] = [];
  for (const place of places) {
    const dir = await Deno.makeTempDir({ prefix: "sentinel-test-" });
    const others = places.filter((other) => other !== place);
    await Deno.writeTextFile(`${dir}/sentinel.conf`, configOf(place, dir, servers, others, downAfterMs));
    watching.push(stack.use(new TestSentinel(place.port, dir)));
  }
  const topology = new SentinelTopology(servers, watching, stack.move());
  try {
    await waitFor(() => topology.primary(), { timeoutMs: 20_000, everyMs: 20, what: "the sentinels to agree" });
    await topology.whole();
    if (hasty) await topology.hurry();
    return topology;
  } catch (error) {
    await topology[Symbol.asyncDispose]();
    throw error;
  }
}

function configOf(
  { port, id }: { readonly port: number; readonly id: string },
  dir: string,
  [primary, ...replicas]: readonly TestRedis[],
  others: readonly { readonly port: number; readonly id: string }[],
  downAfterMs: number,
): string {
  return [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    `logfile ${dir}/sentinel.log`,
    `sentinel myid ${id}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${primary!.port} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${downAfterMs}`,
    `sentinel failover-timeout ${MASTER} 6000`,
    `sentinel parallel-syncs ${MASTER} 2`,
    ...replicas.map((replica) => `sentinel known-replica ${MASTER} 127.0.0.1 ${replica.port}`),
    ...others.map((other) => `sentinel known-sentinel ${MASTER} 127.0.0.1 ${other.port} ${other.id}`),
  ].join("\n");
}

/** What servers call themselves: 40 hexadecimal digits. */
export function hexId(): string {
  return crypto.getRandomValues(new Uint8Array(20)).toHex();
}
