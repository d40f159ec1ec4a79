/**
 * Settling: a batch becomes few script calls in one write, and their answers become outcomes in the batch's order.
 *
 * Plain acknowledgements, the hot path, share one call, or one transaction where they are many (`ack_guard.ts`).
 * Whatever writes goes alone, so that one refused write leaves its neighbours settled.
 * @module
 */
import { ServiceError, StoreRefusedError } from "../../errors.ts";
import type { AppendItem, Settlement, SettleOutcome } from "../port.ts";
import type { AckGuard } from "./ack_guard.ts";
import type { Arg, Reply } from "./channel.ts";
import { encodeRecord, list, number, REPLAY_PREFIX, text } from "./codec.ts";
import { groupCall, type StoreContext } from "./context.ts";
import { settleGiant } from "./giant.ts";
import { appendedIds, encodeItem, MAX_SCRIPT_VALUES } from "./items.ts";
import { baseOf } from "./keys.ts";
import { type Answer, partlyDone, runAll, type ScriptCall } from "./runner.ts";

/** Most refs in one call: bounds how long Redis is busy with it, and Lua's stack. */
const ACK_CHUNK = 1_000;
const EACH_CHUNK = 200;

/** Fewer than these go by script: it tells them apart, and costs no more than a transaction. */
const GUARDED_FROM = 17;

/** Values that a dead letter carries behind the original fields. */
const LETTER_VALUES = 20;

type Done = Extract<Settlement, { kind: "done" }>;
type Park = Extract<Settlement, { kind: "park" }>;
type Dead = Extract<Settlement, { kind: "dead" }>;

/** One call, whom of the batch it settles, and how its reply reads for them. */
interface Work {
  readonly call: ScriptCall;
  readonly at: readonly number[];
  /** Of plain acknowledgements, many enough for a transaction: their ids. */
  readonly plain?: readonly string[];
  readonly decode: (reply: Reply, count: number) => readonly SettleOutcome[];
}

/** See {@link StreamStore.settle}. */
export async function settle(
  context: StoreContext,
  consumer: string,
  settlements: readonly Settlement[],
  dedupWindowMs: number,
): Promise<readonly SettleOutcome[]> {
  const { ackGuard } = context;
  const ids = ackGuard === null ? null : plainIds(settlements);
  const acked = ackGuard === null || ids === null ? null : await ackGuard.acknowledge(consumer, ids);
  if (acked !== null) return counted(acked, settlements.length);
  // What was just tried is not tried a second time.
  return await settleMixed(context, ids === null ? ackGuard : null, consumer, settlements, dedupWindowMs);
}

/** Sorts into calls. @param guard Null: whatever can go by script does. */
async function settleMixed(
  context: StoreContext,
  guard: AckGuard | null,
  consumer: string,
  settlements: readonly Settlement[],
  dedupWindowMs: number,
): Promise<readonly SettleOutcome[]> {
  const outcomes = new Array<SettleOutcome>(settlements.length);
  const plan = new Plan(context, consumer, dedupWindowMs);
  const giants: number[] = [];
  settlements.forEach((settlement, index) => {
    if (isGiant(settlement)) giants.push(index);
    else outcomes[index] = plan.add(settlement, index);
  });
  const works = plan.finish();
  let settled = false;
  try {
    const left = await acknowledge(guard, consumer, works, outcomes);
    settled = left.length < works.length;
    if (left.length > 0) {
      const answers = await runAll(context.command, left.map((work) => work.call));
      left.forEach((work, position) => place(outcomes, work, answers[position]!));
      settled = true;
    }
    for (const index of giants) {
      outcomes[index] = await settleGiant(context, consumer, settlements[index] as Dead);
      settled = true;
    }
  } catch (error) {
    throw settled ? partlyDone(error) : error;
  }
  for (const outcome of outcomes) {
    if (outcome.kind !== "settled") continue;
    for (const { entryId } of outcome.appended ?? []) if (entryId !== null) context.onEffect(entryId);
  }
  const { outbox } = context;
  if (outbox !== null && settlements.some(hasEffects)) await outbox.flushSoon();
  return outcomes;
}

/** The plain ones that are many. @returns What has to go by script, be it because it always does. */
async function acknowledge(
  guard: AckGuard | null,
  consumer: string,
  works: readonly Work[],
  outcomes: SettleOutcome[],
): Promise<readonly Work[]> {
  if (guard === null) return works;
  const left: Work[] = [];
  let acked = 0;
  try {
    for (const work of works) {
      const count = work.plain === undefined ? null : await guard.acknowledge(consumer, work.plain);
      if (count === null) left.push(work);
      else place(outcomes, work, count);
      acked += count ?? 0;
    }
  } catch (error) {
    throw acked > 0 ? partlyDone(error) : error;
  }
  return left;
}

/** Sorts a batch into calls. */
class Plan {
  readonly #context: StoreContext;
  readonly #consumer: string;
  readonly #windowMs: number;
  readonly #works: Work[] = [];
  readonly #plain: { refs: string[]; at: number[] } = { refs: [], at: [] };
  readonly #each: { refs: string[]; at: number[] } = { refs: [], at: [] };
  readonly #released: { args: string[]; at: number[] } = { args: [], at: [] };

  constructor(context: StoreContext, consumer: string, windowMs: number) {
    this.#context = context;
    this.#consumer = consumer;
    this.#windowMs = windowMs;
  }

  /** @returns What is known before the store is asked; overwritten by its answer. */
  add(settlement: Settlement, index: number): SettleOutcome {
    try {
      this.#sort(settlement, index);
      return GONE;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { kind: "refused", reason: "protocol", message: error.message };
    }
  }

  finish(): readonly Work[] {
    const { stream, group, keys, scripts } = this.#context;
    for (const { items, at } of chunks(this.#plain.refs, this.#plain.at, 1, ACK_CHUNK)) {
      const call = { script: scripts.ack, keys: [keys.lease(this.#consumer), stream], args: [group, ...items] };
      this.#works.push({ call, at, decode: counted, ...(items.length < GUARDED_FROM ? {} : { plain: items }) });
    }
    for (const { items, at } of chunks(this.#each.refs, this.#each.at, 1, EACH_CHUNK)) {
      this.#works.push({ call: groupCall(this.#context, scripts.ackEach, this.#consumer, items), at, decode: flags });
    }
    for (const { items, at } of chunks(this.#released.args, this.#released.at, 2, EACH_CHUNK)) {
      this.#works.push({ call: groupCall(this.#context, scripts.release, this.#consumer, items), at, decode: flags });
    }
    return this.#works;
  }

  #sort(settlement: Settlement, index: number): void {
    switch (settlement.kind) {
      case "done":
        return this.#done(settlement, index);
      case "park":
        return this.#alone(this.#context.scripts.park, parkArgs(settlement, this.#consumer), index);
      case "dead":
        return this.#alone(this.#context.scripts.dead, deadArgs(settlement), index);
      case "release":
        this.#released.args.push(settlement.ref, settlement.orderKey ?? "");
        this.#released.at.push(index);
    }
  }

  #done(settlement: Done, index: number): void {
    const { ref, effects, dedupKey } = settlement;
    const marks = dedupKey !== undefined && this.#windowMs > 0;
    if (marks || (effects !== undefined && effects.length > 0)) {
      const mark = marks ? this.#context.keys.done(dedupKey) : "";
      return this.#alone(this.#context.scripts.done, this.#doneArgs(ref, mark, effects ?? []), index);
    }
    const bucket = settlement.hasHistory || ref.startsWith(REPLAY_PREFIX) ? this.#each : this.#plain;
    bucket.refs.push(ref);
    bucket.at.push(index);
  }

  #doneArgs(ref: string, mark: string, effects: readonly AppendItem[]): readonly Arg[] {
    const { publishStream, outbox } = this.#context;
    const base = baseOf(publishStream);
    const items = effects.flatMap((item) => encodeItem(item, base, false));
    const target = outbox === null ? publishStream : "";
    return [ref, String(Math.round(this.#windowMs)), mark, target, base, String(effects.length), ...items];
  }

  #alone(script: ScriptCall["script"], args: readonly Arg[], index: number): void {
    this.#works.push({ call: groupCall(this.#context, script, this.#consumer, args), at: [index], decode: single });
  }
}

/** Order key, history and owner go in as JSON; the script adds the due time, which only Redis knows. */
function parkArgs({ ref, delayMs, history, orderKey }: Park, consumer: string): readonly Arg[] {
  const record = encodeRecord({ history, ...(orderKey === undefined ? {} : { orderKey }), by: consumer });
  return [ref, String(Math.max(0, Math.round(delayMs))), record];
}

function deadArgs({ ref, entryId, fields, letter }: Dead): readonly Arg[] {
  const { reason, error, deliveries, firstMs, lastMs, replays } = letter;
  const numbers = [deliveries, firstMs, lastMs, replays].map((value) => String(Math.round(value)));
  return [ref, entryId, reason, error.slice(0, 2_000), ...numbers, ...fields];
}

/** The hot path needs no sorting. @returns The ids; null: not only plain acknowledgements, or few, or too many. */
function plainIds(settlements: readonly Settlement[]): readonly string[] | null {
  if (settlements.length < GUARDED_FROM || settlements.length > ACK_CHUNK) return null;
  const ids: string[] = [];
  for (const settlement of settlements) {
    if (!isPlain(settlement)) return null;
    ids.push(settlement.ref);
  }
  return ids;
}

function isPlain(settlement: Settlement): boolean {
  return settlement.kind === "done" && settlement.effects === undefined && settlement.dedupKey === undefined &&
    !settlement.hasHistory && settlement.ref[0] !== REPLAY_PREFIX[0];
}

function hasEffects(settlement: Settlement): boolean {
  return settlement.kind === "done" && settlement.effects !== undefined;
}

function isGiant(settlement: Settlement): boolean {
  return settlement.kind === "dead" && settlement.fields.length + LETTER_VALUES > MAX_SCRIPT_VALUES;
}

function place(outcomes: SettleOutcome[], work: Work, answer: Answer): void {
  const found = answer instanceof StoreRefusedError ? null : work.decode(answer, work.at.length);
  for (let position = 0; position < work.at.length; position++) {
    outcomes[work.at[position]!] = found?.[position] ?? refusal(answer as StoreRefusedError);
  }
}

function refusal(error: StoreRefusedError): SettleOutcome {
  if (error.reason === "no_group") return { kind: "gone" };
  return { kind: "refused", reason: error.reason, message: error.message };
}

/**
 * Few are acknowledged one by one, and told apart. One XACK for many tells how many, not which: then the first so many
 * count as settled, and only their number is exact.
 */
function counted(reply: Reply, count: number): readonly SettleOutcome[] {
  if (Array.isArray(reply)) return flags(reply, count);
  const acked = number(reply);
  if (acked < 0) return new Array<SettleOutcome>(count).fill(FENCED);
  if (acked === count) return new Array<SettleOutcome>(count).fill(SETTLED);
  return Array.from({ length: count }, (_, index) => index < acked ? SETTLED : GONE);
}

function flags(reply: Reply, count: number): readonly SettleOutcome[] {
  if (reply === -1) return new Array<SettleOutcome>(count).fill(FENCED);
  return list(reply).map((flag) => flag === 1 ? SETTLED : GONE);
}

function single(reply: Reply): readonly SettleOutcome[] {
  const [state, detail] = list(reply);
  const kind = text(state);
  if (kind === "fenced") return [FENCED];
  if (kind === "gone") return [GONE];
  if (kind === "duplicate") return [{ kind: "duplicate" }];
  if (Array.isArray(detail)) return [{ kind: "settled", appended: appendedIds(detail) }];
  return typeof detail === "number" ? [{ kind: "settled", dueMs: detail }] : [SETTLED];
}

const SETTLED: SettleOutcome = Object.freeze({ kind: "settled" });
const FENCED: SettleOutcome = Object.freeze({ kind: "fenced" });
const GONE: SettleOutcome = Object.freeze({ kind: "gone" });

/** Cuts arguments and the positions that they belong to. @param width Arguments for each position. */
function* chunks(
  args: readonly string[],
  at: readonly number[],
  width: number,
  size: number,
): Generator<{ items: readonly string[]; at: readonly number[] }> {
  if (at.length > 0 && at.length <= size) return yield { items: args, at };
  for (let from = 0; from < at.length; from += size) {
    yield { items: args.slice(from * width, (from + size) * width), at: at.slice(from, from + size) };
  }
}
