/**
 * Settling: a batch becomes few script calls in one write, and their answers become outcomes in the batch's order.
 *
 * Acknowledgements without effects, the hot path, share one transaction where they are many (`ack_guard.ts`), beside
 * which the scripts for all else run (`settle_plan.ts`).
 * @module
 */
import { StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Settlement, SettleOutcome } from "../port.ts";
import type { AckGuard } from "./ack_guard.ts";
import { runBulk } from "./bulk.ts";
import type { StoreContext } from "./context.ts";
import { settleGiant } from "./giant.ts";
import { MAX_SCRIPT_VALUES } from "./items.ts";
import { type Answer, partlyDone } from "./runner.ts";
import { type Acks, counted, onlyAcks, Plan, refusal, type Work } from "./settle_plan.ts";

/** Fewer than these go by script: it tells them apart, and costs no more than a transaction. */
const GUARDED_FROM = 17;

/** Values that a dead letter carries behind the original fields. */
const LETTER_VALUES = 20;

type Dead = Extract<Settlement, { kind: "dead" }>;
type AcksAt = Acks & { readonly at: readonly number[] };

/** See {@link StreamStore.settle}. */
export async function settle(
  context: StoreContext,
  consumer: string,
  settlements: readonly Settlement[],
  dedupWindowMs: number,
): Promise<readonly SettleOutcome[]> {
  const { ackGuard } = context;
  const acks = ackGuard === null || settlements.length < GUARDED_FROM ? null : onlyAcks(settlements);
  const acked = ackGuard === null || acks === null ? null : await ackGuard.acknowledge(consumer, acks);
  if (acked !== null) return counted(acked, settlements.length);
  // What was just tried is not tried a second time.
  const mixed = new Mixed(context, acks === null ? ackGuard : null, consumer, settlements);
  return await mixed.settle(dedupWindowMs);
}

/** A batch of which not all goes the same way. */
class Mixed {
  readonly #context: StoreContext;
  readonly #guard: AckGuard | null;
  readonly #consumer: string;
  readonly #settlements: readonly Settlement[];
  readonly #outcomes: SettleOutcome[];
  /** Something was settled: what fails later fails with an unknown outcome. */
  #settled = false;

  /** @param guard Null: whatever can go by script does. */
  constructor(
    context: StoreContext,
    guard: AckGuard | null,
    consumer: string,
    settlements: readonly Settlement[],
  ) {
    this.#context = context;
    this.#guard = guard;
    this.#consumer = consumer;
    this.#settlements = settlements;
    this.#outcomes = new Array<SettleOutcome>(settlements.length);
  }

  async settle(dedupWindowMs: number): Promise<readonly SettleOutcome[]> {
    const plan = new Plan(this.#context, this.#consumer, dedupWindowMs);
    const giants: number[] = [];
    this.#settlements.forEach((settlement, index) => {
      if (isGiant(settlement)) giants.push(index);
      else this.#outcomes[index] = plan.add(settlement, index);
    });
    try {
      await this.#all(plan);
      for (const index of giants) {
        this.#outcomes[index] = await settleGiant(this.#context, this.#consumer, this.#settlements[index] as Dead);
        this.#settled = true;
      }
    } catch (error) {
      throw this.#settled ? partlyDone(error) : error;
    }
    await this.#tellEffects();
    return this.#outcomes;
  }

  /** Acknowledgements and scripts side by side; both have ended when this throws, so that nothing happens later. */
  async #all(plan: Plan): Promise<void> {
    const acks = this.#guard === null ? [] : plan.takeAcks();
    const guarded = acks.filter(({ refs }) => refs.length >= GUARDED_FROM);
    for (const few of acks) if (few.refs.length < GUARDED_FROM) plan.addAcks(few);
    const left: AcksAt[] = [];
    const ended = await Promise.allSettled([this.#acknowledge(guarded, left), this.#run(plan.takeWorks())]);
    throwWorst(ended);
    for (const acks of left) plan.addAcks(acks);
    await this.#run(plan.takeWorks());
  }

  /** @param left Gets what has to go by script. */
  async #acknowledge(acks: readonly AcksAt[], left: AcksAt[]): Promise<void> {
    for (const part of acks) {
      const count = await this.#guard!.acknowledge(this.#consumer, part);
      if (count === null) left.push(part);
      else this.#place(part.at, counted(count, part.at.length));
    }
  }

  async #run(works: readonly Work[]): Promise<void> {
    if (works.length === 0) return;
    const answers = await runBulk(this.#context, works.map((work) => work.call));
    works.forEach(({ at, decode }, position) => this.#place(at, read(answers[position]!, decode, at.length)));
  }

  #place(at: readonly number[], found: readonly SettleOutcome[]): void {
    for (let position = 0; position < at.length; position++) this.#outcomes[at[position]!] = found[position]!;
    this.#settled = true;
  }

  async #tellEffects(): Promise<void> {
    const { onEffect, outbox } = this.#context;
    for (const outcome of this.#outcomes) {
      if (outcome.kind !== "settled") continue;
      for (const { entryId } of outcome.appended ?? []) if (entryId !== null) onEffect(entryId);
    }
    if (outbox !== null && this.#settlements.some(hasEffects)) await outbox.flushSoon();
  }
}

/** Of several failures the one that leaves most unknown: what it was asked for may have been done. */
function throwWorst(ended: readonly PromiseSettledResult<void>[]): void {
  const reasons = ended.flatMap((one): unknown[] => one.status === "rejected" ? [one.reason] : []);
  if (reasons.length === 0) return;
  throw reasons.find((one) => !(one instanceof StoreUnavailableError) || one.outcomeUnknown) ?? reasons[0];
}

function read(answer: Answer, decode: Work["decode"], count: number): readonly SettleOutcome[] {
  if (!(answer instanceof StoreRefusedError)) return decode(answer, count);
  return new Array<SettleOutcome>(count).fill(refusal(answer));
}

function hasEffects(settlement: Settlement): boolean {
  return settlement.kind === "done" && settlement.effects !== undefined;
}

function isGiant(settlement: Settlement): boolean {
  return settlement.kind === "dead" && settlement.fields.length + LETTER_VALUES > MAX_SCRIPT_VALUES;
}
