/**
 * What every scenario works with: a Redis of its own, how much is to be done, and the workers.
 * @module
 */
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { Child, figure, type Message } from "./child.ts";
import type { Result } from "./series.ts";

/** How much is to be done. */
export interface Bench {
  readonly quick: boolean;
  /** Rounds of each way. */
  readonly rounds: number;
  /** The C client, compiled; null where it cannot be had. */
  readonly cClient: string | null;
}

/** One scenario. */
export interface Scenario {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Result>;
}

/** A server that holds what it is given: nothing is saved, nothing is thrown away. */
export function benchRedis(): Promise<TestRedis> {
  return startRedis({ config: { "client-output-buffer-limit": "normal 0 0 0" } });
}

/** Settings of the service as it is measured: the defaults, but nothing scheduled and nothing trimmed. */
export function serviceEnv(redis: TestRedis, stream: string, group: string): Record<string, string> {
  return {
    REDIS_URL: redis.url,
    STREAM: stream,
    CONSUMER_GROUP: group,
    ENVIRONMENT: "bench",
    HOST: "127.0.0.1",
    SERVICE_PORT: "0",
    TEST_EVENT_INTERVAL: "0",
    RETENTION_MAX_LEN: "100000000",
    RETENTION_MAX_AGE: "315360000000",
  };
}

/** What a consumer measured of itself. */
export interface Consumed {
  /** Events a second. */
  readonly value: number;
  /** Processor seconds for 100,000. */
  readonly cpu: number;
  readonly message: Message;
}

/** Has the real service consume everything, in a process of its own. */
export async function consumeByService(
  redis: TestRedis,
  stream: string,
  group: string,
  events: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Consumed> {
  await using child = new Child("consume", {
    ...serviceEnv(redis, stream, group),
    BENCH_EVENTS: String(events),
    ...env,
  });
  const message = await child.until("seconds");
  await dropGroup(redis, stream, group);
  return consumed(message);
}

/** Speed and cost out of a worker's message. */
export function consumed(message: Message): Consumed {
  const events = figure(message, "events");
  return {
    value: events / figure(message, "seconds"),
    cpu: figure(message, "cpuSeconds") / events * 100_000,
    message,
  };
}

/** Has the C client consume everything. @param underWay Reads at a time. */
export async function consumeByC(
  bench: Bench,
  redis: TestRedis,
  stream: string,
  group: string,
  events: number,
  underWay = 1,
  batch = 500,
): Promise<Omit<Consumed, "message">> {
  await redis.command(["XGROUP", "CREATE", stream, group, "0"]);
  const found = await runC(bench, [
    "consume",
    ...["-p", String(redis.port), "-s", stream, "-g", group, "-n", String(events)],
    ...["-c", String(batch), "-D", String(underWay)],
  ]);
  await dropGroup(redis, stream, group);
  return { value: found.evps, cpu: (found.cpu_user + found.cpu_sys) / events * 100_000 };
}

/** Runs the C client. */
export async function runC(
  { cClient }: Bench,
  args: readonly string[],
): Promise<{ evps: number; cpu_user: number; cpu_sys: number }> {
  if (cClient === null) return { evps: NaN, cpu_user: NaN, cpu_sys: NaN };
  const { success, stdout } = await new Deno.Command(cClient, { args: [...args], stderr: "inherit" }).output();
  if (!success) throw new Error(`the C client failed: ${args.join(" ")}`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

/** Forgets a group and what was left of it. */
export async function dropGroup(redis: TestRedis, stream: string, group: string): Promise<void> {
  await redis.command(["XGROUP", "DESTROY", stream, group]);
  const keys = await redis.command(["KEYS", `{${stream}}:${group}:*`]) as readonly string[];
  if (keys.length > 0) await redis.command(["DEL", ...keys]);
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
