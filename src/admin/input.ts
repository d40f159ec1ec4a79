/**
 * Parameters of queries and commands, checked strictly and once for all faces. Everything comes as text.
 * @module
 */
import { utcTime } from "../events/time.ts";
import type { Bound } from "../store/admin_port.ts";
import type { DeadReason } from "../store/port.ts";
import { invalid } from "./errors.ts";

/** Text by name; absent and empty are the same. */
export type Params = Readonly<Record<string, string | undefined>>;

/** Most items of one page. */
export const MAX_LIMIT = 500;
/** Items of one page where nobody says. */
export const DEFAULT_LIMIT = 50;

const REASONS: readonly DeadReason[] = ["max_deliveries", "non_retryable", "invalid", "undecodable", "crash_loop"];
const ENTRY_ID = /^(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/;
const MAX_U64 = (1n << 64n) - 1n;
const CURSOR = /^(.{3,41})\.(0|[1-9]\d{0,3})$/;
const EPOCH_MS = /^\d{1,15}$/;
const LONGEST_TYPE = 1_024;

/** Where a page goes on: after this entry of this stream (its place in the list of streams). */
export interface Position {
  readonly id: string;
  readonly index: number;
}

/** Filter of dead letters. */
export interface LetterFilter {
  readonly stream: string | null;
  readonly type: string | null;
  readonly reason: string | null;
  /** Kind of the error, as the groups name it. */
  readonly error: string | null;
  /** Part of error, type, event id or subject. */
  readonly text: string | null;
}

/** An entry id, `ms-seq`, as Redis writes it. @throws {AdminError} `invalid` */
export function entryIdOf(text: string, parameter: string): string {
  if (!ENTRY_ID.test(text) || text.split("-").some((part) => BigInt(part) > MAX_U64)) {
    throw invalid(parameter, "an entry id, milliseconds-sequence, such as 1717171717171-0");
  }
  return text;
}

/** @throws {AdminError} `invalid` */
export function limitOf({ limit }: Params): number {
  if (!limit) return DEFAULT_LIMIT;
  const value = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (value < 1 || value > MAX_LIMIT) throw invalid("limit", `an integer from 1 to ${MAX_LIMIT}`);
  return value;
}

/** @throws {AdminError} `invalid` */
export function cursorOf({ cursor }: Params, streams: number): Position | null {
  if (!cursor) return null;
  const [, id = "", index = ""] = CURSOR.exec(cursor) ?? [];
  if (index === "" || Number(index) >= streams) throw invalid("cursor", "the `next` of an earlier answer");
  try {
    return { id: entryIdOf(id, "cursor"), index: Number(index) };
  } catch {
    throw invalid("cursor", "the `next` of an earlier answer");
  }
}

/** See {@link cursorOf}. */
export function cursorText({ id, index }: Position): string {
  return `${id}.${index}`;
}

/** @throws {AdminError} `invalid` */
export function typeOf({ type }: Params): string | null {
  if (!type) return null;
  if (type.length > LONGEST_TYPE) throw invalid("type", `an event type of at most ${LONGEST_TYPE} characters`);
  return type;
}

/** @throws {AdminError} `invalid` */
export function letterFilterOf(params: Params, streams: readonly string[]): LetterFilter {
  const { reason } = params;
  if (reason && !(REASONS as readonly string[]).includes(reason)) {
    throw invalid("reason", `one of ${REASONS.join(", ")}`);
  }
  return {
    stream: streamOf(params, streams),
    type: typeOf(params),
    reason: reason || null,
    error: wordOf(params, "error"),
    text: wordOf(params, "text"),
  };
}

/** A text of some length; absent and empty are null. @throws {AdminError} `invalid` */
export function wordOf(params: Params, name: string): string | null {
  const text = params[name];
  if (!text) return null;
  if (text.length > LONGEST_TYPE) throw invalid(name, `at most ${LONGEST_TYPE} characters`);
  return text;
}

/** @throws {AdminError} `invalid` */
export function streamOf({ stream }: Params, streams: readonly string[]): string | null {
  if (!stream) return null;
  if (!streams.includes(stream)) throw invalid("stream", "one of the streams of this service");
  return stream;
}

/** One end of a range: an entry id, RFC 3339, or epoch ms. @throws {AdminError} `invalid` */
export function boundOf(params: Params, end: "from" | "to"): Bound | null {
  const text = params[end];
  if (!text) return null;
  if (ENTRY_ID.test(text)) return { id: entryIdOf(text, end) };
  const iso = utcTime(text);
  const ms = EPOCH_MS.test(text) ? Number(text) : iso === null ? NaN : Date.parse(iso);
  if (Number.isNaN(ms)) throw invalid(end, "RFC 3339, epoch milliseconds, or an entry id");
  const whole = Math.max(0, Math.floor(ms));
  return { id: end === "from" ? `${whole}-0` : `${whole}-${MAX_U64}` };
}

/** `true`, `false`; absent is false. @throws {AdminError} `invalid` */
export function flagOf(params: Params, name: string): boolean {
  const text = params[name];
  if (!text || text === "false") return false;
  if (text !== "true") throw invalid(name, "true or false");
  return true;
}

/** A misspelt filter would match everything. @throws {AdminError} `invalid` */
export function demandOnly(params: Params, known: readonly string[]): void {
  for (const name of Object.keys(params)) {
    if (!known.includes(name)) throw invalid(name.slice(0, 40), `none but ${known.join(", ")}`);
  }
}
