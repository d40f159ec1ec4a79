/**
 * One held entry on its way through a handler. All that its stations know of it lies in it, so that none of them has to
 * look it up.
 * @module
 */
import type { LaneNode } from "../delivery/lane.ts";
import type { LaneItem } from "../delivery/lanes.ts";
import { attemptOf } from "../delivery/settle.ts";
import { mustRunAlone } from "../delivery/suspects.ts";
import { decodeSorted } from "../events/codec.ts";
import type { DataHabit } from "../events/data_habit.ts";
import type { Event } from "../events/event.ts";
import { type SortedFields, sortFields } from "../events/sorted.ts";
import type { Handler } from "../handling/define.ts";
import type { Delivery } from "../store/port.ts";
import type { Span } from "../tracing.ts";
import { Attempt, type AttemptHost, type AttemptOutcome, type AttemptOwner } from "./attempt.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Runnable, RunnableOwner } from "./dispatcher.ts";
import type { Held } from "./held.ts";
import type { Markable } from "./running_marks.ts";

/** How a job ended: an attempt's end, or an entry that cannot be decoded. */
export type JobOutcome = AttemptOutcome | { readonly kind: "undecodable"; readonly problem: string };

/** What a job asks of the consumer that holds it. */
export interface JobHost extends RunnableOwner, AttemptHost {
  readonly stream: string;
  readonly deadlines: Deadlines;
  /** False when the entry was taken over, or the consumer closed, while the start was being written down. */
  mayStart(job: Job): boolean;
  timeoutMs(handler: Handler): number;
  /** Null: data is parsed at once. */
  dataHabit(handler: Handler): DataHabit | null;
  /** Begins the span of an attempt; null where nothing traces. */
  trace(event: Event, attempt: number): Span | null;
  /** The handler is about to be called. @param timeMs The event's, epoch ms. */
  started(job: Job, attempt: Attempt, timeMs: number): void;
  /** It ended; decides and settles. */
  ended(job: Job, outcome: JobOutcome): "free" | "parked";
}

/** What a job is made of. */
export interface JobInput {
  readonly host: JobHost;
  readonly delivery: Delivery;
  /** The fields of the delivery, where they were sorted already and are small. */
  readonly sorted: SortedFields | null;
  readonly handler: Handler;
  readonly type: string;
  /** Null: no order. */
  readonly orderKey: string | null;
  /** Registration under which the entry is held. */
  readonly generation: number;
  /** Since when, monotonic ms. */
  readonly sinceMs: number;
}

/** Tells whoever runs it. */
type Ended = (job: Job, end: "free" | "parked") => void;

/** See the module's text. */
export class Job implements Held, Runnable, Markable, AttemptOwner {
  readonly key: string | null;
  readonly alone: boolean;
  readonly owner: JobHost;
  readonly delivery: Delivery;
  readonly handler: Handler;
  readonly type: string;
  readonly orderKey: string | null;
  readonly generation: number;
  readonly sinceMs: number;
  node: LaneNode<LaneItem> | null = null;
  heldSlot = -1;
  markSlot = -1;
  markedSince = 0;
  /** The attempt under way. */
  attempt: Attempt | null = null;
  #sorted: SortedFields | null;
  #ended: Ended | null = null;

  /** @param input See {@link JobInput}. */
  constructor(input: JobInput) {
    this.owner = input.host;
    this.delivery = input.delivery;
    this.handler = input.handler;
    this.type = input.type;
    this.orderKey = input.orderKey;
    this.generation = input.generation;
    this.sinceMs = input.sinceMs;
    this.key = input.orderKey === null ? null : laneKey(input.host.stream, input.orderKey);
    this.alone = mustRunAlone(input.delivery.history);
    this.#sorted = input.sorted;
  }

  /** {@link LaneItem.ref} */
  get ref(): string {
    return laneRef(this.owner.stream, this.generation, this.delivery.ref);
  }

  /** {@link LaneItem.id} */
  get id(): string {
    return this.delivery.entryId;
  }

  /** {@link LaneItem.cap} */
  get cap(): LaneItem["cap"] {
    const { handler } = this;
    return handler.concurrency === undefined ? null : { group: handler, limit: handler.concurrency };
  }

  /** {@link Markable.entryRef} */
  get entryRef(): string {
    return this.delivery.ref;
  }

  /** {@link AttemptOwner.attemptNumber} */
  get attemptNumber(): number {
    return attemptOf(this.delivery.history);
  }

  /** {@link AttemptOwner.timeoutMs} */
  get timeoutMs(): number {
    return this.owner.timeoutMs(this.handler);
  }

  /** {@link Runnable.run} */
  run(ended: Ended): void {
    const { owner: host, delivery } = this;
    if (!host.mayStart(this)) return ended(this, "free");
    const sorted = this.#sorted ?? sortFields(delivery.packed ?? delivery.fields);
    // The job is held until its settlement is confirmed; its text is not.
    this.#sorted = null;
    const decoded = decodeSorted(host.stream, delivery.entryId, sorted, host.dataHabit(this.handler));
    if (!decoded.ok) return ended(this, host.ended(this, { kind: "undecodable", problem: decoded.problem }));
    const { event, timeMs } = decoded;
    const span = host.trace(event, this.attemptNumber);
    const attempt = this.attempt = new Attempt(this, event, span);
    this.#ended = ended;
    host.deadlines.add(attempt);
    host.started(this, attempt, timeMs);
    if (span === null) attempt.run();
    else runIn(span, attempt);
  }

  /** {@link AttemptOwner.attemptEnded} */
  attemptEnded(attempt: Attempt, outcome: AttemptOutcome): void {
    const host = this.owner;
    host.deadlines.remove(attempt);
    attempt.span?.end({ outcome: outcome.kind, ...errorOf(outcome) });
    const end = host.ended(this, outcome);
    // Nor is its event.
    this.attempt = null;
    this.#ended?.(this, end);
  }
}

function runIn(span: Span, attempt: Attempt): void {
  span.run(() => attempt.run());
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
