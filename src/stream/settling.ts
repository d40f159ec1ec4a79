/**
 * Turns decisions into settlements, and their outcomes into what happened.
 * @module
 */
import { attemptOf } from "../delivery/settle.ts";
import { peekIdentifiers } from "../events/codec.ts";
import type { PackedFields } from "../events/packed.ts";
import type { Happenings, Outcome } from "../happenings.ts";
import {
  type Delivery,
  FRESH,
  type History,
  type LetterInfo,
  type Settlement,
  type SettleOutcome,
} from "../store/port.ts";
import type { Held } from "./held.ts";
import type { Holding } from "./holding.ts";
import type { Job } from "./job.ts";
import type { Losses } from "./losses.ts";
import type { Membership } from "./membership.ts";
import type { Prepared } from "./publisher.ts";
import type { RunningMarks } from "./running_marks.ts";
import type { PendingSettlement, Settler } from "./settler.ts";
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
  #latest: Registered = { name: "", generation: -1 };

  /** @param options See {@link SettlingOptions}. */
  constructor(options: SettlingOptions) {
    this.#o = options;
  }

  /** Handled: acknowledges, with effects. `dedupKey`: null where deduplication is off. */
  done(job: Job, effects: readonly Prepared[], dedupKey: string | null): void {
    const { delivery } = job;
    const plain = effects.length === 0 && dedupKey === null && delivery.history === FRESH;
    const settlement = plain ? { kind: "done", ref: delivery.ref } as const : doneOf(delivery, effects, dedupKey);
    this.#settle(job, settlement, "processed", effects.length === 0 ? null : this.#telling(effects));
  }

  #telling(effects: readonly Prepared[]): Follow {
    return (outcome) => {
      if (outcome.kind === "settled") this.#o.tally.effects(effects);
    };
  }

  /** Needs no handler: acknowledges. */
  acknowledge(held: Held, outcome: Outcome): void {
    const { delivery } = held;
    this.#settle(held, { kind: "done", ref: delivery.ref, ...hasHistory(delivery) }, outcome, null);
  }

  /** Gives up. */
  dead(held: Held, letter: LetterInfo): void {
    const { delivery, type } = held;
    const { ref, entryId, fields } = delivery;
    const { stream, happenings } = this.#o;
    this.#settle(held, { kind: "dead", ref, entryId, fields, letter }, "dead_lettered", () => {
      const { reason, error } = letter;
      const ids = peekIdentifiers(delivery);
      happenings.emit({ kind: "dead_lettered", stream, ref, entryId, type, reason, error, ...ids });
    });
  }

  /** Holds until due. `error`: null for an entry that only waits behind another, which is no attempt. */
  park(job: Job, history: History, delayMs: number, error: string | null): void {
    const { ref, entryId } = job.delivery;
    const { stream, happenings, holding, tally, onParked } = this.#o;
    holding.park(ref, job.orderKey);
    holding.parkingBegins(ref);
    const settlement: Settlement = { kind: "park", ref, delayMs, history, ...orderKeyOf(job), ...packedOf(job) };
    this.#settle(job, settlement, null, (outcome) => {
      if (outcome.kind !== "settled") return holding.unpark(ref);
      onParked(delayMs);
      if (error === null) return;
      tally.add(job.type, "retried", ref);
      const attempt = attemptOf(job.delivery.history);
      const ids = peekIdentifiers(job.delivery);
      happenings.emit({ kind: "parked", stream, ref, entryId, type: job.type, delayMs, attempt, error, ...ids });
    });
  }

  /** Hands back. */
  release(job: Job): void {
    const { stream, happenings } = this.#o;
    this.#settle(job, { kind: "release", ref: job.delivery.ref, ...orderKeyOf(job) }, null, (outcome) => {
      const failed = outcome.kind === "settled" ? 0 : 1;
      happenings.emit({ kind: "handed_back", stream, count: 1 - failed, failed });
    });
  }

  #settle(held: Held, settlement: Settlement, counts: Outcome | null, then: Follow | null): void {
    this.#o.settler.add(new Ending(this.#o, this.#registered(), held, settlement, counts, then));
  }

  /** Under what entries are held now: one for all that are held alike. */
  #registered(): Registered {
    const { membership: { name }, holding: { generation } } = this.#o;
    const latest = this.#latest;
    const same = latest.name === name && latest.generation === generation;
    return same ? latest : this.#latest = { name, generation };
  }
}

/** A consumer's registration, by its name and by its own count. */
interface Registered {
  readonly name: string;
  readonly generation: number;
}

type Follow = (outcome: SettleOutcome) => void;

/** One settlement on its way. */
class Ending implements PendingSettlement {
  readonly settlement: Settlement;
  uncertain = false;
  readonly #parts: SettlingOptions;
  readonly #under: Registered;
  readonly #held: Held;
  readonly #counts: Outcome | null;
  readonly #then: Follow | null;

  /** @param counts As what it is counted once it took effect; null: not here. @param then What else follows from it. */
  constructor(
    parts: SettlingOptions,
    under: Registered,
    held: Held,
    settlement: Settlement,
    counts: Outcome | null,
    then: Follow | null,
  ) {
    this.#parts = parts;
    this.#under = under;
    this.#held = held;
    this.settlement = settlement;
    this.#counts = counts;
    this.#then = then;
  }

  /** {@link PendingSettlement.done} */
  done(outcome: SettleOutcome, repeated: boolean): void {
    const { holding, losses, marks, onFenced, onEnded, onBack } = this.#parts;
    const { name, generation } = this.#under;
    const { ref, kind } = this.settlement;
    if (generation !== holding.generation) return this.#followLate(outcome);
    if (outcome.kind === "fenced") return onFenced(name);
    if (outcome.kind === "gone") losses.add(name, ref, this.#held.sinceMs);
    this.#follow(outcome);
    marks.forget(ref);
    const back = kind === "park" ? holding.parkingEnded(ref) : null;
    holding.release(this.#held);
    onEnded(ref);
    // What was asked twice may have been parked a second time, after it came back; then it comes again when due.
    if (back !== null && !repeated) onBack(back);
  }

  /** Nothing is held under that registration any more; but what took effect before the takeover did happen. */
  #followLate(outcome: SettleOutcome): void {
    if (outcome.kind === "settled" || outcome.kind === "duplicate") this.#follow(outcome);
  }

  #follow(outcome: SettleOutcome): void {
    const gone = outcome.kind === "gone";
    if (this.#counts !== null && !gone) {
      const counts = outcome.kind === "duplicate" ? "duplicate" : this.#counts;
      this.#parts.tally.add(this.#held.type, counts, this.settlement.ref);
    }
    // What was to be parked and is gone will not come back.
    if (!gone || this.settlement.kind === "park") this.#then?.(outcome);
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

function packedOf({ delivery: { packed } }: Job): { packed?: PackedFields } {
  return packed === undefined ? {} : { packed };
}
