/**
 * The consumer of one stream: holds entries, has them handled, settles them. The loops around it bring entries in
 * (reader, retrier, reaper) and keep its lease (keeper).
 * @module
 */
import { LeaseLostError } from "../handling/errors.ts";
import type { Delivery } from "../store/port.ts";
import type { ConsumerOptions } from "./consumer_options.ts";
import { DedupKeys } from "./dedup_keys.ts";
import { Holding } from "./holding.ts";
import { Intake } from "./intake.ts";
import { type Job, laneKey, laneRef } from "./job.ts";
import { JobDesk } from "./job_desk.ts";
import { Losses } from "./losses.ts";
import { RunningMarks } from "./running_marks.ts";
import { Settler } from "./settler.ts";
import { Settling } from "./settling.ts";
import { Tally } from "./tally.ts";

/** What is parked only to make room stays away for this long at least, ms: coming back sooner, it would be in the way. */
const SPILL_MS = 250;

/** See the module's text. */
export class StreamConsumer {
  readonly stream: string;
  readonly #o: ConsumerOptions;
  readonly #holding: Holding;
  readonly #settler: Settler;
  readonly #settling: Settling;
  readonly #marks: RunningMarks;
  readonly #losses: Losses;
  readonly #desk: JobDesk;
  readonly #intake: Intake;
  #onParked: (delayMs: number) => void = () => {};
  #onFenced: () => void = () => {};

  /** @param options See {@link ConsumerOptions}. */
  constructor(options: ConsumerOptions) {
    const { store, clock, happenings, membership, dispatcher, settings } = options;
    this.#o = options;
    this.stream = store.stream;
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
      onEnded: (ref) => this.#intake.ended(ref),
      onFenced: (name) => this.fenced(name),
      onParked: (delayMs) => this.#onParked(delayMs),
      onBack: (delivery) => void this.accept([delivery]),
    });
    const dedupKeys = new DedupKeys(store, settings.dedupWindowMs);
    const parts = { ...options, holding: this.#holding, marks: this.#marks, settling: this.#settling, dedupKeys };
    this.#desk = new JobDesk(parts);
    this.#intake = new Intake({ ...parts, desk: this.#desk });
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
    return new Set(this.#holding.held.all.map(({ delivery }) => delivery.ref));
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
  accept(deliveries: readonly Delivery[]): Promise<void> {
    return this.#intake.accept(deliveries);
  }

  /** Takes parked entries into care: their keys wait for them. */
  adopt(parked: readonly { ref: string; orderKey?: string }[]): void {
    const inLanes = new Set(this.#holding.held.all.flatMap(({ node, delivery }) => node === null ? [] : delivery.ref));
    for (const { ref, orderKey } of parked) {
      this.#holding.park(ref, orderKey ?? null);
      // One that waits or runs holds its key by itself.
      if (orderKey !== undefined && !inLanes.has(ref)) {
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
    const items = this.#o.dispatcher.spill(n, this.#desk);
    const delayMs = Math.max(SPILL_MS, this.#o.settings.retryBackoffMs);
    const jobs = items as readonly Job[];
    for (const job of jobs) this.#settling.park(job, job.delivery.history, delayMs, null);
    this.adopt(jobs.map(({ delivery: { ref }, orderKey }) => ({ ref, ...(orderKey === null ? {} : { orderKey }) })));
    return items.length;
  }

  /** This consumer was taken over: nothing of what it holds is its own any more. */
  fenced(name: string): void {
    if (!this.#o.membership.fenced(name)) return;
    const { held } = this.#holding;
    this.#o.happenings.emit({ kind: "lease_lost", stream: this.stream, consumer: name, held: held.size });
    this.#o.dispatcher.removeWaiting((item) => item.owner === this.#desk);
    const reason = new LeaseLostError(name);
    for (const { attempt } of [...held.all]) attempt?.abort(reason);
    // Most often somebody else has them now; but the registration may have been destroyed together with them.
    for (const { delivery, sinceMs } of held.all) this.#losses.add(name, delivery.ref, sinceMs);
    const refs = this.heldRefs;
    for (const ref of this.#holding.parked.keys()) {
      if (!refs.has(ref)) this.#losses.add(name, ref, -Infinity);
    }
    this.#holding.clear();
    this.#settler.abandon();
    this.#marks.reset();
    this.#intake.clear();
    this.#onFenced();
  }

  /** Takes nothing in any more and hands back everything that has not started. */
  close(): void {
    this.#intake.close();
    this.#desk.close();
    this.#marks.release();
    for (const item of this.#o.dispatcher.removeWaiting((item) => item.owner === this.#desk)) {
      this.#settling.release(item as Job);
    }
  }

  /** Aborts what runs; with `cutOff` it ends there and then and is handed back. */
  abortRunning(reason: Error, cutOff: boolean): void {
    for (const { attempt } of [...this.#holding.held.all]) {
      if (cutOff) attempt?.cutOff(reason);
      else attempt?.abort(reason);
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

  #laneRef(ref: string): string {
    return laneRef(this.stream, this.#holding.generation, ref);
  }
}
