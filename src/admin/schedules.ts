/**
 * Schedules: what comes next, what came last, and one more now.
 * @module
 */
import { cronNext } from "../delivery/cron.ts";
import { nextInterval } from "../delivery/occurrences.ts";
import { rfc3339 } from "../events/time.ts";
import type { Schedule } from "../handling/define.ts";
import type { StreamStore } from "../store/port.ts";
import { AdminError } from "./errors.ts";
import type { Page, ScheduleItem } from "./shapes.ts";

/** What a desk is made of. */
export interface ScheduleDeskOptions {
  readonly schedules: readonly Schedule[];
  readonly store: Pick<StreamStore, "time" | "lastOccurrence">;
  /** IANA name. */
  readonly timezone: string;
  /** Publishes one occurrence now. @returns Its event id. */
  readonly runNow: (schedule: Schedule) => Promise<string>;
}

/** See the module's text. */
export class ScheduleDesk {
  readonly #o: ScheduleDeskOptions;

  /** @param options See {@link ScheduleDeskOptions}. */
  constructor(options: ScheduleDeskOptions) {
    this.#o = options;
  }

  /** Every schedule, in the order of definition. */
  async list(): Promise<Page<ScheduleItem>> {
    const nowMs = await this.#o.store.time();
    const items = await Promise.all(this.#o.schedules.map((schedule) => this.#item(schedule, nowMs)));
    return { items, next: null };
  }

  /** Publishes one occurrence now, besides the regular ones. @throws {AdminError} `not_found` */
  async run(name: string): Promise<{ readonly name: string; readonly eventId: string }> {
    const schedule = this.#o.schedules.find((one) => one.name === name);
    if (schedule === undefined) throw new AdminError("not_found", "There is no schedule of this name");
    return { name, eventId: await this.#o.runNow(schedule) };
  }

  async #item(schedule: Schedule, nowMs: number): Promise<ScheduleItem> {
    const { name, cron, everyMs, event } = schedule;
    const rememberedMs = await this.#o.store.lastOccurrence(name);
    const nextMs = this.#after(schedule, Math.max(nowMs, rememberedMs ?? 0));
    return {
      name,
      ...(cron === undefined ? {} : { cron }),
      ...(everyMs === undefined ? {} : { everyMs }),
      type: event.type,
      next: nextMs === null ? null : rfc3339(nextMs),
      last: rememberedMs !== null && this.#isOccurrence(schedule, rememberedMs) ? rfc3339(rememberedMs) : null,
    };
  }

  /** A schedule that was never fired remembers when it was first seen, which is no occurrence. */
  #isOccurrence(schedule: Schedule, ms: number): boolean {
    return this.#after(schedule, ms - 1) === ms;
  }

  #after({ cron, everyMs }: Schedule, afterMs: number): number | null {
    if (everyMs !== undefined) return nextInterval(everyMs, afterMs);
    return cron === undefined ? null : cronNext(cron, this.#o.timezone, afterMs);
  }
}
