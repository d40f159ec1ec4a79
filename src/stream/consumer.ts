/**
 * The consumer of one stream: holds entries, has them handled, settles them. The loops around it bring entries in
 * (reader, retrier, reaper) and keep its lease (keeper).
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { attemptOf, decide, type Decision, exhaustedBeforeRun } from "../delivery/settle.ts";
import { isSuspect } from "../delivery/suspects.ts";
import { decodeEntry, peekRouting } from "../events/codec.ts";
import type { Event, EventInit } from "../events/event.ts";
import type { Happenings } from "../happenings.ts";
import type { Handler, HandlerLogger } from "../handling/define.ts";
import { LeaseLostError } from "../handling/errors.ts";
import type { Registry } from "../handling/registry.ts";
import type { Delivery, StreamStore } from "../store/port.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Dispatcher, Runnable } from "./dispatcher.ts";
import { Job, type JobHost, type JobOutcome, laneKey, laneRef } from "./job.ts";
import { Holding } from "./holding.ts";
import { Losses } from "./losses.ts";
import type { Membership } from "./membership.ts";
import type { Prepared, Publisher } from "./publisher.ts";
import { RunningMarks } from "./running_marks.ts";
import { Settling } from "./settling.ts";
import { Settler } from "./settler.ts";
import { Twins } from "./twins.ts";
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

/** What is parked only to make room stays away for this long at least, ms: coming back sooner, it would be in the way. */
const SPILL_MS = 250;

/** See the module's text. */
export class StreamConsumer implements JobHost {
  readonly stream: string;
  readonly deadlines: Deadlines;
  readonly monotonic: () => number;
  readonly #o: ConsumerOptions;
  readonly #holding: Holding;
  readonly #settler: Settler;
  readonly #settling: Settling;
  readonly #marks: RunningMarks;
  readonly #losses: Losses;
  readonly #twins = new Twins();
  #closed = false;
  #onParked: (delayMs: number) => void = () => {};
  #onFenced: () => void = () => {};

  /** @param options See {@link ConsumerOptions}. */
  constructor(options: ConsumerOptions) {
    const { store, clock, happenings, membership, dispatcher, settings } = options;
    this.#o = options;
    this.stream = store.stream;
    this.deadlines = options.deadlines;
    this.monotonic = () => clock.monotonic();
    this.#holding = new Holding(clock, settings.maxHeld, (ref) => dispatcher.free(this.#laneRef(ref)));
    this.#marks = new RunningMarks({
      clock,
      foreignRunning: () => dispatcher.running > this.#marks.running,
      mark: (refs, exact) => store.mark(membership.name, refs, exact),
    });
    this.#settler = new Settler({
      store,
      clock,
      consumer: () => membership.name,
      dedupWindowMs: settings.dedupWindowMs,
      onRefused: (cause, message, count) =>
        happenings.emit({ kind: "settle_refused", stream: this.stream, cause, message, count }),
    });
    const tally = new Tally(happenings, store, options.publisher.stream);
    this.#losses = new Losses({
      store,
      clock,
      onLost: (cause, count) => happenings.emit({ kind: "store_lost", stream: this.stream, cause, count }),
    });
    this.#settling = new Settling({
      stream: this.stream,
      happenings,
      membership,
      holding: this.#holding,
      settler: this.#settler,
      tally,
      losses: this.#losses,
      marks: this.#marks,
      onEnded: (ref) => this.#twinsOf(ref),
      onFenced: (name) => this.fenced(name),
      onParked: (delayMs) => this.#onParked(delayMs),
      onBack: (delivery) => void this.accept([delivery]),
    });
  }

  /** Entries held: waiting, running, or decided and not yet settled. */
  get held(): number {
    return this.#holding.held.size;
  }

  /** Entries parked in this consumer's care. */
  get parked(): number {
    return this.#holding.parked.size;
  }

  /** Those of them whose parking is over. */
  get parkedRefs(): readonly string[] {
    return this.#holding.parkedForSure;
  }

  /** How many more may be held. */
  get room(): number {
    return this.#holding.room;
  }

  /** How many of these may be new entries; the rest is for retries. */
  get roomForNew(): number {
    return this.#holding.roomForNew;
  }

  /** How many new entries could be started soon: others of the group take what is left. */
  get appetite(): number {
    return this.#o.dispatcher.appetite;
  }

  /** Entries settled since the start: how fast things move. */
  get released(): number {
    return this.#holding.released;
  }

  /** True while attempts could start and what is held cannot: it waits behind parked entries. */
  get stuck(): boolean {
    return this.#holding.parked.size > 0 && this.#o.dispatcher.hasRoom;
  }

  /** Keeps room for entries that were asked for; see {@link Holding.reserve}. */
  reserve(count: number): () => void {
    return this.#holding.reserve(count);
  }

  /** True while so much is parked that reading on would only park more. */
  get overParked(): boolean {
    return this.#holding.parked.size >= this.#o.settings.maxParked;
  }

  /** Refs held, for {@link StreamStore.recover}. */
  get heldRefs(): ReadonlySet<string> {
    return new Set(this.#holding.held.keys());
  }

  /** `onParked` is told how long until a new parked entry is due; `onFenced` that all is void. */
  connect(listeners: { onParked: (delayMs: number) => void; onFenced: () => void }): void {
    this.#onParked = listeners.onParked;
    this.#onFenced = listeners.onFenced;
  }

  /** Resolves when an entry was settled (there may be room), after `ms`, or when the signal aborts. */
  roomChanged(ms: number, signal: AbortSignal): Promise<void> {
    return this.#holding.roomChanged(ms, signal);
  }

  /** Takes entries in: new ones, retries, and what was taken over. */
  async accept(deliveries: readonly Delivery[]): Promise<void> {
    // What comes in after the close stays pending under our name, and is handed back when the consumer retires.
    if (this.#closed) return;
    const { held, parked, generation } = this.#holding;
    const fresh = deliveries.filter((delivery) => !held.has(delivery.ref));
    for (const delivery of deliveries) if (held.has(delivery.ref)) this.#holding.cameBack(delivery);
    for (const delivery of fresh) held.set(delivery.ref, null);
    const seen = await this.#duplicates(fresh);
    if (generation !== this.#holding.generation) return;
    const jobs: Job[] = [];
    fresh.forEach((delivery, index) => {
      parked.delete(delivery.ref);
      const job = this.#triage(delivery, seen[index] ?? false);
      if (job !== null) jobs.push(job);
    });
    if (jobs.length > 0) this.#o.dispatcher.submit(jobs);
  }

  /** Takes parked entries into care: their keys wait for them. */
  adopt(parked: readonly { ref: string; orderKey?: string }[]): void {
    for (const { ref, orderKey } of parked) {
      this.#holding.parked.set(ref, orderKey ?? null);
      if (orderKey !== undefined) {
        this.#o.dispatcher.blockParked(this.#laneRef(ref), laneKey(this.stream, orderKey));
      }
    }
  }

  /** The store lost these parked entries: nothing waits for them any more. */
  lost(refs: readonly string[]): void {
    for (const ref of refs) this.#holding.unpark(ref);
  }

  /** Makes room when all that is held waits behind parked entries: parks the newest of those too, at no cost. */
  spill(n: number): number {
    const items = this.#o.dispatcher.spill(n, this);
    const delayMs = Math.max(SPILL_MS, this.#o.settings.retryBackoffMs);
    for (const item of items) {
      const job = item as Job;
      this.#settling.park(job, job.delivery.history, delayMs, null);
      this.adopt([{ ref: job.delivery.ref, ...(job.orderKey === null ? {} : { orderKey: job.orderKey }) }]);
    }
    return items.length;
  }

  /** This consumer was taken over: nothing of what it holds is its own any more. */
  fenced(name: string): void {
    if (!this.#o.membership.fenced(name)) return;
    const { held } = this.#holding;
    this.#o.happenings.emit({ kind: "lease_lost", stream: this.stream, consumer: name, held: held.size });
    this.#o.dispatcher.removeWaiting((item) => item.owner === this);
    const reason = new LeaseLostError(name);
    for (const job of held.values()) job?.attempt?.abort(reason);
    // Most often somebody else has them now; but the registration may have been destroyed together with them.
    for (const ref of held.keys()) this.#losses.add(name, ref, this.#holding.sinceOf(ref));
    for (const ref of this.#holding.parked.keys()) {
      if (!held.has(ref)) this.#losses.add(name, ref, -Infinity);
    }
    this.#holding.clear();
    this.#settler.abandon();
    this.#marks.reset();
    this.#twins.clear();
    this.#onFenced();
  }

  /** Takes nothing in any more and hands back everything that has not started. */
  close(): void {
    this.#closed = true;
    this.#marks.release();
    for (const item of this.#o.dispatcher.removeWaiting((item) => item.owner === this)) {
      this.#settling.release(item as Job);
    }
  }

  /** Aborts what runs; with `cutOff` it ends there and then and is handed back. */
  abortRunning(reason: Error, cutOff: boolean): void {
    for (const job of this.#holding.held.values()) {
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
    this.#losses.stop();
    this.#marks.stop();
  }

  // --- JobHost ----------------------------------------------------------------------------------------------------

  /** {@link JobHost.beforeStart} */
  beforeStart(starting: readonly Runnable[]): Promise<void> | null {
    return this.#marks.starting(starting.map((item) => (item as Job).delivery.ref));
  }

  /** {@link JobHost.mayStart} */
  mayStart(job: Job): boolean {
    return !this.#closed && job.generation === this.#holding.generation;
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
    const { type, delivery: { ref } } = job;
    this.#o.happenings.emit({ kind: "started", stream: this.stream, type, ref, attempt, ageMs });
  }

  /** {@link JobHost.ended} */
  ended(job: Job, outcome: JobOutcome): "free" | "parked" {
    this.#marks.ended(job.delivery.ref);
    this.#tellFinished(job, outcome);
    if (job.generation !== this.#holding.generation) return "free";
    const decision = this.#decide(outcome, job.delivery, job.handler.maxDeliveries ?? this.#o.settings.maxDeliveries);
    switch (decision.kind) {
      case "done":
        this.#settling.done(job, outcome.kind === "returned" ? outcome.effects : [], this.#dedupKey(job.delivery));
        return "free";
      case "dead":
        this.#settling.dead(job.delivery, job.type, decision.letter);
        return "free";
      case "release":
        this.#settling.release(job);
        return "free";
      case "park":
        this.#settling.park(
          job,
          decision.history,
          decision.delayMs,
          "error" in outcome ? outcome.error : "retry later",
        );
        return job.key === null ? "free" : "parked";
    }
  }

  #decide(outcome: JobOutcome, delivery: Delivery, maxDeliveries: number): Decision {
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

  // --- taking in --------------------------------------------------------------------------------------------------

  /** Settles at once what needs no handler; else makes the job. */
  #triage(delivery: Delivery, duplicate: boolean): Job | null {
    const { type, subject } = peekRouting(delivery.fields);
    const { history } = delivery;
    if (type === null) return this.#finish(delivery, () => this.#undecodable(delivery));
    if (duplicate) return this.#finish(delivery, () => this.#settling.acknowledge(delivery, type, "duplicate"));
    const dedupKey = this.#dedupKey(delivery);
    if (dedupKey !== null && !this.#twins.goesAhead(dedupKey, delivery)) return null;
    const handler = this.#o.registry.find(type);
    if (handler === null) return this.#finish(delivery, () => this.#settling.acknowledge(delivery, type, "ignored"));
    const spent = exhaustedBeforeRun(history, handler.maxDeliveries ?? this.#o.settings.maxDeliveries);
    if (spent !== null) return this.#finish(delivery, () => this.#settling.dead(delivery, type, spent));
    const ordered = (handler.ordering ?? this.#o.settings.ordering) === "key" && subject !== null;
    const job = new Job({
      host: this,
      delivery,
      handler,
      type,
      orderKey: ordered ? subject : null,
      generation: this.#holding.generation,
      sinceMs: this.#o.clock.monotonic(),
    });
    this.#holding.held.set(delivery.ref, job);
    if (isSuspect(history)) this.#marks.suspect(delivery.ref);
    return job;
  }

  /** What waited for this entry is looked at anew: it is a duplicate if this one was handled. */
  #twinsOf(ref: string): void {
    const waiting = this.#twins.ended(ref);
    if (waiting.length === 0) return;
    for (const twin of waiting) this.#holding.held.delete(twin.ref);
    void this.accept(waiting);
  }

  #laneRef(ref: string): string {
    return laneRef(this.stream, this.#holding.generation, ref);
  }

  #finish(delivery: Delivery, settle: () => void): null {
    this.#o.dispatcher.free(this.#laneRef(delivery.ref));
    settle();
    return null;
  }

  #undecodable(delivery: Delivery): void {
    const decoded = decodeEntry({ stream: this.stream, id: delivery.entryId, fields: delivery.fields });
    const problem = decoded.ok ? "no type" : decoded.problem;
    const decision = this.#decide({ kind: "undecodable", problem }, delivery, 1);
    if (decision.kind === "dead") this.#settling.dead(delivery, "undecodable", decision.letter);
  }

  async #duplicates(deliveries: readonly Delivery[]): Promise<readonly boolean[]> {
    if (this.#o.settings.dedupWindowMs === 0 || deliveries.length === 0) return [];
    try {
      return await this.#o.store.seen(deliveries.map((delivery) => this.#dedupKey(delivery) ?? ""));
    } catch {
      // Not known now: the settling script checks again, and drops the effects of a duplicate.
      return [];
    }
  }

  /** Null while deduplication is off. */
  #dedupKey(delivery: Delivery): string | null {
    if (this.#o.settings.dedupWindowMs === 0) return null;
    const decoded = decodeEntry({ stream: this.stream, id: delivery.entryId, fields: delivery.fields });
    return decoded.ok ? `${decoded.event.source}\0${decoded.event.id}` : `\0${delivery.entryId}`;
  }

  #tellFinished(job: Job, outcome: JobOutcome): void {
    if (job.attempt === null) return;
    const durationMs = this.#o.clock.monotonic() - job.attempt.startedAt;
    const { type, delivery: { ref } } = job;
    this.#o.happenings.emit({
      kind: "finished",
      stream: this.stream,
      type,
      ref,
      durationMs,
      ok: outcome.kind === "returned",
    });
  }
}
