/**
 * Turns decisions into settlements, and their outcomes into what happened.
 * @module
 */
import { attemptOf } from "../delivery/settle.ts";
import { peekIdentifiers } from "../events/codec.ts";
import type { Happenings, Outcome } from "../happenings.ts";
import {
  type Delivery,
  FRESH,
  type History,
  type LetterInfo,
  type Settlement,
  type SettleOutcome,
} from "../store/port.ts";
import type { Holding } from "./holding.ts";
import type { Job } from "./job.ts";
import type { Losses } from "./losses.ts";
import type { Membership } from "./membership.ts";
import type { Prepared } from "./publisher.ts";
import type { RunningMarks } from "./running_marks.ts";
import type { Settler } from "./settler.ts";
import type { Tally } from "./tally.ts";

/** What settling is made of. */
export interface SettlingOptions {
  readonly stream: string;
  readonly happenings: Happenings;
  readonly membership: Membership;
  readonly holding: Holding;
  readonly settler: Settler;
  readonly tally: Tally;
  readonly marks: RunningMarks;
  readonly losses: Losses;
  /** An entry is no longer held. */
  readonly onEnded: (ref: string) => void;
  /** The consumer was taken over. */
  readonly onFenced: (name: string) => void;
  /** An entry is parked, durably, and due after this many ms. */
  readonly onParked: (delayMs: number) => void;
  /** A parked entry had come back before it was known to be parked. */
  readonly onBack: (delivery: Delivery) => void;
}

/** See the module's text. */
export class Settling {
  readonly #o: SettlingOptions;

  /** @param options See {@link SettlingOptions}. */
  constructor(options: SettlingOptions) {
    this.#o = options;
  }

  /** Handled: acknowledges, with effects. `dedupKey`: null where deduplication is off. */
  done(job: Job, effects: readonly Prepared[], dedupKey: string | null): void {
    const { delivery } = job;
    const settlement = effects.length === 0 && dedupKey === null && delivery.history === FRESH
      ? { kind: "done", ref: delivery.ref } as const
      : doneOf(delivery, effects, dedupKey);
    this.#settle(delivery, settlement, (outcome) => {
      this.#o.tally.add(job.type, outcome.kind === "duplicate" ? "duplicate" : "processed", delivery.ref);
      if (outcome.kind === "settled") this.#o.tally.effects(effects);
    });
  }

  /** Needs no handler: acknowledges. */
  acknowledge(delivery: Delivery, type: string, outcome: Outcome): void {
    this.#settle(delivery, { kind: "done", ref: delivery.ref, ...hasHistory(delivery) }, () => {
      this.#o.tally.add(type, outcome, delivery.ref);
    });
  }

  /** Gives up. */
  dead(delivery: Delivery, type: string, letter: LetterInfo): void {
    const { ref, entryId, fields } = delivery;
    const { stream, happenings, tally } = this.#o;
    this.#settle(delivery, { kind: "dead", ref, entryId, fields, letter }, () => {
      tally.add(type, "dead_lettered", ref);
      const { reason, error } = letter;
      const ids = peekIdentifiers(delivery);
      happenings.emit({ kind: "dead_lettered", stream, ref, entryId, type, reason, error, ...ids });
    });
  }

  /** Holds until due. `error`: null for an entry that only waits behind another, which is no attempt. */
  park(job: Job, history: History, delayMs: number, error: string | null): void {
    const { ref, entryId } = job.delivery;
    const { stream, happenings, holding, tally, onParked } = this.#o;
    const then = (outcome: SettleOutcome): void => {
      if (outcome.kind !== "settled") return holding.unpark(ref);
      onParked(delayMs);
      if (error === null) return;
      tally.add(job.type, "retried", ref);
      const attempt = attemptOf(job.delivery.history);
      const ids = peekIdentifiers(job.delivery);
      happenings.emit({ kind: "parked", stream, ref, entryId, type: job.type, delayMs, attempt, error, ...ids });
    };
    holding.parked.set(ref, job.orderKey);
    holding.parkingBegins(ref);
    this.#settle(job.delivery, { kind: "park", ref, delayMs, history, ...orderKeyOf(job) }, then, true);
  }

  /** Hands back. */
  release(job: Job): void {
    const { stream, happenings } = this.#o;
    this.#settle(job.delivery, { kind: "release", ref: job.delivery.ref, ...orderKeyOf(job) }, (outcome) => {
      const failed = outcome.kind === "settled" ? 0 : 1;
      happenings.emit({ kind: "handed_back", stream, count: 1 - failed, failed });
    });
  }

  /** `then` is called where the settlement took effect (`always`: also where there was nothing left to settle). */
  #settle(delivery: Delivery, settlement: Settlement, then: (outcome: SettleOutcome) => void, always = false): void {
    const { holding, membership, settler, losses, marks, onFenced, onBack } = this.#o;
    const { generation } = holding;
    const { name } = membership;
    settler.add(settlement, (outcome, repeated) => {
      if (generation !== holding.generation) return;
      if (outcome.kind === "fenced") return onFenced(name);
      if (outcome.kind === "gone") losses.add(name, delivery.ref, holding.sinceOf(delivery.ref));
      if (always || outcome.kind !== "gone") then(outcome);
      marks.forget(delivery.ref);
      const back = holding.parkingEnded(delivery.ref);
      holding.release(delivery.ref);
      this.#o.onEnded(delivery.ref);
      // What was asked twice may have been parked a second time, after it came back; then it comes again when due.
      if (back !== null && !repeated) onBack(back);
    });
  }
}

function doneOf(delivery: Delivery, effects: readonly Prepared[], dedupKey: string | null): Settlement {
  return {
    kind: "done",
    ref: delivery.ref,
    ...(effects.length === 0 ? {} : { effects: effects.map((effect) => effect.item) }),
    ...(dedupKey === null ? {} : { dedupKey }),
    ...hasHistory(delivery),
  };
}

function hasHistory(delivery: Delivery): { hasHistory?: true } {
  return delivery.history === FRESH ? {} : { hasHistory: true };
}

function orderKeyOf(job: Job): { orderKey?: string } {
  return job.orderKey === null ? {} : { orderKey: job.orderKey };
}
