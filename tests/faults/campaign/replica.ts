/**
 * One replica: a place that is filled by one service process after the other.
 * @module
 */
import { type ServiceProcess, startServiceProcess } from "../../../testing/service_process.ts";
import { waitFor } from "../../../testing/wait.ts";
import type { ReplicaLink } from "./replica_link.ts";

/** What the service is set to; the bounds that recoveries are judged by follow from it, ms. */
export const SETTINGS = {
  leaseMs: 3_000,
  commandTimeoutMs: 2_000,
  shutdownTimeoutMs: 500,
} as const;

/** Names that the service uses. */
export const NAMES = { stream: "event-stream", group: "redis-stream-service" } as const;

const HANDLERS = new URL("./handlers.ts", import.meta.url).pathname;

/** Where the service is started from: the project, or a changed copy of it. */
export interface ReplicaOptions {
  /** Its way to Redis; null where there is none that could be disturbed. */
  readonly link: ReplicaLink | null;
  /** Settings that lead it to Redis. */
  readonly redis: Readonly<Record<string, string>>;
  readonly ledgerDir: string;
  /** For consumer names. */
  readonly index: number;
}

/** See the module's text. */
export class Replica implements AsyncDisposable {
  readonly index: number;
  readonly link: ReplicaLink | null;
  readonly #redis: Readonly<Record<string, string>>;
  readonly #ledgerDir: string;
  #lost = 0;
  #process: ServiceProcess;
  #starts = 0;

  /** Starts the first process. */
  constructor({ link, redis, ledgerDir, index }: ReplicaOptions) {
    this.index = index;
    this.link = link;
    this.#redis = redis;
    this.#ledgerDir = ledgerDir;
    this.#process = this.#start();
  }

  /** Processes started so far. */
  get starts(): number {
    return this.#starts;
  }

  /** Name of the present process, that no other start has; its consumer names begin with it. */
  get name(): string {
    return `r${this.index}s${this.#starts}`;
  }

  /** The end of what the present process wrote. */
  get output(): string {
    return this.#process.output.slice(-3_000);
  }

  /** Lines that the present process wrote. */
  get logLines(): number {
    return this.#process.records.length;
  }

  /** Sends a signal to the present process. */
  signal(signal: Deno.Signal): void {
    this.#process.signal(signal);
  }

  /** Waits for its end. @returns The exit code. */
  exited(timeoutMs: number): Promise<number> {
    return this.#process.exited(timeoutMs);
  }

  /** Entries that its processes say the store has lost. */
  get namedLost(): number {
    return this.#lost + lostIn(this.#process);
  }

  /** Fills the place again, after the end of the process before. */
  restart(): void {
    this.#lost += lostIn(this.#process);
    this.#process = this.#start();
  }

  /** Waits until it is ready. */
  async ready(): Promise<void> {
    await waitFor(() => this.#process.ready(5_000).then(() => true), {
      timeoutMs: 30_000,
      what: `replica ${this.index} to be ready`,
    });
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  #start(): ServiceProcess {
    this.#starts++;
    return startServiceProcess({
      env: {
        ...this.#redis,
        HANDLERS,
        CAMPAIGN_LEDGER: this.#ledgerDir,
        CONSUMER_NAME: this.name,
        LEASE_MS: String(SETTINGS.leaseMs),
        COMMAND_TIMEOUT: String(SETTINGS.commandTimeoutMs),
        CONNECTION_TIMEOUT: String(SETTINGS.commandTimeoutMs),
        SHUTDOWN_TIMEOUT: String(SETTINGS.shutdownTimeoutMs),
        RETRY_DELAYS: "200",
        RETRY_BACKOFF: "100",
        RETRY_BACKOFF_MAX: "800",
        // Signals kill processes here, not events: no budget may run out for it.
        MAX_DELIVERIES: "20",
        HANDLER_TIMEOUT: "10000",
      },
    });
  }
}

function lostIn({ records }: ServiceProcess): number {
  const told = records.filter((record) => String(record["message"]).startsWith("the store lost"));
  return told.reduce((sum, record) => sum + Number(record["count"]), 0);
}
