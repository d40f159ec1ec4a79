/**
 * The consumer of one stream: holds entries, has them handled, settles them. The loops around it bring entries in
 * (reader, retrier, reaper) and keep its lease (keeper).
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { attemptOf, decide, exhaustedBeforeRun } from "../delivery/settle.ts";
import { isSuspect } from "../delivery/suspects.ts";
import { decodeEntry, peekRouting } from "../events/codec.ts";
import { idTimeMs } from "../delivery/ids.ts";
import type { Event, EventInit } from "../events/event.ts";
import type { Happenings, Outcome } from "../happenings.ts";
import type { Handler, HandlerLogger } from "../handling/define.ts";
import { LeaseLostError } from "../handling/errors.ts";
import type { Registry } from "../handling/registry.ts";
import {
  type Delivery,
  FRESH,
  type LetterInfo,
  type Settlement,
  type SettleOutcome,
  type StreamStore,
} from "../store/port.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Dispatcher, Runnable } from "./dispatcher.ts";
import { Job, type JobHost, type JobOutcome, laneKey, laneRef } from "./job.ts";
import type { Membership } from "./membership.ts";
import type { Prepared, Publisher } from "./publisher.ts";
import { RunningMarks } from "./running_marks.ts";
import { Settler } from "./settler.ts";
import { Tally } from "./tally.ts";

/** Settings of a consumer, from the configuration. */
export interface ConsumerSettings {
  /** Most entries held. */
  readonly maxHeld: number;
  readonly ordering: "key" | "none";
  readonly handlerTimeoutMs: number;
  readonly maxDeliveries: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  /** 0: off. */
  readonly dedupWindowMs: number;
  /** Most entries parked by this consumer before it reads no more. */
  readonly maxParked: number;
}

/** What a consumer is made of. */
export interface ConsumerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly registry: Registry;
  readonly membership: Membership;
  readonly dispatcher: Dispatcher;
  readonly deadlines: Deadlines;
  readonly publisher: Publisher;
  readonly settings: ConsumerSettings;
  readonly logger: (event: Event, attempt: number) => HandlerLogger;
}

/** See the module's text. */
export class StreamConsumer implements JobHost {
  readonly stream: string;
  readonly deadlines: Deadlines;
  readonly monotonic: () => number;
  readonly #o: ConsumerOptions;
  readonly #settler: Settler;
  readonly #tally: Tally;
  readonly #marks: RunningMarks;
  readonly #held = new Map<string, Job | null>();
  /** Parked refs in this consumer's care, with their order key. */
  readonly #parked = new Map<string, string | null>();
  #generation = 0;
  #closed = false;
  #roomWaiters: (() => void)[] = [];
  #onParked: (delayMs: number) => void = () => {};
  #onFenced: () => void = () => {};

  /** @param options See {@link ConsumerOptions}. */
  constructor(options: ConsumerOptions) {
    this.#o = options;
    this.stream = options.store.stream;
    this.deadlines = options.deadlines;
    this.monotonic = () => options.clock.monotonic();
    this.#tally = new Tally(options.happenings, options.store);
    this.#marks = new RunningMarks({
      clock: options.clock,
      foreignRunning: () => options.dispatcher.running > this.#marks.running,
      mark: (refs, exact) => options.store.mark(options.membership.name, refs, exact),
    });
    this.#settler = new Settler({
      store: options.store,
      clock: options.clock,
      consumer: () => options.membership.name,
      dedupWindowMs: options.settings.dedupWindowMs,
      onRefused: (cause, message, count) =>
        options.happenings.emit({ kind: "settle_refused", stream: this.stream, cause, message, count }),
    });
  }

  /** Entries held: waiting, running, or decided and not yet settled. */
  get held(): number {
    return this.#held.size;
  }

  /** Entries parked in this consumer's care. */
  get parked(): number {
    return this.#parked.size;
  }

  /** How many more may be held. */
  get room(): number {
    return Math.max(0, this.#o.settings.maxHeld - this.#held.size);
  }

  /** True while so much is parked that reading on would only park more. */
  get overParked(): boolean {
    return this.#parked.size >= this.#o.settings.maxParked;
  }

  /** Refs held, for {@link StreamStore.recover}. */
  get heldRefs(): ReadonlySet<string> {
    return new Set(this.#held.keys());
  }

  /** `onParked` is told how long until a new parked entry is due; `onFenced` that all is void. */
  connect(listeners: { onParked: (delayMs: number) => void; onFenced: () => void }): void {
    this.#onParked = listeners.onParked;
    this.#onFenced = listeners.onFenced;
  }

  /** Resolves when an entry was settled (there may be room), or after `ms`. */
  async roomChanged(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#o.clock.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
      this.#roomWaiters.push(done);
    });
  }

  /** Takes entries in: new ones, retries, and what was taken over. */
  async accept(deliveries: readonly Delivery[]): Promise<void> {
    // What comes in after the close stays pending under our name, and is handed back when the consumer retires.
    if (this.#closed) return;
    const fresh = deliveries.filter((delivery) => !this.#held.has(delivery.ref));
    for (const delivery of fresh) this.#held.set(delivery.ref, null);
    const generation = this.#generation;
    const seen = await this.#duplicates(fresh);
    if (generation !== this.#generation) return;
    const jobs: Job[] = [];
    fresh.forEach((delivery, index) => {
      this.#parked.delete(delivery.ref);
      const job = this.#triage(delivery, seen[index] ?? false);
      if (job !== null) jobs.push(job);
    });
    if (jobs.length > 0) this.#o.dispatcher.submit(jobs);
  }

  /** Takes parked entries into care: their keys wait for them. */
  adopt(parked: readonly { ref: string; orderKey?: string }[]): void {
    for (const { ref, orderKey } of parked) {
      this.#parked.set(ref, orderKey ?? null);
      if (orderKey !== undefined) {
        this.#o.dispatcher.blockParked(laneRef(this.stream, ref), laneKey(this.stream, orderKey));
      }
    }
  }

  /** The store lost these parked entries: nothing waits for them any more. */
  lost(refs: readonly string[]): void {
    for (const ref of refs) this.#unpark(ref);
  }

  /** Makes room when all that is held waits behind parked entries: parks the newest of those too, at no cost. */
  spill(n: number): number {
    const items = this.#o.dispatcher.spill(n, this);
    for (const item of items) {
      const job = item as Job;
      this.#park(job, job.delivery.history, this.#o.settings.retryBackoffMs, null);
      this.adopt([{ ref: job.delivery.ref, ...(job.orderKey === null ? {} : { orderKey: job.orderKey }) }]);
    }
    return items.length;
  }

  /** This consumer was taken over: nothing of what it holds is its own any more. */
  fenced(name: string): void {
    if (!this.#o.membership.fenced(name)) return;
    this.#generation++;
    this.#o.happenings.emit({ kind: "lease_lost", stream: this.stream, consumer: name, held: this.#held.size });
    this.#o.dispatcher.removeWaiting((item) => item.owner === this);
    const reason = new LeaseLostError(name);
    for (const job of this.#held.values()) job?.attempt?.abort(reason);
    this.#held.clear();
    this.#settler.abandon();
    for (const ref of [...this.#parked.keys()]) this.#unpark(ref);
    this.#marks.reset();
    this.#roomChanged();
    this.#onFenced();
  }

  /** Takes nothing in any more and hands back everything that has not started. */
  close(): void {
    this.#closed = true;
    for (const item of this.#o.dispatcher.removeWaiting((item) => item.owner === this)) {
      if (item instanceof Job) this.#release(item);
    }
  }

  /** Aborts what runs; with `cutOff` it ends there and then and is handed back. */
  abortRunning(reason: Error, cutOff: boolean): void {
    for (const job of this.#held.values()) {
      if (cutOff) job?.attempt?.cutOff(reason);
      else job?.attempt?.abort(reason);
    }
  }

  /** Waits until all decisions are settled. @returns How many are not. */
  settled(signal: AbortSignal): Promise<number> {
    return this.#settler.drained(signal);
  }

  /** Stops settling and marking. */
  stop(): void {
    this.#settler.stop();
    this.#marks.stop();
  }

  // --- JobHost ----------------------------------------------------------------------------------------------------

  /** {@link JobHost.beforeStart} */
  beforeStart(starting: readonly Runnable[]): Promise<void> | null {
    const refs = starting.map((item) => (item as Job).delivery.ref);
    return this.#marks.starting(refs);
  }

  /** {@link JobHost.timeoutMs} */
  timeoutMs(handler: Handler): number {
    return handler.timeoutMs ?? this.#o.settings.handlerTimeoutMs;
  }

  /** {@link JobHost.logger} */
  logger(event: Event, attempt: number): HandlerLogger {
    return this.#o.logger(event, attempt);
  }

  /** {@link JobHost.prepare} */
  prepare(init: EventInit, inherited: { correlationId?: string; traceparent?: string }): Prepared {
    return this.#o.publisher.prepare(init, inherited);
  }

  /** {@link JobHost.started} */
  started(job: Job, event: Event): void {
    const ageMs = Math.max(0, this.#o.clock.now() - Date.parse(event.time));
    const attempt = attemptOf(job.delivery.history);
    this.#o.happenings.emit({
      kind: "started",
      stream: this.stream,
      type: job.type,
      ref: job.delivery.ref,
      attempt,
      ageMs,
    });
  }

  /** {@link JobHost.ended} */
  ended(job: Job, outcome: JobOutcome): "free" | "parked" {
    this.#marks.ended(job.delivery.ref);
    this.#tellFinished(job, outcome);
    if (job.generation !== this.#generation) return "free";
    const decision = decide({
      outcome: outcome.kind === "returned" ? { kind: "returned" } : outcome,
      history: job.delivery.history,
      maxDeliveries: job.handler.maxDeliveries ?? this.#o.settings.maxDeliveries,
      baseMs: this.#o.settings.retryBackoffMs,
      maxMs: this.#o.settings.retryBackoffMaxMs,
      random: this.#o.random(),
      nowMs: this.#o.clock.now(),
    });
    switch (decision.kind) {
      case "done":
        this.#done(job, outcome.kind === "returned" ? outcome.effects : []);
        return "free";
      case "dead":
        this.#dead(job.delivery, job.type, decision.letter);
        return "free";
      case "release":
        this.#release(job);
        return "free";
      case "park":
        this.#parked.set(job.delivery.ref, job.orderKey);
        this.#park(job, decision.history, decision.delayMs, decision.history.error || "retry later");
        return job.key === null ? "free" : "parked";
    }
  }

  // --- settling ---------------------------------------------------------------------------------------------------

  #done(job: Job, effects: readonly Prepared[]): void {
    const { delivery } = job;
    const settlement: Settlement = {
      kind: "done",
      ref: delivery.ref,
      ...(effects.length === 0 ? {} : { effects: effects.map((effect) => effect.item) }),
      ...(this.#o.settings.dedupWindowMs > 0 ? { dedupKey: this.#dedupKey(delivery) } : {}),
      ...(delivery.history === FRESH ? {} : { hasHistory: true }),
    };
    this.#settle(delivery, settlement, (outcome) => {
      this.#tally.add(job.type, outcome.kind === "duplicate" ? "duplicate" : "processed", delivery.ref);
      if (outcome.kind === "settled") this.#tally.effects(effects);
    });
  }

  #dead(delivery: Delivery, type: string, letter: LetterInfo): void {
    const { ref, entryId, fields } = delivery;
    this.#settle(delivery, { kind: "dead", ref, entryId, fields, letter }, () => {
      this.#tally.add(type, "dead_lettered", ref);
      const { reason, error } = letter;
      this.#o.happenings.emit({ kind: "dead_lettered", stream: this.stream, ref, type, reason, error });
    });
  }

  #park(job: Job, history: Delivery["history"], delayMs: number, error: string | null): void {
    const { ref } = job.delivery;
    const orderKey = job.orderKey === null ? {} : { orderKey: job.orderKey };
    const settle = (outcome: SettleOutcome): void => {
      if (outcome.kind !== "settled") return this.#unpark(ref);
      this.#onParked(delayMs);
      if (error === null) return;
      this.#tally.add(job.type, "retried", ref);
      const attempt = attemptOf(job.delivery.history);
      this.#o.happenings.emit({ kind: "parked", stream: this.stream, ref, type: job.type, delayMs, attempt, error });
    };
    this.#settle(job.delivery, { kind: "park", ref, delayMs, history, ...orderKey }, settle, true);
  }

  #release(job: Job): void {
    const orderKey = job.orderKey === null ? {} : { orderKey: job.orderKey };
    this.#settle(job.delivery, { kind: "release", ref: job.delivery.ref, ...orderKey }, (outcome) => {
      const failed = outcome.kind === "settled" ? 0 : 1;
      this.#o.happenings.emit({ kind: "handed_back", stream: this.stream, count: 1 - failed, failed });
    });
  }

  /** `then` is called where the settlement took effect (`always`: also where it did not). */
  #settle(delivery: Delivery, settlement: Settlement, then: (outcome: SettleOutcome) => void, always = false): void {
    const generation = this.#generation;
    const name = this.#o.membership.name;
    this.#settler.add(settlement, (outcome) => {
      if (generation !== this.#generation) return;
      if (outcome.kind === "fenced") return this.fenced(name);
      this.#held.delete(delivery.ref);
      if (outcome.kind === "gone") this.#tally.lost("deleted");
      if (always || outcome.kind !== "gone") then(outcome);
      this.#marks.forget(delivery.ref);
      this.#roomChanged();
    });
  }

  #unpark(ref: string): void {
    if (!this.#parked.delete(ref)) return;
    this.#o.dispatcher.free(laneRef(this.stream, ref));
  }

  #roomChanged(): void {
    if (this.#roomWaiters.length === 0) return;
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  // --- taking in --------------------------------------------------------------------------------------------------

  /** Settles at once what needs no handler; else makes the job. */
  #triage(delivery: Delivery, duplicate: boolean): Job | null {
    const { type, subject } = peekRouting(delivery.fields);
    const { history } = delivery;
    if (type === null) return this.#finish(delivery, () => this.#undecodable(delivery));
    if (duplicate) return this.#finish(delivery, () => this.#acknowledge(delivery, type, "duplicate"));
    const handler = this.#o.registry.find(type);
    if (handler === null) return this.#finish(delivery, () => this.#acknowledge(delivery, type, "ignored"));
    const spent = exhaustedBeforeRun(history, handler.maxDeliveries ?? this.#o.settings.maxDeliveries);
    if (spent !== null) return this.#finish(delivery, () => this.#dead(delivery, type, spent));
    const ordered = (handler.ordering ?? this.#o.settings.ordering) === "key" && subject !== null;
    const job = new Job({
      host: this,
      delivery,
      handler,
      type,
      orderKey: ordered ? subject : null,
      generation: this.#generation,
    });
    this.#held.set(delivery.ref, job);
    if (isSuspect(history)) this.#marks.suspect(delivery.ref);
    return job;
  }

  #finish(delivery: Delivery, settle: () => void): null {
    this.#o.dispatcher.free(laneRef(this.stream, delivery.ref));
    settle();
    return null;
  }

  #undecodable(delivery: Delivery): void {
    const decoded = decodeEntry({ stream: this.stream, id: delivery.entryId, fields: delivery.fields });
    const problem = decoded.ok ? "no type" : decoded.problem;
    const decision = decide({
      outcome: { kind: "undecodable", problem },
      history: delivery.history,
      maxDeliveries: 1,
      baseMs: 1,
      maxMs: 1,
      random: 0,
      nowMs: this.#o.clock.now(),
    });
    if (decision.kind === "dead") this.#dead(delivery, "undecodable", decision.letter);
  }

  #acknowledge(delivery: Delivery, type: string, outcome: Outcome): void {
    const hasHistory = delivery.history === FRESH ? {} : { hasHistory: true };
    this.#settle(delivery, { kind: "done", ref: delivery.ref, ...hasHistory }, () => {
      this.#tally.add(type, outcome, delivery.ref);
    });
  }

  async #duplicates(deliveries: readonly Delivery[]): Promise<readonly boolean[]> {
    if (this.#o.settings.dedupWindowMs === 0 || deliveries.length === 0) return [];
    try {
      return await this.#o.store.seen(deliveries.map((delivery) => this.#dedupKey(delivery)));
    } catch {
      // Not known now: the settling script checks again, and drops the effects of a duplicate.
      return [];
    }
  }

  #dedupKey(delivery: Delivery): string {
    const decoded = decodeEntry({ stream: this.stream, id: delivery.entryId, fields: delivery.fields });
    return decoded.ok ? `${decoded.event.source}\0${decoded.event.id}` : `\0${delivery.entryId}`;
  }

  #tellFinished(job: Job, outcome: JobOutcome): void {
    if (job.attempt === null) return;
    const durationMs = this.#o.clock.monotonic() - job.attempt.startedAt;
    const ok = outcome.kind === "returned";
    this.#o.happenings.emit({
      kind: "finished",
      stream: this.stream,
      type: job.type,
      ref: job.delivery.ref,
      durationMs,
      ok,
    });
  }
}

/** Time of an entry, from its id, epoch ms. */
export function entryTimeMs(delivery: Delivery): number {
  return idTimeMs(delivery.entryId);
}
