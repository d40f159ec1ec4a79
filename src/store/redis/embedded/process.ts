/**
 * Starts and stops the server process.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";
import { ServiceError } from "../../../errors.ts";
import type { EmbeddedPaths } from "./paths.ts";
import { type FoundServer, probe } from "./probe.ts";
import { RawClient } from "./raw_client.ts";

/** What starting needs to know. */
export interface StartOptions {
  readonly clock: Clock;
  /** Names of the program, the first that exists is taken. */
  readonly binaries: readonly string[];
  /** Bound on the time until it answers, be it `LOADING`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const PROBE_EVERY_MS = 20;
const PROBE_TIMEOUT_MS = 2_000;
const KILL_AFTER_MS = 2_000;

/** A server that this process started. */
export interface StartedServer {
  readonly found: FoundServer;
  /** Waits until the process is gone; only then does the child keep this process alive. Never rejects. */
  ended(): Promise<unknown>;
}

/**
 * Starts a server on the folder and waits until it answers. The caller holds the start lock and has found nobody there.
 * The process has a session of its own: neither the end of this process nor a Ctrl-C in its terminal reaches it.
 * @throws {ServiceError} `embedded_redis`: no such program, it ended at once (with the end of its log), or no answer.
 * @throws The signal's reason.
 */
export async function startServer(paths: EmbeddedPaths, options: StartOptions): Promise<StartedServer> {
  // What one run logged must not be taken for the reason of another's failure.
  await Deno.rename(paths.logFile, `${paths.logFile}.1`).catch(() => {});
  const child = spawn(paths, options.binaries);
  let status: Deno.CommandStatus | null = null;
  child.status.then((ended) => status = ended);
  child.unref();
  const deadline = options.clock.monotonic() + options.timeoutMs;
  for (;;) {
    const found = await probe(paths.socketPath, options.clock, PROBE_TIMEOUT_MS);
    if (found.kind === "server") return { found, ended: () => awaitEnd(child) };
    if (status !== null) throw await endedAtOnce(paths, status);
    if (options.clock.monotonic() >= deadline) break;
    if (!await sleep(options.clock, PROBE_EVERY_MS, options.signal)) break;
  }
  await end(child, options.clock);
  options.signal?.throwIfAborted();
  throw new ServiceError(
    "embedded_redis",
    `starting the embedded Redis: no answer on its socket within ${options.timeoutMs} ms; see ${paths.logFile}`,
  );
}

/**
 * Asks the server to save and end, and waits until it has.
 * @param timeoutMs Bound on the whole.
 * @returns What stood in the way; null when it ended.
 */
export async function stopServer(socketPath: string, clock: Clock, timeoutMs: number): Promise<string | null> {
  try {
    using client = await RawClient.connect({ path: socketPath }, clock, timeoutMs);
    await client.command(["SHUTDOWN"], { timeoutMs });
    return "it answered SHUTDOWN and stayed";
  } catch (error) {
    // The end of the connection is the good answer: Redis gives no other.
    const found = await probe(socketPath, clock, PROBE_EVERY_MS * 10);
    if (found.kind === "absent") return null;
    return error instanceof Error ? error.message : String(error);
  }
}

function spawn(paths: EmbeddedPaths, binaries: readonly string[]): Deno.ChildProcess {
  let cause: unknown;
  for (const binary of binaries) {
    try {
      // An empty environment: the service's secrets are none of its business.
      return new Deno.Command(binary, {
        args: serverArguments(paths),
        clearEnv: true,
        detached: true,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw refused(binary, error);
      cause = error;
    }
  }
  throw missing(binaries, cause);
}

/** Append-only and synced every second: a crash of the machine costs at most the last second, `kill -9` nothing. */
function serverArguments(paths: EmbeddedPaths): string[] {
  const settings: Record<string, string> = {
    "dir": paths.dir,
    "port": "0",
    "unixsocket": paths.socketPath,
    "unixsocketperm": "700",
    "logfile": paths.logFile,
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",
    "save": "",
    "maxmemory-policy": "noeviction",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** Nobody may start another one on the same files before this one is gone. */
async function end(child: Deno.ChildProcess, clock: Clock): Promise<void> {
  const cancel = clock.after(KILL_AFTER_MS, () => send(child, "SIGKILL"));
  send(child, "SIGTERM");
  await awaitEnd(child);
  cancel();
}

/** The event loop would run empty while waiting for a child that does not count. */
async function awaitEnd(child: Deno.ChildProcess): Promise<unknown> {
  child.ref();
  return await child.status;
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It had ended by itself.
  }
}

function missing(binaries: readonly string[], cause: unknown): ServiceError {
  return new ServiceError(
    "embedded_redis",
    `starting the embedded Redis: found none of ${binaries.join(", ")} on the PATH; ` +
      "install it (Debian, Ubuntu: apt-get install redis-server; Alpine: apk add redis; macOS: brew install redis), " +
      "or set REDIS_URL to a Redis of your own",
    { cause },
  );
}

function refused(binary: string, cause: unknown): ServiceError {
  const found = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError(
    "embedded_redis",
    `starting the embedded Redis with ${binary}: ${found}; ` +
      "want a Redis of your own in REDIS_URL or REDIS_HOST, or a start that may run it (deno task start)",
    { cause },
  );
}

async function endedAtOnce(paths: EmbeddedPaths, status: Deno.CommandStatus): Promise<ServiceError> {
  const log = (await Deno.readTextFile(paths.logFile).catch(() => "")).trimEnd().split("\n").slice(-5).join("\n");
  const how = status.signal === null ? `code ${status.code}` : status.signal;
  const broken = /bad file format|unexpected end of file|aof.*(corrupt|check)|unknown prefix/i.test(log);
  const want = broken
    ? `want the files in ${paths.dir}/appendonlydir repaired (redis-check-aof --fix on the manifest) or moved away`
    : `want what its log asks for (${paths.logFile})`;
  return new ServiceError("embedded_redis", `starting the embedded Redis: it ended with ${how}; ${want}. Log:\n${log}`);
}
