/**
 * The admin core: every query and command once, for three faces (HTTP, terminal, dashboard). A face checks who asks,
 * passes text on, and puts the answer into its own form.
 * @module
 */
import type { Clock } from "../clock.ts";
import { causeOf, StoreUnavailableError } from "../errors.ts";
import { rfc3339 } from "../events/time.ts";
import type { StreamAdmin } from "../store/admin_port.ts";
import type { StreamStore } from "../store/port.ts";
import { type ConsumerPage, listConsumers } from "./consumers.ts";
import { browse } from "./events.ts";
import type { Params } from "./input.ts";
import { type AdminStream, LetterDesk } from "./letters.ts";
import { lookAt, type StreamLook, totalsOf } from "./overview.ts";
import { whereIs } from "./places.ts";
import type { ScheduleDesk } from "./schedules.ts";
import { search, type SearchPage } from "./search.ts";
import { tail } from "./tail.ts";
import type { EventItem, Overview, Page, Place, RecentError, Scaling, ScheduleItem } from "./shapes.ts";

/** What the core is made of. */
export interface AdminCoreOptions {
  readonly service: { readonly name: string; readonly version: string };
  /** In the order of the configuration; at least one. */
  readonly streams: readonly { readonly store: StreamStore; readonly admin: StreamAdmin }[];
  readonly clock: Clock;
  /** Null: schedules are not known here (the terminal loads no handlers). */
  readonly schedules: ScheduleDesk | null;
  /** Errors of this process, latest first. */
  readonly recent: () => readonly RecentError[];
  /** Told after the group was paused or resumed here, so that this replica need not be asked. */
  readonly onPause: () => void;
}

const MOST_ERRORS = 20;
const LATEST_LETTERS = 10;

/** Errors of all methods: those of the store, and {@link AdminError} where they say so. */
export class AdminCore {
  /** Dead letters. */
  readonly letters: LetterDesk;
  readonly #o: AdminCoreOptions;
  readonly #streams: readonly AdminStream[];

  /** @param options See {@link AdminCoreOptions}. */
  constructor(options: AdminCoreOptions) {
    this.#o = options;
    this.#streams = options.streams.map(({ store, admin }, index) => ({ index, store, admin }));
    this.letters = new LetterDesk(this.#streams);
  }

  /** Everything at a glance. While Redis is away it says so, with no streams in it. */
  async overview(): Promise<Overview> {
    const { service, clock } = this.#o;
    const base = { timestamp: rfc3339(clock.now()), service };
    try {
      const startedAt = clock.monotonic();
      await this.#streams[0]!.store.time();
      const latency = Math.round((clock.monotonic() - startedAt) * 10) / 10;
      const looks = await Promise.all(this.#streams.map((stream) => lookAt(stream)));
      const rest = { schedules: (await this.schedules()).items, lastErrors: await this.#lastErrors() };
      return { ...base, redis: { status: "healthy", latency, error: null }, ...summaryOf(looks), ...rest };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const redis = { status: "unhealthy", latency: null, error: causeOf(error) } as const;
      const lastErrors = this.#o.recent().slice(0, MOST_ERRORS);
      return { ...base, redis, ...summaryOf([]), schedules: [], lastErrors };
    }
  }

  /** Where an entry is. @throws {AdminError} `invalid`, `not_found` */
  where(entryId: string, params: Params = {}): Promise<Place> {
    return whereIs(this.#streams, entryId, params);
  }

  /** Events by time. @throws {AdminError} `invalid` */
  events(params: Params): Promise<Page<EventItem>> {
    return browse(this.#streams, params);
  }

  /** Events by id, subject or trace, newest first. @throws {AdminError} `invalid` */
  search(params: Params): Promise<SearchPage> {
    return search(this.#streams, params);
  }

  /** Consumers of one stream, those that hold most first. @throws {AdminError} `invalid` */
  consumers(params: Params): Promise<ConsumerPage> {
    return listConsumers(this.#streams, params);
  }

  /** Every stream without its consumers, and how long Redis took to answer, ms. */
  async looks(): Promise<{ readonly looks: readonly StreamLook[]; readonly latencyMs: number }> {
    const startedAt = this.#o.clock.monotonic();
    await this.#streams[0]!.store.time();
    const latencyMs = Math.round((this.#o.clock.monotonic() - startedAt) * 10) / 10;
    return { looks: await Promise.all(this.#streams.map((stream) => lookAt(stream, { consumers: false }))), latencyMs };
  }

  /** Every event that comes from now on, or since `from`, until the signal aborts. @throws {AdminError} `invalid` */
  tail(params: Params, signal: AbortSignal): AsyncGenerator<EventItem> {
    return tail(this.#streams, params, this.#o.clock, signal);
  }

  /** Pauses or resumes the whole group: every replica obeys within a second. */
  async setPaused(paused: boolean): Promise<{ readonly paused: boolean }> {
    await Promise.all(this.#streams.map(({ admin }) => admin.setPaused(paused)));
    this.#o.onPause();
    return { paused };
  }

  /** Empty where schedules are not known. */
  async schedules(): Promise<Page<ScheduleItem>> {
    return await this.#o.schedules?.list() ?? { items: [], next: null };
  }

  /** Runs a schedule now. */
  get scheduling(): ScheduleDesk | null {
    return this.#o.schedules;
  }

  /** For an autoscaler. */
  async scaling(): Promise<Scaling> {
    const looks = await Promise.all(this.#streams.map((stream) => lookAt(stream)));
    const { lag, pending, due, oldestAgeSeconds } = totalsOf(looks.map(({ overview }) => overview));
    return { backlog: lag + pending + due, oldestAgeSeconds };
  }

  async #lastErrors(): Promise<readonly RecentError[]> {
    const { items } = await this.letters.list({ limit: String(LATEST_LETTERS) });
    const dead = items.map(({ time, stream, entryId, reason, error }) => ({
      ...{ time, kind: "dead_lettered", stream, entryId },
      message: `${reason}: ${error}`.slice(0, 500),
    }));
    return [...dead, ...this.#o.recent()].sort((a, b) => a.time < b.time ? 1 : -1).slice(0, MOST_ERRORS);
  }
}

function summaryOf(looks: readonly StreamLook[]): Pick<Overview, "paused" | "pausedSince" | "totals" | "streams"> {
  const streams = looks.map(({ overview }) => overview);
  const since = looks.flatMap(({ pausedSinceMs }) => pausedSinceMs ?? []);
  return {
    paused: since.length > 0 && since.length === looks.length,
    pausedSince: since.length === 0 ? null : rfc3339(Math.min(...since)),
    totals: totalsOf(streams),
    streams,
  };
}
