/**
 * Watches the service for those who look at it: keeps the history, and says what the state is and since when. Asks Redis
 * only while somebody looks; otherwise the figures are those that the watcher of the service counts anyway.
 * @module
 */
import type { Clock } from "../clock.ts";
import { causeOf, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { rfc3339 } from "../events/time.ts";
import type { Happening, Happenings, StreamCounts } from "../happenings.ts";
import type { AdminCore } from "./core.ts";
import { type FlowState, flowState } from "./flow_state.ts";
import { flowBetween, History } from "./history.ts";
import type { LiveHub } from "./live.ts";
import { type StreamLook, totalsOf } from "./overview.ts";
import type { Counts, StreamOverview } from "./shapes.ts";

/** What a watch is made of. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly happenings: Happenings;
  readonly live: LiveHub;
  readonly service: { readonly name: string; readonly version: string };
  /** Why the service is not ready, as a cause code; null when it is. From memory. */
  readonly problem: () => string | null;
  /** Codes of what a person should look at. */
  readonly warnings: () => readonly string[];
  /** Null while the service starts. */
  readonly core: () => Pick<AdminCore, "looks"> | null;
}

/** What goes on now. */
export interface Now {
  readonly timestamp: string;
  readonly service: { readonly name: string; readonly version: string; readonly startedAt: string };
  readonly state: FlowState & { readonly since: string };
  readonly warnings: readonly string[];
  /** Round trip, ms; null while Redis does not answer. */
  readonly redisLatencyMs: number | null;
  /** When the figures were counted; null: never yet. */
  readonly asOf: string | null;
  readonly pausedSince: string | null;
  /** Events a second, of everybody, over the latest seconds; null: not known yet. */
  readonly rates: { readonly in: number | null; readonly out: number | null };
  readonly totals: Counts;
  /** Without their consumers. */
  readonly streams: readonly (Omit<StreamOverview, "consumers"> & { readonly consumerCount: number })[];
}

const TICK_MS = 2_000;
/** Who asks gets figures no older than this. */
const FRESH_MS = 900;
/** Rates are over at least this long where there is so much. */
const RATE_MS = 8_000;
const KEPT_MS = 40_000;

interface Flow {
  readonly atMs: number;
  readonly came: number;
  readonly went: number;
}

/** What the picture is made of. */
const HEARD = ["attempted", "settled", "published", "counted", "paused", "lifecycle"] as const;

/** See the module's text. */
export class Watch {
  readonly history: History;
  readonly #o: WatchOptions;
  readonly #startedAt: string;
  readonly #unlisten: () => void;
  readonly #latest = new Map<string, StreamCounts>();
  #cancelTick: () => void = () => {};
  #looks: readonly StreamLook[] = [];
  #latencyMs: number | null = null;
  #asOfMs: number | null = null;
  #askedAt = -Infinity;
  #asking: Promise<void> | null = null;
  #problem: string | null = null;
  #flows: Flow[] = [];
  #progressAt: number;
  #paused = false;
  #state: FlowState & { since: string };

  /** @param options See {@link WatchOptions}. Listens from now on, until the service drains. */
  constructor(options: WatchOptions) {
    this.#o = options;
    const { clock, happenings } = options;
    this.history = new History(clock);
    this.#startedAt = rfc3339(clock.now());
    this.#progressAt = clock.monotonic();
    this.#state = { ...flowState(this.#signs()), since: this.#startedAt };
    this.#unlisten = happenings.listen((happening) => this.#hear(happening), HEARD);
    this.#tick();
  }

  /** Everything, with fresh figures where they come soon. */
  async now(): Promise<Now> {
    if (this.#o.clock.monotonic() - this.#askedAt > FRESH_MS) await this.#ask();
    this.#judge();
    return this.#view();
  }

  /** Ends it. Idempotent. */
  dispose(): void {
    this.#cancelTick();
    this.#cancelTick = () => {};
    this.#unlisten();
  }

  #hear(happening: Happening): void {
    this.history.hear(happening);
    switch (happening.kind) {
      case "settled":
        this.#progressAt = this.#o.clock.monotonic();
        return;
      case "counted":
        this.#take(happening.stream, happening.figures);
        return this.#judge();
      case "paused":
        this.#paused = happening.paused;
        return this.#judge();
      case "lifecycle":
        if (happening.state === "draining") this.dispose();
        return;
    }
  }

  #tick(): void {
    this.#cancelTick = this.#o.clock.after(TICK_MS, () => {
      this.#tick();
      if (!this.#o.live.watched) return this.#judge();
      void this.#ask().then(() => this.#o.live.tell("now", { ...this.#view() }));
    }, true);
  }

  /** One question at a time; never rejects, and ends by the bound on its commands. */
  #ask(): Promise<void> {
    return this.#asking ??= this.#look().finally(() => {
      this.#asking = null;
      this.#askedAt = this.#o.clock.monotonic();
      this.#judge();
    });
  }

  async #look(): Promise<void> {
    const core = this.#o.core();
    if (core === null || this.#o.problem() !== null) {
      this.#latencyMs = null;
      return;
    }
    try {
      const { looks, latencyMs } = await core.looks();
      for (const { overview, stats } of looks) {
        this.history.hear({ kind: "counted", stream: overview.stream, figures: stats });
        this.#take(overview.stream, stats);
      }
      this.#looks = looks;
      this.#latencyMs = latencyMs;
      this.#asOfMs = this.#o.clock.now();
      this.#problem = null;
      this.#paused = looks.length > 0 && looks.every(({ pausedSinceMs }) => pausedSinceMs !== null);
    } catch (error) {
      this.#latencyMs = null;
      // What is neither is a fault of ours, and no reason to send people to Redis.
      const known = error instanceof StoreUnavailableError || error instanceof StoreRefusedError;
      this.#problem = known ? causeOf(error) : null;
    }
  }

  #take(stream: string, figures: StreamCounts): void {
    const atMs = this.#o.clock.monotonic();
    const before = this.#latest.get(stream);
    this.#latest.set(stream, figures);
    const { came, went } = before === undefined ? { came: 0, went: 0 } : flowBetween(before, figures);
    if (went > 0) this.#progressAt = atMs;
    const last = this.#flows.at(-1) ?? { came: 0, went: 0 };
    this.#flows.push({ atMs, came: last.came + came, went: last.went + went });
    // The latest one that is too old stays: rates begin there.
    while (this.#flows.length > 2 && atMs - this.#flows[1]!.atMs > KEPT_MS) this.#flows.shift();
  }

  #judge(): void {
    const found = flowState(this.#signs());
    const same = found.name === this.#state.name;
    this.#state = { ...found, since: same ? this.#state.since : rfc3339(this.#o.clock.now()) };
  }

  #signs(): Parameters<typeof flowState>[0] {
    const { problem, clock } = this.#o;
    const all = [...this.#latest.values()];
    const sum = (of: (one: StreamCounts) => number): number => all.reduce((total, one) => total + of(one), 0);
    const lag = sum((one) => one.lag);
    const due = this.#looks.reduce((total, { overview }) => total + overview.due, 0);
    if (lag + due === 0 || this.#paused) this.#progressAt = clock.monotonic();
    const { in: inRate, out: outRate } = this.#rates();
    return {
      problem: problem() ?? this.#problem,
      paused: this.#paused,
      ...{ lag, due, inRate, outRate },
      parked: sum((one) => one.parked),
      pending: sum((one) => one.pending),
      consumers: sum((one) => one.consumers),
      idleMs: clock.monotonic() - this.#progressAt,
    };
  }

  #rates(): Now["rates"] {
    const last = this.#flows.at(-1);
    const first = this.#flows.findLast(({ atMs }) => last !== undefined && last.atMs - atMs >= RATE_MS) ??
      this.#flows[0];
    if (first === undefined || last === undefined || last.atMs - first.atMs < 500) return { in: null, out: null };
    const seconds = (last.atMs - first.atMs) / 1_000;
    const rate = (count: number): number => Math.round(count / seconds * 100) / 100;
    return { in: rate(last.came - first.came), out: rate(last.went - first.went) };
  }

  #view(): Now {
    const { clock, service, warnings } = this.#o;
    const since = this.#looks.flatMap(({ pausedSinceMs }) => pausedSinceMs ?? []);
    return {
      timestamp: rfc3339(clock.now()),
      service: { ...service, startedAt: this.#startedAt },
      state: this.#state,
      warnings: warnings(),
      redisLatencyMs: this.#latencyMs,
      asOf: this.#asOfMs === null ? null : rfc3339(this.#asOfMs),
      pausedSince: since.length === 0 ? null : rfc3339(Math.min(...since)),
      rates: this.#rates(),
      totals: totalsOf(this.#looks.map(({ overview }) => overview)),
      streams: this.#looks.map(({ overview: { consumers: _, ...rest }, stats }) => ({
        ...rest,
        consumerCount: stats.consumers,
      })),
    };
  }
}
