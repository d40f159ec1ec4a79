/**
 * What the jobs of one consumer ask: whether they may start, what attempts are made of, and what becomes of the entry.
 * @module
 */
import { decide, type Decision } from "../delivery/settle.ts";
import type { Attempt } from "./attempt.ts";
import { DataHabit } from "../events/data_habit.ts";
import type { Event, EventInit } from "../events/event.ts";
import { traceOr } from "../events/trace_context.ts";
import type { Handler, HandlerLogger } from "../handling/define.ts";
import type { Delivery } from "../store/port.ts";
import type { Span } from "../tracing.ts";
import type { ConsumerOptions } from "./consumer_options.ts";
import type { Deadlines } from "./deadlines.ts";
import type { DedupKeys } from "./dedup_keys.ts";
import type { Runnable } from "./dispatcher.ts";
import type { Holding } from "./holding.ts";
import type { Job, JobHost, JobOutcome } from "./job.ts";
import type { Inherited, Prepared } from "./publisher.ts";
import { Meter } from "./meter.ts";
import type { RunningMarks } from "./running_marks.ts";
import type { Settling } from "./settling.ts";
import { Waits } from "./waits.ts";

/** What a desk is made of. */
export interface JobDeskOptions extends ConsumerOptions {
  readonly holding: Holding;
  readonly marks: RunningMarks;
  readonly settling: Settling;
  readonly dedupKeys: DedupKeys;
}

/** See the module's text. */
export class JobDesk implements JobHost {
  readonly stream: string;
  readonly deadlines: Deadlines;
  readonly waits: Waits = new Waits();
  readonly #o: JobDeskOptions;
  readonly #meter: Meter;
  readonly #habits = new Map<Handler, DataHabit>();
  /** What the wall clock is ahead of the monotonic one, ms: read once for all that start together. */
  #wallAheadMs = 0;
  #eachIsHeard = false;
  #closed = false;

  /** @param options See {@link JobDeskOptions}. */
  constructor(options: JobDeskOptions) {
    this.#o = options;
    this.stream = options.store.stream;
    this.deadlines = options.deadlines;
    this.#meter = new Meter(options.happenings, options.store.stream);
  }

  /** {@link JobHost.monotonic} */
  monotonic(): number {
    return this.#o.clock.monotonic();
  }

  /** No job may start any more. */
  close(): void {
    this.#closed = true;
  }

  /** {@link JobHost.beforeStart} */
  beforeStart(starting: readonly Runnable[]): Promise<void> | null {
    const { clock, marks, happenings } = this.#o;
    this.#wallAheadMs = clock.now() - clock.monotonic();
    this.#eachIsHeard = happenings.heard("started");
    // None but our own come here.
    return marks.starting(starting as readonly Job[]);
  }

  /** {@link JobHost.mayStart} */
  mayStart(job: Job): boolean {
    return !this.#closed && job.generation === this.#o.holding.generation;
  }

  /** {@link JobHost.timeoutMs} */
  timeoutMs(handler: Handler): number {
    return handler.timeoutMs ?? this.#o.settings.handlerTimeoutMs;
  }

  /** {@link JobHost.dataHabit} */
  dataHabit(handler: Handler): DataHabit | null {
    // A schema is given the data in any case.
    if (handler.schema !== undefined) return null;
    let habit = this.#habits.get(handler);
    if (habit === undefined) this.#habits.set(handler, habit = new DataHabit());
    return habit;
  }

  /** {@link JobHost.logger} */
  logger(event: Event, attempt: number, traceparent: string): HandlerLogger {
    return this.#o.logger(event, attempt, traceparent);
  }

  /** {@link JobHost.trace} */
  trace(event: Event, attempt: number): Span | null {
    const { tracing, store } = this.#o;
    if (!tracing) return null;
    const { id, type, source, subject, entry } = event;
    const traced = { stream: this.stream, id, type, source, subject };
    const run = { group: store.group, entryId: entry.id, attempt };
    return tracing.processing(traced, run, traceOr(event.extensions["traceparent"]));
  }

  /** {@link JobHost.prepare} */
  prepare(init: EventInit, inherited: Inherited): Prepared {
    return this.#o.publisher.prepare(init, inherited);
  }

  /** {@link JobHost.started} */
  started({ type, delivery: { ref } }: Job, { startedAt, attempt }: Attempt, timeMs: number): void {
    const ageMs = Math.max(0, startedAt + this.#wallAheadMs - timeMs);
    this.#meter.started(type, ageMs);
    if (!this.#eachIsHeard) return;
    this.#o.happenings.emit({ kind: "started", stream: this.stream, type, ref, attempt, ageMs });
  }

  /** {@link JobHost.ended} */
  ended(job: Job, ending: JobOutcome): "free" | "parked" {
    const { holding, marks, settling, dedupKeys, settings } = this.#o;
    marks.ended(job);
    this.#tellFinished(job, ending.kind === "returned");
    if (job.generation !== holding.generation) return "free";
    if (ending.kind === "returned") {
      settling.done(job, ending.effects, dedupKeys.of(job.delivery));
      return "free";
    }
    const outcome = this.#redacted(ending);
    const decision = this.decide(outcome, job.delivery, job.handler.maxDeliveries ?? settings.maxDeliveries);
    switch (decision.kind) {
      case "done":
        settling.done(job, [], dedupKeys.of(job.delivery));
        return "free";
      case "dead":
        settling.dead(job, decision.letter);
        return "free";
      case "release":
        settling.release(job);
        return "free";
      case "park":
        settling.park(job, decision.history, decision.delayMs, "error" in outcome ? outcome.error : "retry later");
        return job.key === null ? "free" : "parked";
    }
  }

  /** What becomes of an entry; see `delivery/settle.ts`. */
  decide(outcome: JobOutcome, delivery: Delivery, maxDeliveries: number): Decision {
    const { settings, random, clock } = this.#o;
    return decide({
      outcome,
      history: delivery.history,
      maxDeliveries,
      baseMs: settings.retryBackoffMs,
      maxMs: settings.retryBackoffMaxMs,
      random: random(),
      nowMs: clock.now(),
    });
  }

  #redacted(outcome: JobOutcome): JobOutcome {
    const { redact } = this.#o;
    if (redact === undefined || !("error" in outcome)) return outcome;
    const error = redact(outcome.error);
    return error === outcome.error ? outcome : { ...outcome, error };
  }

  #tellFinished({ attempt, type, delivery: { ref } }: Job, ok: boolean): void {
    if (attempt === null) return;
    const { clock, happenings } = this.#o;
    const durationMs = clock.monotonic() - attempt.startedAt;
    this.#meter.ended(type, durationMs, ok);
    if (!happenings.heard("finished")) return;
    happenings.emit({ kind: "finished", stream: this.stream, type, ref, durationMs, ok });
  }
}
