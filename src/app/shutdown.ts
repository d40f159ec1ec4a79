/**
 * The order of the end, CONTRACT section 8. Every step has a bound; the sum is within
 * `SHUTDOWN_DELAY` + `SHUTDOWN_TIMEOUT` + `COMMAND_TIMEOUT` + 1 s whatever Redis does.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";
import type { Config } from "../config/types.ts";
import type { Happenings } from "../happenings.ts";
import { ShuttingDownError } from "../handling/errors.ts";
import type { HttpServer } from "../http/server.ts";
import type { EmbeddedRedis } from "../store/redis/embedded/embedded.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RunningParts } from "./running_parts.ts";

/** What is to be stopped. */
export interface ShutdownOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly happenings: Happenings;
  readonly log: Logger;
  /** Null: the service was still starting. */
  readonly parts: RunningParts | null;
  readonly http: HttpServer | null;
  readonly embedded: EmbeddedRedis | null;
}

/** Handlers that listen to `ctx.signal` get this long to end by themselves, ms. */
const ABORT_GRACE_MS = 100;
const HTTP_CLOSE_MS = 250;
const REDIS_CLOSE_MS = 150;

/** Runs the whole order. @returns The exit code. */
export async function shutDown(options: ShutdownOptions): Promise<number> {
  const { config, clock, happenings, log, parts, http, embedded } = options;
  happenings.emit({ kind: "lifecycle", state: "draining" });
  let left = 0;
  if (parts !== null) {
    if (config.shutdown.delayMs > 0) await sleep(clock, config.shutdown.delayMs);
    await drain(parts, options);
    // Half the time for the flush: a Redis that is gone must not use up what retiring could need.
    await flush(parts, clock, Math.floor(config.redis.commandTimeoutMs / 2));
  }
  await http?.close(HTTP_CLOSE_MS);
  if (parts !== null) left = await leave(parts, clock, Math.ceil(config.redis.commandTimeoutMs / 2));
  await embedded?.release().catch((error) => log.warn("Cannot stop the embedded Redis: {error}", { error }));
  happenings.emit({ kind: "lifecycle", state: "stopped" });
  if (left > 0) {
    log.error("{left} entries could not be handed back; others take them over when the lease runs out", { left });
  }
  return left > 0 ? 1 : 0;
}

/** Schedules, reading, running handlers, in this order. */
async function drain(parts: RunningParts, { config, clock }: ShutdownOptions): Promise<void> {
  const { workers, scheduler, dispatcher, watcher, admin } = parts;
  const intake = timer(clock, Math.min(1_000, config.redis.commandTimeoutMs));
  const loops = [...scheduler.loops, watcher.loop, admin.pause.loop].map((loop) => loop.stop());
  dispatcher.setOpen(false);
  await Promise.all(workers.map((worker) => worker.stopIntake(intake.signal)));
  intake.clear();
  void loops;
  const running = timer(clock, config.shutdown.timeoutMs);
  await dispatcher.idle(running.signal);
  running.clear();
  if (dispatcher.running > 0) {
    const reason = new ShuttingDownError();
    for (const { consumer } of workers) consumer.abortRunning(reason, false);
    const grace = timer(clock, ABORT_GRACE_MS);
    await dispatcher.idle(grace.signal);
    grace.clear();
    for (const { consumer } of workers) consumer.abortRunning(reason, true);
    await sleep(clock, 0);
  }
}

/** What was decided, and what is handed back, reaches Redis. */
async function flush({ workers }: RunningParts, clock: Clock, ms: number): Promise<void> {
  const bound = timer(clock, ms);
  await Promise.all(workers.map(({ consumer }) => consumer.settled(bound.signal)));
  bound.clear();
}

/** Retires the consumers, closes Redis. @returns How many entries could not be handed back. */
async function leave(parts: RunningParts, clock: Clock, ms: number): Promise<number> {
  const bound = timer(clock, ms);
  const { workers, redis, deadlines } = parts;
  const left = await Promise.all(workers.map((worker) => worker.retire(bound.signal)));
  await Promise.all(workers.map((worker) => worker.stop(bound.signal)));
  bound.clear();
  deadlines.dispose();
  await redis.close(REDIS_CLOSE_MS);
  return left.reduce((sum, count) => sum + count, 0);
}

function timer(clock: Clock, ms: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, clear: clock.after(ms, () => controller.abort()) };
}
