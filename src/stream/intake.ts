/**
 * Where entries come in: settles at once what needs no handler, and makes jobs of the rest.
 * @module
 */
import { exhaustedBeforeRun } from "../delivery/settle.ts";
import { isSuspect } from "../delivery/suspects.ts";
import { decodeEntry, peekRouting, routingOf } from "../events/codec.ts";
import { type SortedFields, sortFields } from "../events/sorted.ts";
import type { Handler } from "../handling/define.ts";
import type { Outcome } from "../happenings.ts";
import type { Delivery, LetterInfo } from "../store/port.ts";
import type { ConsumerOptions } from "./consumer_options.ts";
import type { DedupKeys } from "./dedup_keys.ts";
import { Bystander } from "./held.ts";
import type { Holding } from "./holding.ts";
import { entryOf } from "./entry.ts";
import { Job, laneRef } from "./job.ts";
import type { JobDesk } from "./job_desk.ts";
import type { RunningMarks } from "./running_marks.ts";
import type { Settling } from "./settling.ts";
import { Twins } from "./twins.ts";

/** What an intake is made of. */
export interface IntakeOptions extends ConsumerOptions {
  readonly holding: Holding;
  readonly marks: RunningMarks;
  readonly settling: Settling;
  readonly dedupKeys: DedupKeys;
  readonly desk: JobDesk;
}

const NONE_SEEN: readonly boolean[] = [];

/** See the module's text. */
export class Intake {
  readonly #o: IntakeOptions;
  readonly #twins = new Twins();
  #closed = false;

  /** @param options See {@link IntakeOptions}. */
  constructor(options: IntakeOptions) {
    this.#o = options;
  }

  /** Takes entries in: new ones, retries, and what was taken over. */
  async accept(deliveries: readonly Delivery[]): Promise<void> {
    // What comes in after the close stays pending under our name, and is handed back when the consumer retires.
    if (this.#closed) return;
    const { fresh, parked } = this.#o.holding.sort(deliveries);
    if (this.#o.dedupKeys.on) await this.#submitUnseen(fresh);
    else this.#submit(fresh, NONE_SEEN, parked);
  }

  /** Held from now on, whatever becomes of them. */
  async #submitUnseen(fresh: readonly Delivery[]): Promise<void> {
    const { holding, dedupKeys, clock } = this.#o;
    const { generation } = holding;
    const held = fresh.map((delivery) => new Bystander(delivery, "", clock.monotonic()));
    for (const one of held) holding.held.add(one);
    const seen = await dedupKeys.seen(fresh);
    if (generation !== holding.generation) return;
    for (const one of held) holding.held.remove(one);
    this.#submit(fresh, seen, true);
  }

  /** @param parked One of them may have been parked. */
  #submit(fresh: readonly Delivery[], seen: readonly boolean[], parked: boolean): void {
    const { holding, dispatcher, dedupKeys, clock } = this.#o;
    const sinceMs = clock.monotonic();
    const jobs: Job[] = [];
    fresh.forEach((delivery, index) => {
      if (parked) holding.returned(delivery.ref);
      const job = this.#triage(delivery, seen[index] ?? false, sinceMs);
      if (job === null) return;
      // What comes next may have to overtake this one.
      if (dedupKeys.on) dispatcher.submit([job]);
      else jobs.push(job);
    });
    if (jobs.length > 0) dispatcher.submit(jobs);
  }

  /** What waited for this entry is looked at anew: it is a duplicate if this one was handled. */
  ended(ref: string): void {
    const waiting = this.#twins.ended(ref);
    if (waiting.length === 0) return;
    const { held } = this.#o.holding;
    for (const { ref } of waiting) {
      const twin = held.find(ref);
      if (twin !== undefined) held.remove(twin);
    }
    void this.accept(waiting);
  }

  /** Nothing is held any more, so nothing waits for another. */
  clear(): void {
    this.#twins.clear();
  }

  /** Takes nothing in any more. */
  close(): void {
    this.#closed = true;
  }

  /** Settles at once what needs no handler; else makes the job. No closures here: each entry would pay for them. */
  #triage(delivery: Delivery, duplicate: boolean, sinceMs: number): Job | null {
    const { dedupKeys, registry, settings } = this.#o;
    const sorted = sortedOf(delivery);
    const { type, subject } = sorted === null ? peekRouting(delivery.packed ?? delivery.fields) : routingOf(sorted);
    if (type === null) return this.#undecodable(this.#hold(delivery, "undecodable", sinceMs));
    if (duplicate) return this.#acknowledge(this.#hold(delivery, type, sinceMs), "duplicate");
    const dedupKey = dedupKeys.of(delivery);
    if (dedupKey !== null && !this.#goesAhead(dedupKey, delivery)) return this.#wait(delivery, type, sinceMs);
    const handler = registry.find(type);
    if (handler === null) return this.#acknowledge(this.#hold(delivery, type, sinceMs), "ignored");
    const spent = exhaustedBeforeRun(delivery.history, handler.maxDeliveries ?? settings.maxDeliveries);
    if (spent !== null) return this.#dead(this.#hold(delivery, type, sinceMs), spent);
    const orderKey = this.#ordered(handler) ? subject : null;
    const { desk: host, holding: { generation } } = this.#o;
    return this.#hire(new Job({ host, delivery, sorted, handler, type, orderKey, generation, sinceMs }));
  }

  /** One that holds its key, parked, waits for nobody who may wait behind it. */
  #goesAhead(dedupKey: string, delivery: Delivery): boolean {
    const { store, holding, dispatcher } = this.#o;
    const leader = this.#twins.leaderOf(dedupKey);
    if (leader !== null && dispatcher.isParked(laneRef(store.stream, holding.generation, delivery.ref))) {
      const ahead = holding.held.find(leader);
      if (ahead instanceof Job && dispatcher.withdraw(ahead)) {
        holding.held.remove(ahead);
        this.#hold(ahead.delivery, ahead.type, ahead.sinceMs);
        this.#twins.overtake(dedupKey, delivery, ahead.delivery);
        return true;
      }
    }
    return this.#twins.goesAhead(dedupKey, delivery);
  }

  #ordered(handler: Handler): boolean {
    return (handler.ordering ?? this.#o.settings.ordering) === "key";
  }

  #hire(job: Job): Job {
    const { holding, marks } = this.#o;
    const { delivery } = job;
    holding.held.add(job);
    if (isSuspect(delivery.history)) marks.suspect(delivery.ref);
    return job;
  }

  #hold(delivery: Delivery, type: string, sinceMs: number): Bystander {
    const one = new Bystander(delivery, type, sinceMs);
    this.#o.holding.held.add(one);
    return one;
  }

  #wait(delivery: Delivery, type: string, sinceMs: number): null {
    this.#hold(delivery, type, sinceMs);
    return null;
  }

  #acknowledge(one: Bystander, outcome: Outcome): null {
    this.#free(one);
    this.#o.settling.acknowledge(one, outcome);
    return null;
  }

  #dead(one: Bystander, letter: LetterInfo): null {
    this.#free(one);
    this.#o.settling.dead(one, letter);
    return null;
  }

  #undecodable(one: Bystander): null {
    const { store, desk } = this.#o;
    const decoded = decodeEntry(entryOf(store.stream, one.delivery));
    const problem = decoded.ok ? "no type" : decoded.problem;
    const decision = desk.decide({ kind: "undecodable", problem }, one.delivery, 1);
    return decision.kind === "dead" ? this.#dead(one, decision.letter) : null;
  }

  /** It may have been parked: its key need not wait for it. */
  #free({ delivery: { ref } }: Bystander): void {
    const { store, holding, dispatcher } = this.#o;
    dispatcher.free(laneRef(store.stream, holding.generation, ref));
  }
}

/** Sorted once, for now and for the attempt. What is long is sorted twice rather than held twice. */
function sortedOf({ packed }: Delivery): SortedFields | null {
  const text = packed?.asciiText() ?? null;
  return packed === undefined || text === null ? null : sortFields(packed, text);
}
