/**
 * The whole service inside a test, on a real Redis: what happens in it is kept, counted and can be waited for.
 * @module
 */
import { App } from "../../src/app.ts";
import { readConfig } from "../../src/boot.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Happening } from "../../src/happenings.ts";
import { collect } from "../../src/handling/load.ts";
import type { Handler, Schedule } from "../../src/handling/define.ts";
import { createLogging } from "../../src/telemetry/logging.ts";
import type { TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";

/** The stream and group that the service has without settings. */
export const STREAM = "event-stream";
export const GROUP = "redis-stream-service";
/** What the names of the group's own keys begin with. */
export const OURS = `{${STREAM}}:${GROUP}:`;

type Of<K extends Happening["kind"]> = Extract<Happening, { kind: K }>;

/** How a service is run. */
export interface RunOptions {
  readonly handlers: readonly (Handler | Schedule)[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the service against this Redis and waits until it is ready. Dispose it to drain and stop. */
export async function runService(redis: TestRedis, options: RunOptions): Promise<RunningService> {
  const service = await RunningService.start(redis, options);
  await service.ready();
  return service;
}

/** See {@link runService}. */
export class RunningService implements AsyncDisposable {
  readonly app: App;
  readonly happenings: Happening[] = [];
  /** Log lines, JSON. */
  readonly lines: string[];
  readonly #logging: AsyncDisposable;

  private constructor(app: App, logging: AsyncDisposable, lines: string[]) {
    this.app = app;
    this.#logging = logging;
    this.lines = lines;
    app.happenings.listen((happening) => this.happenings.push(happening));
  }

  /** Starts without waiting for readiness. */
  static async start(redis: TestRedis, { handlers, env = {} }: RunOptions): Promise<RunningService> {
    const { config, secrets } = readConfig({
      REDIS_URL: redis.url,
      SERVICE_PORT: "0",
      TEST_EVENT_INTERVAL: "0",
      RETRY_DELAYS: "100",
      ...env,
    });
    const lines: string[] = [];
    const logging = createLogging({
      level: "INFO",
      format: "json",
      timezone: "UTC",
      serviceName: config.service.name,
      secrets,
      clock: systemClock,
      write: (chunk) => {
        lines.push(...new TextDecoder().decode(chunk).split("\n").filter((line) => line !== ""));
        return Promise.resolve(chunk.length);
      },
    });
    const app = new App({
      config,
      logging,
      clock: systemClock,
      random: systemRandom,
      handlers: collect({ ...handlers }),
      cwd: Deno.cwd(),
    });
    const service = new RunningService(app, logging, lines);
    await app.listen();
    await app.start();
    return service;
  }

  /** Happenings of one kind so far. */
  of<K extends Happening["kind"]>(kind: K): readonly Of<K>[] {
    return this.happenings.filter((happening): happening is Of<K> => happening.kind === kind);
  }

  /** Events that ended in each way; `lost` is what the store destroyed. */
  get tally(): Readonly<Record<string, number>> {
    return tallyOf([this]);
  }

  /** Entries that the store lost, by cause. */
  get lost(): Readonly<Record<string, number>> {
    const causes: Record<string, number> = {};
    for (const { cause, count } of this.of("store_lost")) causes[cause] = (causes[cause] ?? 0) + count;
    return causes;
  }

  /** Why it is not ready; null when it is. */
  get reason(): string | null {
    const verdict = this.app.health.verdict();
    return verdict.ok ? null : verdict.reason;
  }

  /** Waits until it is ready. */
  async ready(timeoutMs = 10_000): Promise<void> {
    await waitFor(() => this.reason === null, { timeoutMs, what: "the service to be ready" });
  }

  /** Waits until it is not ready. @returns The reason. */
  unready(timeoutMs = 5_200): Promise<string> {
    return waitFor(() => this.reason, { timeoutMs, what: "the service to be not ready" });
  }

  /** Waits for a condition on what happened, and tells the tally where it fails. */
  async until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    try {
      await waitFor(condition, { timeoutMs, what });
    } catch (error) {
      const tail = this.lines.slice(-15).join("\n");
      throw new Error(`${(error as Error).message}; ${Deno.inspect(this.tally)} ${Deno.inspect(this.lost)}\n${tail}`);
    }
  }

  /** Drains and stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.stop();
    await this.#logging[Symbol.asyncDispose]();
  }
}

/** How events ended in all of these services together; `lost`: destroyed by the store. `retried` counts attempts. */
export function tallyOf(services: readonly RunningService[]): Readonly<Record<string, number>> {
  const tally: Record<string, number> = { processed: 0, dead_lettered: 0, retried: 0, lost: 0 };
  for (const service of services) {
    for (const { outcome, count } of service.of("settled")) tally[outcome] = (tally[outcome] ?? 0) + count;
    for (const { count } of service.of("store_lost")) tally["lost"] = (tally["lost"] ?? 0) + count;
  }
  return tally;
}

/** Appends an event. @returns Its entry id. */
export async function add(
  redis: TestRedis,
  event: { readonly id: string; readonly type?: string; readonly subject?: string; readonly data?: unknown },
): Promise<string> {
  return String(await redis.command(["XADD", STREAM, "*", ...fieldsOf(event)]));
}

/** Appends many events in one call. */
export async function addMany(
  redis: TestRedis,
  count: number,
  eventOf: (n: number) => { readonly id: string; readonly type?: string; readonly subject?: string },
): Promise<readonly string[]> {
  const script = `local at, ids = 1, {}
    while at <= #ARGV do
      local n = tonumber(ARGV[at])
      ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + n))
      at = at + n + 1
    end
    return ids`;
  const ids: string[] = [];
  for (let from = 0; from < count; from += 500) {
    const args: string[] = [];
    for (let n = from; n < Math.min(count, from + 500); n++) {
      const fields = fieldsOf(eventOf(n));
      args.push(String(fields.length), ...fields);
    }
    ids.push(...(await redis.command(["EVAL", script, 1, STREAM, ...args]) as string[]).map(String));
  }
  return ids;
}

function fieldsOf(
  { id, type = "work", subject, data }: {
    readonly id: string;
    readonly type?: string;
    readonly subject?: string;
    readonly data?: unknown;
  },
): string[] {
  return [
    ...["id", id, "type", type, "source", "t"],
    ...(subject === undefined ? [] : ["subject", subject]),
    ...(data === undefined ? [] : ["data", JSON.stringify(data)]),
  ];
}

/** Entries that the group has pending, parked ones included; null where there is no group. */
export async function pending(redis: TestRedis): Promise<number | null> {
  try {
    return Number((await redis.command(["XPENDING", STREAM, GROUP]) as unknown[])[0]);
  } catch {
    return null;
  }
}

/** Values of a field over a stream, oldest first. */
export async function fieldOver(redis: TestRedis, stream: string, field: string): Promise<readonly string[]> {
  const rows = await redis.command(["XRANGE", stream, "-", "+"]) as [string, string[]][];
  return rows.map(([, values]) =>
    String(values[values.findIndex((name, at) => at % 2 === 0 && String(name) === field) + 1])
  );
}

/** A handler's gate: attempts wait at it until it is opened. */
export function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, passed: promise };
}

/** What the service's own books say is undelivered; null before the first look. */
export async function bookedUndelivered(redis: TestRedis): Promise<number | null> {
  const count = await redis.command(["HGET", `${OURS}ledger`, "undelivered"]);
  return count === null || count === "" ? null : Number(count);
}
