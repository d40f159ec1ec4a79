/**
 * A Redis that belongs to the service: a real server process on a private Unix socket, its data in a folder.
 *
 * All services on one folder use one server. Who is first starts it, who is last stops it, and who is killed leaves it
 * running for the next. Who uses it is known from a lock that every user shares (the system drops the lock of a process
 * that dies); who may start or stop it, from a lock that one holds alone.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";
import { ServiceError } from "../../../errors.ts";
import { FileLock } from "./file_lock.ts";
import { type EmbeddedPaths, preparePaths, textOf } from "./paths.ts";
import { type FoundServer, probe } from "./probe.ts";
import { startServer, stopServer } from "./process.ts";
import { RawClient } from "./raw_client.ts";

/** What {@link openEmbeddedRedis} needs. */
export interface EmbeddedOptions {
  /** Data folder; made where absent. Relative to the working directory. */
  readonly dir: string;
  /** Told in one line of every change of state. */
  readonly log: (message: string) => void;
  readonly clock: Clock;
  /** Ends opening, also while data are being loaded. */
  readonly signal: AbortSignal;
  /** For the socket, where the path of `dir` is too long for one. Default `/tmp`. */
  readonly tempDir?: string;
  /** Default `redis-server`, then `valkey-server`. */
  readonly binaries?: readonly string[];
  /** Bound in ms on a fresh server's first answer. Default 15000. */
  readonly startTimeoutMs?: number;
}

/** The server, in use. */
export interface EmbeddedRedis extends AsyncDisposable {
  /** Absolute path of its Unix socket; stays the same over restarts. */
  readonly socketPath: string;
  /** Absolute path of the data folder. */
  readonly dir: string;
  /** `7.0.15` */
  readonly version: string;
  readonly product: "redis" | "valkey";
  /** True when it was running before. */
  readonly adopted: boolean;
  /** Process id of the live server; changes when it is started again. */
  readonly pid: number;
  /**
   * Starts the server where it is gone. Called by itself when the server dies; harmless at any time.
   * @throws {ServiceError} `embedded_redis`
   */
  ensureRunning(): Promise<void>;
  /**
   * Ends the use; the last user stops the server, which saves its data. Never throws; idempotent.
   * @param timeoutMs Bound on each of its two steps (lock, stop). Default 5000.
   */
  release(timeoutMs?: number): Promise<void>;
}

/**
 * Starts the server of a folder, or adopts the one that runs there; resolves when its data are loaded.
 *
 * Deno permissions: read and write of `dir` (and of the socket's folder, where that lies elsewhere), net
 * `unix:<socketPath>`, run of the server's program.
 * @throws {ServiceError} `embedded_redis`: no such program, a folder that cannot be used, data that cannot be read, a
 *   server that does not answer. The message says what to do.
 * @throws The signal's reason, when it aborts first.
 */
export async function openEmbeddedRedis(options: EmbeddedOptions): Promise<EmbeddedRedis> {
  const paths = await preparePaths(options.dir, options.tempDir);
  const embedded = new Embedded(options, paths, await FileLock.open(paths.usersLock));
  try {
    await embedded.open(options.signal);
    return embedded;
  } catch (error) {
    await embedded.release();
    throw error;
  }
}

const BINARIES = ["redis-server", "valkey-server"] as const;
const START_TIMEOUT_MS = 15_000;
const PROBE_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 60_000;
const LOADING_EVERY_MS = 100;
const LOADING_LOG_EVERY_MS = 10_000;
const RESTART_WAITS_MS = [100, 1_000, 5_000] as const;

class Embedded implements EmbeddedRedis {
  readonly socketPath: string;
  readonly dir: string;
  readonly #options: EmbeddedOptions;
  readonly #paths: EmbeddedPaths;
  readonly #users: FileLock;
  readonly #stopping = new AbortController();
  #found: FoundServer | null = null;
  #ended: () => Promise<unknown> = () => Promise.resolve();
  #adopted = false;
  #watcher: Promise<void> = Promise.resolve();
  #released: Promise<void> | null = null;

  constructor(options: EmbeddedOptions, paths: EmbeddedPaths, users: FileLock) {
    this.#options = options;
    this.#paths = paths;
    this.#users = users;
    this.socketPath = paths.socketPath;
    this.dir = paths.dir;
  }

  get version(): string {
    return this.#found?.version ?? "unknown";
  }

  get product(): "redis" | "valkey" {
    return this.#found?.product ?? "redis";
  }

  get pid(): number {
    return this.#found?.pid ?? 0;
  }

  get adopted(): boolean {
    return this.#adopted;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { started } = await this.#bringUp(signal, true);
    this.#adopted = !started;
    this.#options.log(
      `embedded ${this.product} ${this.version} ${started ? "started" : "adopted"}, data in ${this.#paths.dir}`,
    );
    await this.#untilLoaded(signal);
    this.#watcher = this.#watch();
  }

  async ensureRunning(): Promise<void> {
    const { started } = await this.#bringUp(this.#stopping.signal, false);
    if (started) this.#options.log(`embedded ${this.product} ${this.version} started again`);
  }

  release(timeoutMs = 5_000): Promise<void> {
    return this.#released ??= this.#release(timeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** Under the start lock: finds the server, or starts it. @param join Also become one of its users. */
  async #bringUp(signal: AbortSignal, join: boolean): Promise<{ started: boolean }> {
    using lock = await FileLock.open(this.#paths.startLock);
    if (!await lock.alone({ clock: this.#options.clock, timeoutMs: LOCK_TIMEOUT_MS, signal })) {
      signal.throwIfAborted();
      throw this.#error(`another process has been starting or stopping it for ${LOCK_TIMEOUT_MS} ms`);
    }
    // Nobody holds it alone except under the start lock, which is ours.
    if (join && !await this.#users.trySharing()) throw this.#error(`${this.#paths.usersLock} is locked by a stranger`);
    const timeoutMs = this.#options.startTimeoutMs ?? START_TIMEOUT_MS;
    const found = await probe(this.socketPath, this.#options.clock, Math.min(PROBE_TIMEOUT_MS, timeoutMs));
    if (found.kind === "server") {
      this.#found = this.#demandOurs(found);
      return { started: false };
    }
    if (found.kind === "silent") {
      throw this.#error(`a server accepts on ${this.socketPath} and did not answer in time`);
    }
    if (found.kind === "strange") throw this.#error(`the server on ${this.socketPath} answered "${found.message}"`);
    const server = await startServer(this.#paths, {
      clock: this.#options.clock,
      binaries: this.#options.binaries ?? BINARIES,
      timeoutMs,
      signal,
    });
    this.#found = server.found;
    this.#ended = () => server.ended();
    return { started: true };
  }

  #demandOurs(found: FoundServer): FoundServer {
    if (found.dir === this.#paths.dir) return found;
    throw this.#error(`the server on ${this.socketPath} keeps its data in ${found.dir}, want ${this.#paths.dir}`);
  }

  /** The server answers while it loads, and refuses to work. A big file takes minutes, which is no fault. */
  async #untilLoaded(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let logAt = clock.monotonic();
    for (;;) {
      const found = await probe(this.socketPath, clock, PROBE_TIMEOUT_MS);
      if (found.kind === "server" && !found.loading) return;
      if (found.kind === "absent") throw this.#error(`it ended while loading its data; see ${this.#paths.logFile}`);
      if (clock.monotonic() >= logAt) {
        log("embedded redis is loading its data");
        logAt = clock.monotonic() + LOADING_LOG_EVERY_MS;
      }
      if (!await sleep(clock, LOADING_EVERY_MS, signal)) signal.throwIfAborted();
    }
  }

  /** Holds one idle connection: its end is news of the server's, at once, and costs no command. */
  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        using client = await RawClient.connect({ path: this.socketPath }, this.#options.clock);
        await client.untilEnd(signal);
      } catch {
        // Not there: the same as an end.
      }
      if (!signal.aborted) await this.#revive(signal);
    }
  }

  async #revive(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await this.ensureRunning();
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log(`embedded redis is gone: ${textOf(error)}`);
        await sleep(this.#options.clock, RESTART_WAITS_MS[Math.min(failures, 2)] ?? 5_000, signal);
      }
    }
  }

  async #release(timeoutMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#watcher;
    try {
      using lock = await FileLock.open(this.#paths.startLock);
      const held = await lock.alone({ clock: this.#options.clock, timeoutMs });
      // Without the lock somebody is just starting or stopping it, and will use it or has stopped it.
      if (held && await this.#users.tryAlone()) await this.#stop(timeoutMs);
    } catch (error) {
      this.#options.log(`leaving the embedded redis as it is: ${textOf(error)}`);
    } finally {
      this.#users[Symbol.dispose]();
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    const problem = await stopServer(this.socketPath, this.#options.clock, timeoutMs);
    if (problem === null) {
      await this.#ended();
      this.#options.log("embedded redis stopped, its data are saved");
    } else {
      this.#options.log(`embedded redis goes on, the next start adopts it: ${problem}`);
    }
  }

  #error(found: string): ServiceError {
    return new ServiceError("embedded_redis", `starting the embedded Redis in ${this.#paths.dir}: ${found}`);
  }
}
