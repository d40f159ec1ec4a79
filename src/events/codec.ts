/**
 * Events as flat stream fields: our own exactly, strangers' as well as can be.
 *
 * Reading never throws. What cannot be read, and what becomes of it:
 *
 * - no type, an empty one, or one that is not UTF-8: undecodable
 * - data of a JSON content type that is not UTF-8 or not JSON: undecodable. No data at all is fine, and `undefined`
 * - an id, source or subject that is not UTF-8: its bytes percent-encoded, so that different ones stay different
 * - an extension that is not UTF-8: U+FFFD in the place of what is wrong
 * - an empty id, source, subject or content type: as if absent
 * - an unreadable time: the time of the entry, clamped to the years 0000 to 9999
 *
 * Data of other content types, text included, is a `Uint8Array` of its own. The first of a repeated name wins. A name
 * of CloudEvents wins over its alias even where its value is unreadable; the alias is an extension then.
 * @module
 */
import { idTimeMs } from "../delivery/ids.ts";
import type { DataHabit } from "./data_habit.ts";
import type { EntryRef, Event, Fields } from "./event.ts";
import { InternedTexts } from "./interned.ts";
import { eventWithLater, LaterData } from "./later_data.ts";
import type { PackedFields } from "./packed.ts";
import { eachField, lossy, type SortedFields, sortFields, type Value } from "./sorted.ts";
import { distinctText, isJsonType, strictText } from "./text.ts";
import { epochMs, isWritable, rfc3339, utcTime } from "./time.ts";
import { traceIdOf } from "./trace_context.ts";
import type { CompleteEvent } from "./validate.ts";

/** An entry as it comes from the stream. */
export interface RawEntry {
  readonly stream: string;
  readonly id: string;
  /** Packed ones are read faster, to the same result. */
  readonly fields: Fields | PackedFields;
}

/** An entry that was read, or why it cannot be. */
export type Decoded =
  | { readonly ok: true; readonly event: Event<unknown>; /** Its `time`, epoch ms. */ readonly timeMs: number }
  | { readonly ok: false; readonly problem: string; readonly type: string | null };

/** What decides who handles an entry, and after which others. */
export interface Routing {
  /** Null: undecodable. */
  readonly type: string | null;
  /** Null: no order. */
  readonly subject: string | null;
}

const JSON_TYPE = "application/json";
const NO_EXTENSIONS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));
const encoder = new TextEncoder();
const EPOCH_MS = /^-?\d{1,15}$/;

/** The few values that nearly all entries share. */
const types = new InternedTexts(1_000);
const sources = new InternedTexts(1_000);

/**
 * Flat fields of an event: name, value, name, value …, always in the order id, type, source, time, subject,
 * datacontenttype, data, extensions. What is absent, or the default content type, is not written.
 */
export function encodeEvent(event: CompleteEvent): (string | Uint8Array)[] {
  const fields: (string | Uint8Array)[] = [
    "id",
    event.id,
    "type",
    event.type,
    "source",
    event.source,
    "time",
    event.time,
  ];
  if (event.subject !== undefined) fields.push("subject", event.subject);
  if (event.datacontenttype !== JSON_TYPE) fields.push("datacontenttype", event.datacontenttype);
  if (event.body !== undefined) fields.push("data", event.body);
  for (const name of Object.keys(event.extensions)) fields.push(name, event.extensions[name]!);
  return fields;
}

/** Reads an entry. Total: see the module's text for what cannot be read. */
export function decodeEntry({ stream, id, fields }: RawEntry): Decoded {
  return decodeSorted(stream, id, sortFields(fields));
}

/**
 * As {@link decodeEntry}, of fields that were sorted before.
 * @param habit Where it is given, and lets it, `data` that is surely JSON is left to be parsed when it is read first.
 */
export function decodeSorted(stream: string, id: string, raw: SortedFields, habit: DataHabit | null = null): Decoded {
  const type = typeOf(raw);
  if (type === null) return { ok: false, problem: typeProblem(raw), type: null };
  const datacontenttype = (raw.datacontenttype && lossy(raw.datacontenttype)) || JSON_TYPE;
  const body = raw.data ?? raw.payload;
  let data: unknown;
  let later: LaterData | null = null;
  if (body !== undefined && !isJsonType(datacontenttype)) {
    // A copy: a handler may change it, and a dead letter must be byte for byte the original.
    data = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
  } else if (typeof body === "string" && habit !== null && isLeft(raw, habit)) {
    later = new LaterData(body, habit);
  } else if (body !== undefined) {
    const text = strict(body);
    if (text === null) return { ok: false, problem: `data is not UTF-8, want ${datacontenttype}`, type };
    try {
      data = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
    } catch (error) {
      return { ok: false, problem: `data is not JSON (${jsonProblem(error as Error)}), want ${datacontenttype}`, type };
    }
  }
  const event = makeEvent({ stream, id }, raw, type, datacontenttype, data, later);
  return { ok: true, event, timeMs: Number.isNaN(raw.timeMs) ? epochMs(event.time) : raw.timeMs };
}

/** Asks the habit only where it matters: it counts. */
function isLeft({ json }: SortedFields, habit: DataHabit): boolean {
  return json && habit.leaves();
}

/** Without the text that V8 quotes: a problem is logged, and payloads are not. */
function jsonProblem({ message }: Error): string {
  return message.split(/(?:^|,? )(?:\.\.\.)?"/, 1)[0] || "no value";
}

/** Type and subject of an entry, at a fraction of the cost; always those that {@link decodeEntry} gives. */
export function peekRouting(fields: Fields | PackedFields): Routing {
  const found: Peeked = { type: undefined, event: undefined, subject: undefined, aggregateId: undefined };
  eachField(fields, (name, value) => peek(found, name, value));
  return routingOf(found);
}

/** As {@link peekRouting}, of fields that were sorted before. */
export function routingOf(found: Peeked): Routing {
  return { type: typeOf(found), subject: attribute(found.subject ?? found.aggregateId) ?? null };
}

type Peeked = Pick<SortedFields, "type" | "event" | "subject" | "aggregateId">;

function peek(found: Peeked, name: string, value: Value): void {
  if (name === "type") found.type ??= value;
  else if (name === "event") found.event ??= value;
  else if (name === "subject") found.subject ??= value;
  else if (name === "aggregateId") found.aggregateId ??= value;
}

/** By what log lines about an entry are found: the identifiers of the request that led to it. */
export interface Identifiers {
  readonly correlationId: string;
  /** 32 hex digits. */
  readonly traceId?: string;
}

/** An entry as far as its identifiers are concerned. */
interface Identified {
  readonly fields: Fields | PackedFields;
  /** The same in one piece, where there is such. */
  readonly packed?: PackedFields;
  readonly entryId: string;
}

/**
 * Correlation and trace id of an entry; total. What carries no correlation id is correlated by the id of its event, as
 * the lines of its handler are.
 */
export function peekIdentifiers(entry: Identified): Identifiers {
  const { packed, entryId } = entry;
  let given: Value | undefined;
  let trace: Value | undefined;
  let id: Value | undefined;
  // Asking for `fields` would unpack them.
  eachField(packed ?? entry.fields, (name, value) => {
    if (name === "id") id ??= value;
    else if (name === "correlationid") given ??= value;
    else if (name === "traceparent") trace ??= value;
  });
  const correlationId = given === undefined ? attribute(id) ?? entryId : lossy(given);
  const traceId = trace === undefined ? null : traceIdOf(lossy(trace));
  return traceId === null ? { correlationId } : { correlationId, traceId };
}

function makeEvent(
  entry: EntryRef,
  raw: SortedFields,
  type: string,
  datacontenttype: string,
  data: unknown,
  later: LaterData | null,
): Event {
  const subject = attribute(raw.subject ?? raw.aggregateId);
  const source = sources.of(attribute(raw.source) ?? "unknown");
  const time = timeOf(raw) ?? rfc3339(idTimeMs(entry.id));
  const id = attribute(raw.id) ?? entry.id;
  const extensions = raw.extensions ?? NO_EXTENSIONS;
  // Two literals each, since a spread would cost as much as all the rest.
  if (later !== null) {
    const head = subject === undefined
      ? { id, type, source, time, datacontenttype }
      : { id, type, source, subject, time, datacontenttype };
    return eventWithLater(head, later, extensions, entry);
  }
  return subject === undefined
    ? { id, type, source, time, datacontenttype, data, extensions, entry }
    : { id, type, source, subject, time, datacontenttype, data, extensions, entry };
}

/** A text attribute; undefined when absent or empty. */
function attribute(value: Value | undefined): string | undefined {
  if (value === undefined || value.length === 0) return undefined;
  return typeof value === "string" ? value : distinctText(value);
}

function strict(value: Value): string | null {
  return typeof value === "string" ? value : strictText(value);
}

function typeOf({ type, event }: Pick<SortedFields, "type" | "event">): string | null {
  const value = type ?? event;
  const text = value === undefined ? null : strict(value) || null;
  return text === null ? null : types.of(text);
}

function typeProblem({ type, event }: SortedFields): string {
  const value = type ?? event;
  if (value === undefined) return "the entry has no type, want a field type (or event)";
  return value.length === 0 ? "type is empty, want at least one character" : "type is not UTF-8, want text";
}

function timeOf({ time, timestamp, timeMs }: SortedFields): string | null {
  if (!Number.isNaN(timeMs)) return time as string;
  const value = time ?? timestamp;
  if (value === undefined || value.length > 64) return null;
  const text = strict(value);
  if (text === null) return null;
  const utc = utcTime(text);
  if (utc !== null) return utc;
  const ms = time === undefined && EPOCH_MS.test(text) ? Number(text) : NaN;
  return isWritable(ms) ? rfc3339(ms) : null;
}
