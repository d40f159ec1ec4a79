/**
 * Sorts a batch of settlements into calls of scripts.
 *
 * What is alike shares a call, be it plain acknowledgements, those of entries that have a record, parks or hand-backs;
 * their scripts answer for each entry by itself. Effects and dead letters bring data of any size and go alone.
 * @module
 */
import { compareIds } from "../../delivery/ids.ts";
import { ServiceError, StoreRefusedError } from "../../errors.ts";
import type { AppendItem, Settlement, SettleOutcome } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { jsonForLua, list, number, openRecord, REPLAY_PREFIX, text } from "./codec.ts";
import { groupCall, type StoreContext } from "./context.ts";
import { appendedIds, encodeItem } from "./items.ts";
import { baseOf } from "./keys.ts";
import type { ScriptCall } from "./runner.ts";

/** Most refs of one acknowledgement: bounds how long Redis is busy with it, and Lua's stack. */
export const ACK_CHUNK = 1_000;
/** The same where a script looks at each entry. */
const EACH_CHUNK = 200;
/** Parks in one call: 10 µs each. */
const PARK_CHUNK = 200;

type Done = Extract<Settlement, { kind: "done" }>;
type Park = Extract<Settlement, { kind: "park" }>;
type Dead = Extract<Settlement, { kind: "dead" }>;

/** One call, whom of the batch it settles, and how its reply reads for them. */
export interface Work {
  readonly call: ScriptCall;
  readonly at: readonly number[];
  readonly decode: (reply: Reply, count: number) => readonly SettleOutcome[];
}

/** Acknowledgements without effects and marks, of entries of the stream: what may go without a script. */
export interface Acks {
  readonly refs: readonly string[];
  /** Those of them that have a record, which goes with them. */
  readonly recorded: readonly string[];
}

/** Arguments of a script that takes many, and whom of the batch they are for. */
interface Bucket {
  args: string[];
  at: number[];
}

/** See the module's text. */
export class Plan {
  readonly #context: StoreContext;
  readonly #consumer: string;
  readonly #windowMs: number;
  readonly #works: Work[] = [];
  readonly #plain = bucket();
  readonly #recorded = bucket();
  readonly #replays = bucket();
  readonly #parked = bucket();
  readonly #released = bucket();
  /** The consumer's name as it stands in records. */
  #by: string | null = null;

  /** @param windowMs For how long dedup keys are marked; 0: not at all. */
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

  /**
   * Takes out the acknowledgements that may go without a script.
   * @returns In parts of at most {@link ACK_CHUNK}, each with whom of the batch it settles.
   */
  takeAcks(): readonly (Acks & { readonly at: readonly number[] })[] {
    const plain = take(this.#plain);
    const { at, args: recorded } = take(this.#recorded);
    // The recorded ones first, so that few parts have any.
    const all = { args: recorded.concat(plain.args), at: at.concat(plain.at) };
    const parts = [];
    let from = 0;
    for (const { args, at } of chunks(all, 1, ACK_CHUNK)) {
      parts.push({ refs: args, recorded: recorded.slice(from, from + ACK_CHUNK), at });
      from += ACK_CHUNK;
    }
    return parts;
  }

  /** Acknowledges by script after all. @param at As it came from {@link takeAcks}. */
  addAcks({ refs, recorded, at }: Acks & { readonly at: readonly number[] }): void {
    const count = recorded.length;
    this.#recorded.args.push(...recorded);
    this.#recorded.at.push(...at.slice(0, count));
    this.#plain.args.push(...refs.slice(count));
    this.#plain.at.push(...at.slice(count));
  }

  /** The calls for all that was added since the last time. */
  takeWorks(): readonly Work[] {
    const { stream, group, keys, scripts } = this.#context;
    for (const { args, at } of chunks(take(this.#plain), 1, ACK_CHUNK)) {
      const call = { script: scripts.ack, keys: [keys.lease(this.#consumer), stream], args: [group, ...args] };
      this.#works.push({ call, at, decode: counted });
    }
    for (const each of [this.#recorded, this.#replays]) this.#many(scripts.ackEach, take(each), 1, EACH_CHUNK, flags);
    this.#many(scripts.park, inOrder(take(this.#parked)), 3, PARK_CHUNK, dueTimes);
    this.#many(scripts.release, take(this.#released), 2, EACH_CHUNK, flags);
    return this.#works.splice(0);
  }

  #many(script: ScriptCall["script"], all: Bucket, width: number, size: number, decode: Work["decode"]): void {
    for (const { args, at } of chunks(all, width, size)) {
      this.#works.push({ call: groupCall(this.#context, script, this.#consumer, args), at, decode });
    }
  }

  #sort(settlement: Settlement, index: number): void {
    switch (settlement.kind) {
      case "done":
        return this.#done(settlement, index);
      case "park":
        return this.#park(settlement, index);
      case "dead":
        return this.#alone(this.#context.scripts.dead, deadArgs(settlement), index);
      case "release":
        return add(this.#released, index, settlement.ref, settlement.orderKey ?? "");
    }
  }

  #done(settlement: Done, index: number): void {
    const { ref, effects, dedupKey } = settlement;
    const marks = dedupKey !== undefined && this.#windowMs > 0;
    if (marks || (effects !== undefined && effects.length > 0)) {
      const mark = marks ? this.#context.keys.done(dedupKey) : "";
      return this.#alone(this.#context.scripts.done, this.#doneArgs(ref, mark, effects ?? []), index);
    }
    const { args, at } = ref[0] === REPLAY_PREFIX[0]
      ? this.#replays
      : settlement.hasHistory
      ? this.#recorded
      : this.#plain;
    args.push(ref);
    at.push(index);
  }

  /** Order key, history and owner go in as JSON; the script adds the due time, which only Redis knows. */
  #park({ ref, delayMs, history, orderKey, packed }: Park, index: number): void {
    const { kept } = this.#context;
    const delay = Math.max(0, Math.round(delayMs));
    const isKept = kept.keep(this.#consumer, ref, packed, history, delay);
    this.#by ??= jsonForLua(this.#consumer);
    this.#parked.args.push(ref, String(delay), openRecord(history, orderKey, this.#by, isKept));
    this.#parked.at.push(index);
  }

  #doneArgs(ref: string, mark: string, effects: readonly AppendItem[]): readonly Arg[] {
    const { publishStream, outbox } = this.#context;
    const base = baseOf(publishStream);
    const items = effects.flatMap((item) => encodeItem(item));
    const target = outbox === null ? publishStream : "";
    return [ref, String(Math.round(this.#windowMs)), mark, target, base, String(effects.length), ...items];
  }

  #alone(script: ScriptCall["script"], args: readonly Arg[], index: number): void {
    this.#works.push({ call: groupCall(this.#context, script, this.#consumer, args), at: [index], decode: single });
  }
}

/**
 * The hot path needs no sorting.
 * @returns The acknowledgements; null: there is something else among them, or they are too many for one call.
 */
export function onlyAcks(settlements: readonly Settlement[]): Acks | null {
  if (settlements.length > ACK_CHUNK) return null;
  const refs: string[] = [];
  for (const settlement of settlements) {
    if (!isPlain(settlement)) return null;
    refs.push(settlement.ref);
  }
  return { refs, recorded: NONE };
}

/**
 * One XACK for many tells how many, not which: the first so many count as settled, and only their number is exact. The
 * script tells few apart.
 */
export function counted(reply: Reply, count: number): readonly SettleOutcome[] {
  if (Array.isArray(reply)) return flags(reply, count);
  const acked = number(reply);
  if (acked < 0) return all(FENCED, count);
  if (acked === count) return all(SETTLED, count);
  return Array.from({ length: count }, (_, index) => index < acked ? SETTLED : GONE);
}

/** What an error reply means for an entry. */
export function refusal(error: StoreRefusedError): SettleOutcome {
  if (error.reason === "no_group") return GONE;
  return { kind: "refused", reason: error.reason, message: error.message };
}

const NONE: readonly string[] = [];
const SETTLED: SettleOutcome = Object.freeze({ kind: "settled" });
const FENCED: SettleOutcome = Object.freeze({ kind: "fenced" });
const GONE: SettleOutcome = Object.freeze({ kind: "gone" });

function isPlain(settlement: Settlement): boolean {
  return settlement.kind === "done" && settlement.effects === undefined && settlement.dedupKey === undefined &&
    !settlement.hasHistory && settlement.ref[0] !== REPLAY_PREFIX[0];
}

function deadArgs({ ref, entryId, fields, letter }: Dead): readonly Arg[] {
  const { reason, error, deliveries, firstMs, lastMs, replays } = letter;
  const numbers = [deliveries, firstMs, lastMs, replays].map((value) => String(Math.round(value)));
  return [ref, entryId, reason, error.slice(0, 2_000), ...numbers, ...fields];
}

function flags(reply: Reply, count: number): readonly SettleOutcome[] {
  return each(reply, count, (flag) => flag === 1 ? SETTLED : GONE);
}

function dueTimes(reply: Reply, count: number): readonly SettleOutcome[] {
  return each(reply, count, (due) => due === 0 ? GONE : { kind: "settled", dueMs: number(due) });
}

/** Replies of scripts that answer for each entry, an error among them too. */
function each(reply: Reply, count: number, read: (one: Reply) => SettleOutcome): readonly SettleOutcome[] {
  if (reply === -1) return all(FENCED, count);
  return list(reply).map((one: unknown) => one instanceof StoreRefusedError ? refusal(one) : read(one as Reply));
}

function single(reply: Reply): readonly SettleOutcome[] {
  const [state, detail] = list(reply);
  const kind = text(state);
  if (kind === "fenced") return [FENCED];
  if (kind === "gone") return [GONE];
  if (kind === "duplicate") return [{ kind: "duplicate" }];
  return Array.isArray(detail) ? [{ kind: "settled", appended: appendedIds(detail) }] : [SETTLED];
}

function all(outcome: SettleOutcome, count: number): readonly SettleOutcome[] {
  return new Array<SettleOutcome>(count).fill(outcome);
}

function bucket(): Bucket {
  return { args: [], at: [] };
}

function add({ args, at }: Bucket, index: number, ...own: readonly string[]): void {
  args.push(...own);
  at.push(index);
}

/** @returns What was in it. */
function take(bucket: Bucket): Bucket {
  const { args, at } = bucket;
  bucket.args = [];
  bucket.at = [];
  return { args, at };
}

/** Parks, the oldest first: the script looks at all between the first and the last at once. */
function inOrder(bucket: Bucket): Bucket {
  const { args, at } = bucket;
  const places = at.map((_, place) => place);
  const byId = (a: number, b: number): number => compareIds(args[a * 3]!, args[b * 3]!);
  if (places.every((place) => place === 0 || byId(place - 1, place) <= 0)) return bucket;
  places.sort(byId);
  return {
    args: places.flatMap((place) => args.slice(place * 3, place * 3 + 3)),
    at: places.map((place) => at[place]!),
  };
}

/** Cuts arguments and the positions that they belong to. @param width Arguments for each position. */
function* chunks({ args, at }: Bucket, width: number, size: number): Generator<Bucket> {
  if (at.length > 0 && at.length <= size) return yield { args, at };
  for (let from = 0; from < at.length; from += size) {
    yield { args: args.slice(from * width, (from + size) * width), at: at.slice(from, from + size) };
  }
}
