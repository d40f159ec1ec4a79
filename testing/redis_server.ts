/**
 * A real Redis server of its own for a test: own free port, own folder, gone when the test ends.
 * @module
 */
import { systemClock } from "../src/clock.ts";
import {
  RawClient,
  type RawCommandOptions,
  RawLinkError,
  type RawReply,
  RawReplyError,
} from "../src/store/redis/embedded/raw_client.ts";
import { ACL_USER, aclLine, aclWanted, loginPart } from "./redis_acl.ts";
import { until, waitFor } from "./wait.ts";

/** How the server is started. */
export interface StartRedisOptions {
  /** More settings: `["--appendonly", "yes"]` or `{ appendonly: "yes" }`. They win over the defaults. */
  readonly config?: readonly string[] | Readonly<Record<string, string>>;
  /** Data folder, kept at the end. Default: one of its own, removed at the end. */
  readonly dir?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Also listen on `<dir>/redis.sock`. Default false. */
  readonly unix?: boolean;
  /** Has the shipped least user, and {@link TestRedis.url} logs in as it. Default: `TEST_REDIS_ACL=1`. */
  readonly acl?: boolean;
}

/**
 * Starts a server and waits until it answers. Persistence is off, `DEBUG` is allowed, unless `config` says otherwise.
 * @throws {Error} The server exits or does not answer within 20 s; the text holds the end of its log.
 * @example
 * ```ts ignore
 * await using redis = await startRedis({ config: { maxmemory: "5mb" } });
 * await redis.command(["XADD", "s", "*", "type", "t"]);
 * await redis.kill9();
 * await redis.restart({ empty: true });
 * ```
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<TestRedis> {
  const dir = options.dir ?? await Deno.makeTempDir({ prefix: "redis-test-" });
  for (let attempt = 1;; attempt++) {
    // Between finding a port and binding it, another process may take it: then try another one.
    const redis = new TestRedis(dir, options.port ?? freePort(), options);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis.kill9();
      const taken = String(error).includes("Address already in use");
      if (taken && options.port === undefined && attempt < 5) continue;
      await redis[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/**
 * Below the ports that systems give out by themselves (Linux from 32768, others from 49152): a server that is down for a
 * while must find its port free when it comes back, and whoever knocks there must find nobody. The bus of a cluster's
 * node, 10,000 above its port, lies below them too.
 */
const PORTS = { first: 10_000, last: 22_500 } as const;

/** Listens on a loopback port that nobody is given by chance. The caller closes it. */
export function listenFree(): Deno.TcpListener {
  for (let attempt = 1;; attempt++) {
    const port = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first + 1));
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt >= 100) throw error;
    }
  }
}

/** A loopback port that nobody listens on at the moment. */
export function freePort(): number {
  using listener = listenFree();
  return listener.addr.port;
}

/** A running server. Made by {@link startRedis}. */
export class TestRedis implements AsyncDisposable {
  /** Data folder. */
  readonly dir: string;
  /** TCP port on 127.0.0.1; stays the same over restarts. */
  readonly port: number;
  /** `redis://127.0.0.1:port`, for services: with a login where {@link StartRedisOptions.acl} is on. */
  readonly url: string;
  /** Who services log in as. */
  readonly user: string;
  /** Unix socket, when asked for. */
  readonly socketPath: string;
  readonly #settings: ReadonlyMap<string, string>;
  readonly #ownsDir: boolean;
  #child: Deno.ChildProcess | null = null;
  #complaint: Promise<string> = Promise.resolve("");
  #client: RawClient | null = null;
  #connecting: Promise<RawClient> | null = null;

  /** Use {@link startRedis}. */
  constructor(dir: string, port: number, options: StartRedisOptions) {
    this.dir = dir;
    this.port = port;
    const acl = options.acl ?? aclWanted();
    this.url = `redis://${loginPart(acl)}127.0.0.1:${port}`;
    this.user = acl ? ACL_USER : "default";
    this.socketPath = `${dir}/redis.sock`;
    this.#ownsDir = options.dir === undefined;
    const unix: Record<string, string> = options.unix ? { unixsocket: this.socketPath } : {};
    const users: Record<string, string> = acl ? { user: aclLine() } : {};
    this.#settings = new Map(Object.entries({ ...DEFAULTS, ...unix, ...users, ...pairs(options.config ?? {}) }));
  }

  /** Process id of the live server. @throws {Error} When it is down. */
  get pid(): number {
    if (this.#child === null) throw new Error("asked for the pid of a Redis that is down");
    return this.#child.pid;
  }

  /** True between start and kill. */
  get running(): boolean {
    return this.#child !== null;
  }

  /** Starts it where it is down; waits until it answers and has loaded its data. */
  async start(): Promise<void> {
    if (this.#child !== null) return;
    const args = ["--port", String(this.port), "--dir", this.dir, "--logfile", `${this.dir}/redis.log`];
    for (const [name, value] of this.#settings) args.push(`--${name}`, ...words(name, value));
    const child = new Deno.Command("redis-server", { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    this.#child = child;
    // Wrong settings are told there, before the log file is open.
    this.#complaint = new Response(child.stderr).text();
    let exited = false;
    child.status.then(() => exited = true);
    await waitFor(async () => exited || await this.#answers(), { timeoutMs: 20_000, what: "redis-server to answer" });
    if (exited) throw new Error(`starting redis-server: it exited. ${await this.#complaint} ${await this.log(15)}`);
  }

  /** The crash: SIGKILL, nothing is saved. Resolves when the process is gone. */
  async kill9(): Promise<void> {
    await this.#signalAndWait("SIGKILL");
  }

  /** SIGTERM: an orderly end. Resolves when the process is gone. */
  async terminate(): Promise<void> {
    await this.#signalAndWait("SIGTERM");
  }

  /** SIGSTOP: accepts connections (the kernel does), answers nothing. */
  stop(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** SIGCONT. */
  cont(): void {
    this.#child?.kill("SIGCONT");
  }

  /**
   * Ends it and starts it on the same port. Data survives unless `empty`, or unless it was killed before and has no
   * append-only file.
   */
  async restart(options: { readonly empty?: boolean } = {}): Promise<void> {
    if (this.#child !== null && !options.empty) {
      await this.command(["SAVE"]).catch(() => {});
    }
    await this.kill9();
    if (options.empty) {
      await Deno.remove(`${this.dir}/dump.rdb`).catch(() => {});
      await Deno.remove(`${this.dir}/appendonlydir`, { recursive: true }).catch(() => {});
    }
    await this.start();
  }

  /**
   * Sends a command over a connection of its own (one for all calls, made again when it broke).
   * @throws {RawReplyError} Error reply. @throws {RawLinkError} No answer within `timeoutMs` (default 5000).
   */
  async command(
    args: readonly (string | Uint8Array | number)[],
    options: RawCommandOptions = {},
  ): Promise<RawReply> {
    const client = await this.#own();
    return await client.command(args, options);
  }

  /** The connection of {@link command}: one, however many ask for it at once. */
  async #own(): Promise<RawClient> {
    if (this.#client !== null && !this.#client.closed) return this.#client;
    this.#connecting ??= this.connect().finally(() => this.#connecting = null);
    return this.#client = await this.#connecting;
  }

  /** One more connection, for a command that blocks. The caller disposes it (`using`). */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect({ port: this.port }, systemClock);
    const password = this.#settings.get("requirepass");
    if (password) await client.command(["AUTH", password]);
    return client;
  }

  /** A command as `redis-cli` would print it without decoration: one line an item. */
  async cli(...args: string[]): Promise<string> {
    return print(await this.command(args));
  }

  /** The last lines of the server's log. */
  async log(lines = 30): Promise<string> {
    const text = await Deno.readTextFile(`${this.dir}/redis.log`).catch(() => "");
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** Ends the server, also a stopped one, and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
    if (this.#ownsDir) await Deno.remove(this.dir, { recursive: true }).catch(() => {});
  }

  async #signalAndWait(signal: Deno.Signal): Promise<void> {
    await this.#connecting?.catch(() => {});
    this.#client?.close();
    this.#client = null;
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    try {
      child.kill("SIGCONT");
      child.kill(signal);
    } catch {
      // It had ended by itself.
    }
    await until(child.status, { timeoutMs: 10_000, what: `redis-server ${child.pid} to end after ${signal}` });
    await this.#complaint;
  }

  /** An error reply counts as an answer, except that data is still being loaded. */
  async #answers(): Promise<boolean> {
    try {
      using client = await RawClient.connect({ port: this.port }, systemClock, 1_000);
      await client.command(["PING"], { timeoutMs: 1_000 });
      return true;
    } catch (error) {
      if (error instanceof RawLinkError) return false;
      return error instanceof RawReplyError && !error.message.startsWith("LOADING");
    }
  }
}

const DEFAULTS: Readonly<Record<string, string>> = {
  bind: "127.0.0.1",
  save: "",
  appendonly: "no",
  "enable-debug-command": "local",
  "repl-diskless-sync-delay": "0",
};

/** Settings whose value is several words on the command line. */
const SEVERAL: ReadonlySet<string> = new Set(["save", "bind", "replicaof", "user", "client-output-buffer-limit"]);

function words(name: string, value: string): string[] {
  return SEVERAL.has(name) && value !== "" ? value.split(" ") : [value];
}

function pairs(config: readonly string[] | Readonly<Record<string, string>>): Record<string, string> {
  if (!isList(config)) return config;
  const found: Record<string, string> = {};
  let name = "";
  for (const word of config) {
    if (word.startsWith("--")) found[name = word.slice(2)] = "";
    else found[name] = found[name] ? `${found[name]} ${word}` : word;
  }
  return found;
}

function isList(config: readonly string[] | Readonly<Record<string, string>>): config is readonly string[] {
  return Array.isArray(config);
}

function print(reply: RawReply): string {
  if (Array.isArray(reply)) return reply.map(print).join("\n");
  if (reply instanceof Uint8Array) return new TextDecoder().decode(reply);
  return reply === null ? "" : reply instanceof Error ? reply.message : String(reply);
}
