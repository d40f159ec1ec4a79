/**
 * The real service as a child process, for tests: started, watched line by line, stopped or killed.
 * @module
 */
import { until, waitFor } from "./wait.ts";

/** Settings of {@link startServiceProcess}. */
export interface ServiceProcessOptions {
  /** Environment; nothing of the test's own but PATH, HOME and Deno's cache is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. Default: the project. */
  readonly cwd?: string;
  /** Deno's permission flags. Default `-A`; with `TEST_PROD_PERMISSIONS=1` those of production. */
  readonly permissions?: readonly string[];
}

/** One line that the service wrote, read as JSON. */
export type LogRecord = Readonly<Record<string, unknown>>;

const ROOT = new URL("../", import.meta.url);

/** Starts the service on a free port with JSON logs. Does not wait; see {@link ServiceProcess.listening}. */
export function startServiceProcess(options: ServiceProcessOptions = {}): ServiceProcess {
  return new ServiceProcess(options);
}

/** A running service. Made by {@link startServiceProcess}. */
export class ServiceProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly #exit: Promise<number>;
  readonly #records: LogRecord[] = [];
  #stdout = "";
  #stderr = "";
  #code: number | null = null;

  /** Use {@link startServiceProcess}. */
  constructor({ env: own = {}, cwd: folder, permissions }: ServiceProcessOptions) {
    const cwd = folder ?? ROOT;
    const inherited = ["PATH", "HOME", "DENO_DIR", "TMPDIR"];
    const env = {
      ...Object.fromEntries(inherited.flatMap((name) => {
        const value = Deno.env.get(name);
        return value === undefined ? [] : [[name, value]];
      })),
      SERVICE_PORT: "0",
      LOG_FORMAT: "json",
      TEST_EVENT_INTERVAL: "0",
      ...own,
    };
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...permissions ?? defaultPermissions(env, cwd), new URL("main.ts", ROOT).href],
      cwd,
      clearEnv: true,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#exit = this.#child.status.then(({ code }) => this.#code = code);
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (text) => this.#takeLines(text)),
      this.#read(this.#child.stderr, (text) => this.#stderr += text),
      this.#exit,
    ]);
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything written so far, both streams. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  /** What it wrote to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Log lines that are JSON. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** Waits for a log line. */
  record(fits: (record: LogRecord) => boolean, what: string, timeoutMs = 15_000): Promise<LogRecord> {
    return waitFor(() => {
      const found = this.#records.find(fits);
      if (found === undefined && this.#code !== null) {
        throw new Error(`exited ${this.#code}: ${this.output.slice(-2_000)}`);
      }
      return found;
    }, { timeoutMs, what });
  }

  /** Waits until it listens. @returns `http://host:port` */
  async listening(timeoutMs = 15_000): Promise<string> {
    const record = await this.record((line) => typeof line["url"] === "string", "the service to listen", timeoutMs);
    return String(record["url"]);
  }

  /** Waits until it is ready. @returns `http://host:port` */
  async ready(timeoutMs = 20_000): Promise<string> {
    const url = await this.listening(timeoutMs);
    await waitFor(() => status(`${url}/health/ready`, 200), {
      timeoutMs,
      everyMs: 25,
      what: "the service to be ready",
    });
    return url;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, and until all that it wrote was read. @returns The exit code (137 for SIGKILL). */
  exited(timeoutMs = 40_000): Promise<number> {
    return until(this.#reading.then(() => this.#exit), { timeoutMs, what: "the service to exit" });
  }

  /** Kills it, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#code === null) {
      this.#child.kill("SIGCONT");
      this.#child.kill("SIGKILL");
    }
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream() as never) as AsyncIterable<string>) take(text);
  }

  #takeLines(text: string): void {
    const from = this.#stdout.lastIndexOf("\n") + 1;
    this.#stdout += text;
    const lines = this.#stdout.slice(from).split("\n");
    for (const line of lines.slice(0, -1)) {
      try {
        this.#records.push(JSON.parse(line));
      } catch {
        // Not a log line: it stays in the output.
      }
    }
  }
}

function defaultPermissions(env: Record<string, string>, cwd: string | URL): readonly string[] {
  if (Deno.env.get("TEST_PROD_PERMISSIONS") !== "1") return ["-A"];
  const tool = new URL("tools/prod_permissions.ts", ROOT).href;
  const args = ["run", "-q", "--allow-env", "--allow-read", tool];
  const { stdout } = new Deno.Command(Deno.execPath(), { args, cwd, env, clearEnv: true }).outputSync();
  return new TextDecoder().decode(stdout).trim().split(" ");
}

/** True when a GET is answered with this status within 2 s. */
export async function status(url: string, wanted: number): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === wanted;
  } catch {
    return false;
  }
}

/** GETs JSON. */
export async function getJson(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init });
  const text = await response.text();
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { text };
  }
  return { status: response.status, body };
}
