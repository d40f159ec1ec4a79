/**
 * Publishes each occurrence of each schedule once across all replicas, with no leader: whoever comes first writes it,
 * in a step that lets nobody come second. Occurrences go by the clock of the store.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { cronNext, cronOccurrences } from "../delivery/cron.ts";
import { intervalOccurrences, nextInterval } from "../delivery/occurrences.ts";
import type { Happenings } from "../happenings.ts";
import type { Schedule } from "../handling/define.ts";
import type { Occurrence, StreamStore } from "../store/port.ts";
import { Loop } from "./loop.ts";
import type { Publisher } from "./publisher.ts";

/** What a scheduler is made of. */
export interface SchedulerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly publisher: Publisher;
  readonly schedules: readonly Schedule[];
  /** IANA name. */
  readonly timezone: string;
}

/** Longest sleep: clocks step and drift, so the store's time is asked again at least this often. */
const LONGEST_WAIT_MS = 60_000;
/** Most missed occurrences that `missed: "all"` publishes. */
const CATCH_UP_CAP = 1_000;

/** See the module's text. One loop for each schedule, so that none waits for another. */
export class Scheduler {
  readonly loops: readonly Loop[];
  readonly #o: SchedulerOptions;
  /** Occurrences up to here are dealt with, as far as this process knows. */
  readonly #seen = new Map<string, number>();

  /** @param options See {@link SchedulerOptions}. */
  constructor(options: SchedulerOptions) {
    this.#o = options;
    const { clock, random, happenings } = options;
    this.loops = options.schedules.map((schedule) =>
      new Loop({ name: `schedule:${schedule.name}`, clock, random, happenings, step: () => this.#step(schedule) })
    );
  }

  /** Publishes one occurrence now, besides the regular ones. */
  async runNow(schedule: Schedule): Promise<string> {
    const nowMs = await this.#o.store.time();
    const receipt = await this.#o.publisher.publish({ ...schedule.event, id: `${schedule.name}@${nowMs}` });
    return receipt.id;
  }

  async #step(schedule: Schedule): Promise<number> {
    const { store } = this.#o;
    const nowMs = await store.time();
    const seenMs = this.#seen.get(schedule.name) ?? await this.#begin(schedule, nowMs);
    const due = this.#due(schedule, seenMs, nowMs);
    if (due.length > 0) await this.#fire(schedule, due);
    const lastMs = due.at(-1) ?? seenMs;
    this.#seen.set(schedule.name, lastMs);
    return Math.max(1, Math.min(LONGEST_WAIT_MS, this.#nextMs(schedule, Math.max(lastMs, nowMs)) - nowMs));
  }

  /** A schedule that was never seen starts now: what would have been before is not missed. */
  async #begin(schedule: Schedule, nowMs: number): Promise<number> {
    const { store } = this.#o;
    const lastMs = await store.lastOccurrence(schedule.name);
    if (lastMs !== null) return lastMs;
    await store.fire(schedule.name, [], nowMs);
    return await store.lastOccurrence(schedule.name) ?? nowMs;
  }

  #due(schedule: Schedule, afterMs: number, untilMs: number): readonly number[] {
    const policy = schedule.missed ?? "last";
    const range = { afterMs, untilMs, policy, cap: CATCH_UP_CAP };
    return schedule.everyMs !== undefined
      ? intervalOccurrences({ everyMs: schedule.everyMs, ...range })
      : cronOccurrences({ pattern: schedule.cron!, timezone: this.#o.timezone, ...range });
  }

  #nextMs(schedule: Schedule, afterMs: number): number {
    return schedule.everyMs !== undefined
      ? nextInterval(schedule.everyMs, afterMs)
      : cronNext(schedule.cron!, this.#o.timezone, afterMs) ?? afterMs + LONGEST_WAIT_MS;
  }

  async #fire(schedule: Schedule, due: readonly number[]): Promise<void> {
    const { store, publisher, happenings } = this.#o;
    const prepared = due.map((atMs) =>
      publisher.prepare({
        ...schedule.event,
        id: `${schedule.name}@${atMs}`,
        time: new Date(atMs).toISOString(),
      })
    );
    const occurrences: Occurrence[] = prepared.map(({ item: { fields } }, at) => ({
      atMs: due[at]!,
      item: { fields },
    }));
    const count = await store.fire(schedule.name, occurrences);
    // Another replica was first: nothing was published here, and nothing is traced.
    if (count === 0) return;
    for (const { span } of prepared) span?.end();
    happenings.emit({ kind: "schedule_fired", schedule: schedule.name, occurrences: count });
    happenings.emit({ kind: "published", stream: store.stream, type: schedule.event.type, count, origin: "schedule" });
  }
}
