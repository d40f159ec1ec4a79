/**
 * What went on in the latest six hours, from memory: rates and counts of the streams, and how long the handlers of this
 * process took. Half an hour in slots of 5 s, six hours in slots of a minute; a few megabytes, however busy it is.
 * @module
 */
import type { Clock } from "../clock.ts";
import { rfc3339 } from "../events/time.ts";
import type { Happening, StreamCounts } from "../happenings.ts";
import { Durations, type Quantiles } from "./durations.ts";
import { Ring } from "./history_ring.ts";
import { invalid } from "./errors.ts";
import type { Params } from "./input.ts";

/** Series of one window, oldest first; null where nothing is known. */
export interface HistoryView {
  /** Where the first slot begins. */
  readonly from: string;
  readonly stepMs: number;
  /** When this process began to write things down. */
  readonly startedAt: string;
  /** Events a second (`in` `out` of everybody; the others of this process), and gauges. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
  /** Of this process, most attempts first. */
  readonly handlers: readonly HandlerView[];
}

/** One type in one window. */
export interface HandlerView extends Quantiles {
  readonly type: string;
  readonly count: number;
  readonly failed: number;
  /** The same slot by slot, for the busiest types; else absent. */
  readonly series?: Readonly<Record<keyof Quantiles, readonly (number | null)[]>>;
}

const SLOTS = 361;
const FINE_MS = 5_000;
const COARSE_MS = 60_000;
const LONGEST_MINUTES = 360;
const FINE_MINUTES = 30;
/** Types with durations of their own; more are `other`. */
const MOST_TYPES = 20;
const WITH_SERIES = 8;

const RATES = ["in", "out", "published", "processed", "retried", "dead_lettered", "ignored", "duplicate", "failed"];
const GAUGES = ["lag", "pending", "parked", "deadLetters", "oldestAgeSeconds"] as const;

interface Kept {
  readonly figures: StreamCounts;
  readonly atMs: number;
}

/** See the module's text. */
export class History {
  readonly #clock: Clock;
  readonly #rings = [new Ring(FINE_MS, SLOTS), new Ring(COARSE_MS, SLOTS)] as const;
  readonly #types = new Map<string, readonly [Durations, Durations]>();
  readonly #latest = new Map<string, Kept>();
  readonly #startedAt: number;

  /** Begins now. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Writes down what happened. Cheap: events come by the ten thousand a second. */
  hear(happening: Happening): void {
    switch (happening.kind) {
      case "attempted":
        return this.#attempted(happening.type, happening.succeededMs, happening.failedMs);
      case "settled":
        this.#advance();
        return this.#add(happening.outcome, happening.count);
      case "published":
        this.#advance();
        return this.#add("published", happening.count);
      case "counted":
        return this.#counted(happening.stream, happening.figures);
    }
  }

  #attempted(type: string, succeededMs: readonly number[], failedMs: readonly number[]): void {
    if (succeededMs.length + failedMs.length === 0) return;
    this.#advance();
    if (failedMs.length > 0) this.#add("failed", failedMs.length);
    for (const durations of this.#durationsOf(type)) {
      for (const ms of succeededMs) durations.add(ms, true);
      for (const ms of failedMs) durations.add(ms, false);
    }
  }

  /** One window. @param params `minutes`, 1 to 360, default 5. @throws {AdminError} `invalid` */
  view({ minutes: text }: Params): HistoryView {
    const minutes = text ? Number(text) : 5;
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > LONGEST_MINUTES) {
      throw invalid("minutes", `an integer from 1 to ${LONGEST_MINUTES}`);
    }
    const which = minutes <= FINE_MINUTES ? 0 : 1;
    this.#advance();
    const ring = this.#rings[which];
    const indices = ring.indices(minutes * 60_000 / ring.stepMs);
    return {
      from: rfc3339(ring.slotMs - indices.length * ring.stepMs),
      stepMs: ring.stepMs,
      startedAt: rfc3339(this.#startedAt),
      series: this.#series(ring, indices),
      handlers: this.#handlers(which, indices),
    };
  }

  #series(ring: Ring, indices: readonly number[]): HistoryView["series"] {
    const seconds = ring.stepMs / 1_000;
    const found: Record<string, (number | null)[]> = {};
    const fromMs = ring.slotMs - indices.length * ring.stepMs;
    // What this process does not count, it did not do; except before it was there.
    const none = (at: number): number | null => fromMs + (at + 1) * ring.stepMs > this.#startedAt ? 0 : null;
    for (const name of RATES) {
      const ours = name !== "in" && name !== "out";
      const values = ring.values(name, indices).map((value, at) => value ?? (ours ? none(at) : null));
      // A slot that ended after the latest look is not all counted yet.
      const covered = (at: number): boolean => ours || fromMs + (at + 1) * ring.stepMs <= this.#countedTo();
      found[name] = values.map((value, at) => value === null || !covered(at) ? null : round(value / seconds));
    }
    for (const name of GAUGES) found[name] = carried(ring.values(name, indices), ring.stepMs);
    return found;
  }

  #handlers(which: 0 | 1, indices: readonly number[]): readonly HandlerView[] {
    const all = [...this.#types].map(([type, rings]) => ({ type, of: rings[which], ...rings[which].over(indices) }));
    const active = all.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
    return active.map(({ of, ...view }, place) => {
      if (place >= WITH_SERIES) return view;
      const slots = indices.map((index) => of.over([index]));
      const series = { p50: slots.map((s) => s.p50), p95: slots.map((s) => s.p95), p99: slots.map((s) => s.p99) };
      return { ...view, series };
    });
  }

  #counted(stream: string, figures: StreamCounts): void {
    this.#advance();
    const nowMs = this.#clock.now();
    const before = this.#latest.get(stream);
    this.#latest.set(stream, { figures, atMs: nowMs });
    if (before !== undefined && nowMs > before.atMs) {
      const { came, went } = flowBetween(before.figures, figures);
      for (const ring of this.#rings) {
        ring.spread("in", came, before.atMs, nowMs);
        ring.spread("out", went, before.atMs, nowMs);
      }
    }
    const all = [...this.#latest.values()].map(({ figures }) => figures);
    const sum = (of: (one: StreamCounts) => number): number => all.reduce((total, one) => total + of(one), 0);
    for (const ring of this.#rings) {
      ring.set("lag", sum((one) => one.lag));
      ring.set("pending", sum((one) => one.pending));
      ring.set("parked", sum((one) => one.parked));
      ring.set("deadLetters", sum((one) => one.deadLetters));
      ring.set("oldestAgeSeconds", Math.max(...all.map((one) => one.oldestAgeMs)) / 1_000);
    }
  }

  /** Up to here everybody's work was counted. */
  #countedTo(): number {
    return Math.min(...[...this.#latest.values()].map(({ atMs }) => atMs));
  }

  #durationsOf(type: string): readonly [Durations, Durations] {
    const found = this.#types.get(type);
    if (found !== undefined) return found;
    if (this.#types.size >= MOST_TYPES && type !== "other") return this.#durationsOf("other");
    const made = [new Durations(this.#rings[0]), new Durations(this.#rings[1])] as const;
    this.#types.set(type, made);
    return made;
  }

  #add(name: string, count: number): void {
    for (const ring of this.#rings) ring.add(name, count);
  }

  #advance(): void {
    const nowMs = this.#clock.now();
    for (const ring of this.#rings) ring.advance(nowMs);
  }
}

/**
 * What came in and what was finished between two looks, whoever did it. A stream that was deleted begins anew, and a
 * replay makes more to do without anything coming in: neither gives a negative number.
 */
export function flowBetween(before: StreamCounts, after: StreamCounts): { came: number; went: number } {
  const came = Math.max(0, after.added - before.added);
  const open = (one: StreamCounts): number => one.lag + one.pending + one.parked;
  const reset = after.added < before.added;
  return { came, went: reset ? 0 : Math.max(0, came - (open(after) - open(before))) };
}

/** Between two looks a gauge is what it was at the first, for as long as looks are apart. */
function carried(values: (number | null)[], stepMs: number): (number | null)[] {
  const longest = Math.ceil(20_000 / stepMs);
  let [last, age]: [number | null, number] = [null, 0];
  return values.map((value) => {
    if (value !== null) [last, age] = [value, 0];
    else if (++age > longest) last = null;
    return last;
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
