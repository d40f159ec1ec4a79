/**
 * Replies to values. Redis is trusted in shape, never in content: a record that cannot be read counts as none.
 * @module
 */
import { StoreRefusedError } from "../../errors.ts";
import type { Fields } from "../../events/event.ts";
import { PackedFields } from "../../events/packed.ts";
import { type Delivery, FRESH, type History } from "../port.ts";
import type { Reply } from "./channel.ts";

/** Prefix of refs that lie in the stream of replays. */
export const REPLAY_PREFIX = "r:";

/** Values that a replay carries behind the original fields: `dlq.entry`, id, `dlq.replays`, count. */
const REPLAY_MARKERS = 4;

const utf8 = new TextDecoder();

/** A reply as a list; anything else as an empty one. */
export function list(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply as readonly Reply[] : [];
}

/** A reply as text; null as `""`. */
export function text(reply: Reply | undefined): string {
  if (typeof reply === "string") return reply;
  if (reply instanceof Uint8Array) return utf8.decode(reply);
  return typeof reply === "number" ? String(reply) : "";
}

/** A reply as text, null where Redis says null. */
export function textOrNull(reply: Reply | undefined): string | null {
  return reply === null || reply === undefined ? null : text(reply);
}

/** A reply as a number; 0 where it is none. */
export function number(reply: Reply | undefined): number {
  const value = typeof reply === "number" ? reply : Number(text(reply));
  return Number.isFinite(value) ? value : 0;
}

/** What is stored beside a parked or crashed entry. */
export interface EntryRecord {
  readonly history?: History;
  readonly orderKey?: string;
  readonly dueMs?: number;
  readonly by?: string;
  /** Who parked it has kept fields and history. Must follow `by`: the script that claims looks for both in one. */
  readonly kept?: true;
}

/**
 * The record of an entry that is being parked, open at its end for `dueMs`, which only Redis knows.
 * @param by Who parks, as JSON. @param kept See {@link EntryRecord.kept}.
 */
export function openRecord(history: History, orderKey: string | undefined, by: string, kept: boolean): string {
  const order = orderKey === undefined ? "" : `,"orderKey":${jsonForLua(orderKey)}`;
  return `{"history":${jsonForLua(history)}${order},"by":${by}${kept ? ',"kept":true' : ""},"dueMs":`;
}

/** As JSON that Lua can read too: its decoder refuses lone surrogates. */
export function jsonForLua(given: History | string): string {
  const json = JSON.stringify(given);
  // A lone surrogate is all that `stringify` writes with this escape; a well-formed one stays as it is.
  if (!json.includes("\\ud")) return json;
  return JSON.stringify(given, (_key, value: unknown) => typeof value === "string" ? value.toWellFormed() : value);
}

/** A record from its JSON; empty where there is none or it cannot be read. */
export function decodeRecord(reply: Reply | undefined): EntryRecord {
  const json = text(reply);
  if (json === "") return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** An entry from its id and reply fields. @param isReplay It lies in the stream of replays. */
export function deliveryOf(id: string, isReplay: boolean, fields: Fields, record?: Reply): Delivery {
  if (!isReplay) return { ref: id, entryId: id, fields, history: historyOf(record, 0) };
  const original = fields.slice(0, -REPLAY_MARKERS);
  const replays = number(fields.at(-1));
  return {
    ref: REPLAY_PREFIX + id,
    entryId: text(fields.at(-3)),
    fields: original,
    history: historyOf(record, replays),
  };
}

/** An entry that was read for the first time, from its id and fields, packed or not. */
export function newDelivery(id: string, isReplay: boolean, fields: Reply | undefined): Delivery {
  if (!(fields instanceof PackedFields)) return deliveryOf(id, isReplay, list(fields) as Fields);
  return isReplay ? deliveryOf(id, true, fields.unpack()) : new PackedDelivery(id, fields);
}

/** Most entries are settled without anybody asking for their fields one by one. */
class PackedDelivery implements Delivery {
  readonly ref: string;
  readonly packed: PackedFields;
  #fields: Fields | null = null;

  constructor(id: string, packed: PackedFields) {
    this.ref = id;
    this.packed = packed;
  }

  get entryId(): string {
    return this.ref;
  }

  get history(): History {
    return FRESH;
  }

  get fields(): Fields {
    return this.#fields ??= this.packed.unpack();
  }
}

/** The same of one that was delivered before; no replay. */
export class ReturnedDelivery implements Delivery {
  readonly ref: string;
  readonly packed: PackedFields;
  readonly history: History;
  #fields: Fields | null = null;

  /** @param id Entry id and ref. */
  constructor(id: string, packed: PackedFields, history: History) {
    this.ref = id;
    this.packed = packed;
    this.history = history;
  }

  /** {@link Delivery.entryId} */
  get entryId(): string {
    return this.ref;
  }

  /** {@link Delivery.fields} */
  get fields(): Fields {
    return this.#fields ??= this.packed.unpack();
  }
}

/** Rows `{ref, fields, record}` of the claiming scripts. */
export function deliveriesOf(rows: Reply | undefined): readonly Delivery[] {
  return list(rows).map((row) => {
    const [ref, fields, record] = list(row);
    const name = text(ref);
    const isReplay = name.startsWith(REPLAY_PREFIX);
    if (fields instanceof PackedFields && !isReplay) return new ReturnedDelivery(name, fields, historyOf(record, 0));
    const values = fields instanceof PackedFields ? fields.unpack() : list(fields) as Fields;
    return deliveryOf(isReplay ? name.slice(REPLAY_PREFIX.length) : name, isReplay, values, record);
  });
}

/** The first error among the answers is thrown; replies are given back. */
export function replies(answers: readonly (Reply | StoreRefusedError)[]): readonly Reply[] {
  return answers.map((answer) => {
    if (answer instanceof StoreRefusedError) throw answer;
    return answer;
  });
}

function historyOf(record: Reply | undefined, replays: number): History {
  const stored = record === undefined || record === null ? undefined : decodeRecord(record).history;
  if (stored === undefined) return replays === 0 ? FRESH : { ...FRESH, replays };
  return { ...FRESH, ...stored, replays: Math.max(replays, stored.replays ?? 0) };
}
