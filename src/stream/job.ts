/**
 * One held entry on its way through a handler.
 * @module
 */
import { attemptOf } from "../delivery/settle.ts";
import { mustRunAlone } from "../delivery/suspects.ts";
import { decodeEntry } from "../events/codec.ts";
import { entryOf } from "./entry.ts";
import type { Event } from "../events/event.ts";
import type { Handler } from "../handling/define.ts";
import type { Delivery } from "../store/port.ts";
import type { Span } from "../tracing.ts";
import { Attempt, type AttemptHost, type AttemptOutcome } from "./attempt.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Runnable, RunnableOwner } from "./dispatcher.ts";

/** How a job ended: an attempt's end, or an entry that cannot be decoded. */
export type JobOutcome = AttemptOutcome | { readonly kind: "undecodable"; readonly problem: string };

/** What a job asks of the consumer that holds it. */
export interface JobHost extends RunnableOwner, AttemptHost {
  readonly stream: string;
  readonly deadlines: Deadlines;
  /** False when the entry was taken over, or the consumer closed, while the start was being written down. */
  mayStart(job: Job): boolean;
  timeoutMs(handler: Handler): number;
  /** Begins the span of an attempt; null where nothing traces. */
  trace(event: Event, attempt: number): Span | null;
  /** The handler is about to be called. */
  started(job: Job, event: Event): void;
  /** It ended; decides and settles. */
  ended(job: Job, outcome: JobOutcome): "free" | "parked";
}

/** What a job is made of. */
export interface JobInput {
  readonly host: JobHost;
  readonly delivery: Delivery;
  readonly handler: Handler;
  readonly type: string;
  /** Null: no order. */
  readonly orderKey: string | null;
  /** Registration under which the entry is held. */
  readonly generation: number;
  /** Since when, monotonic ms. */
  readonly sinceMs: number;
}

/** See the module's text. */
export class Job implements Runnable {
  readonly ref: string;
  readonly id: string;
  readonly key: string | null;
  readonly cap: { readonly group: unknown; readonly limit: number } | null;
  readonly alone: boolean;
  readonly owner: JobHost;
  readonly delivery: Delivery;
  readonly handler: Handler;
  readonly type: string;
  readonly orderKey: string | null;
  readonly generation: number;
  readonly sinceMs: number;
  /** The attempt under way. */
  attempt: Attempt | null = null;

  /** @param input See {@link JobInput}. */
  constructor(input: JobInput) {
    this.owner = input.host;
    this.delivery = input.delivery;
    this.handler = input.handler;
    this.type = input.type;
    this.orderKey = input.orderKey;
    this.generation = input.generation;
    this.sinceMs = input.sinceMs;
    this.id = input.delivery.entryId;
    this.ref = laneRef(input.host.stream, input.generation, input.delivery.ref);
    this.key = input.orderKey === null ? null : laneKey(input.host.stream, input.orderKey);
    this.cap = input.handler.concurrency === undefined
      ? null
      : { group: input.handler, limit: input.handler.concurrency };
    this.alone = mustRunAlone(input.delivery.history);
  }

  /** {@link Runnable.run} */
  run(ended: (job: Job, end: "free" | "parked") => void): void {
    const { owner: host, delivery } = this;
    if (!host.mayStart(this)) return ended(this, "free");
    const decoded = decodeEntry(entryOf(host.stream, delivery));
    if (!decoded.ok) return ended(this, host.ended(this, { kind: "undecodable", problem: decoded.problem }));
    const { event } = decoded;
    const number = attemptOf(delivery.history);
    const span = host.trace(event, number);
    const timeoutMs = host.timeoutMs(this.handler);
    const attempt = new Attempt({ event, handler: this.handler, number, timeoutMs, host, span });
    this.attempt = attempt;
    host.deadlines.add(attempt);
    host.started(this, event);
    if (span === null) this.#run(attempt, ended);
    else span.run(() => this.#run(attempt, ended, span));
  }

  #run(attempt: Attempt, ended: (job: Job, end: "free" | "parked") => void, span: Span | null = null): void {
    const host = this.owner;
    attempt.run((outcome) => {
      host.deadlines.remove(attempt);
      span?.end({ outcome: outcome.kind, ...errorOf(outcome) });
      const end = host.ended(this, outcome);
      // The job is held until its settlement is confirmed; the event is not.
      this.attempt = null;
      ended(this, end);
    });
  }
}

function errorOf(outcome: AttemptOutcome): { error?: string } {
  if ("error" in outcome) return { error: outcome.error };
  return outcome.kind === "invalid" ? { error: outcome.problem } : {};
}

/**
 * Refs are unique in a stream; lanes serve all streams of the process. An entry may come back to a process while its
 * attempt under an earlier registration still runs, deaf to its signal: that one is another.
 */
export function laneRef(stream: string, generation: number, ref: string): string {
  return `${stream}\0${generation}\0${ref}`;
}

/** The ordering key is stream and subject. */
export function laneKey(stream: string, orderKey: string): string {
  return `${stream}\0${orderKey}`;
}
