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
import type { EntryRef, Event, Fields } from "./event.ts";
import { InternedTexts } from "./interned.ts";
import { PackedFields } from "./packed.ts";
import { distinctText, isJsonType, lossyText, strictText } from "./text.ts";
import { isWritable, rfc3339, utcTime } from "./time.ts";
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
  | { readonly ok: true; readonly event: Event<unknown> }
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

/** A value: its bytes, or its text where that is known to be ASCII. */
type Value = Uint8Array | string;

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

/** As {@link decodeEntry}, of fields that were sorted before. */
export function decodeSorted(stream: string, id: string, raw: SortedFields): Decoded {
  const type = typeOf(raw);
  if (type === null) return { ok: false, problem: typeProblem(raw), type: null };
  const datacontenttype = (raw.datacontenttype && lossy(raw.datacontenttype)) || JSON_TYPE;
  const body = raw.data ?? raw.payload;
  let data: unknown;
  if (body !== undefined && !isJsonType(datacontenttype)) {
    // A copy: a handler may change it, and a dead letter must be byte for byte the original.
    data = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
  } else if (body !== undefined) {
    const text = strict(body);
    if (text === null) return { ok: false, problem: `data is not UTF-8, want ${datacontenttype}`, type };
    try {
      data = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
    } catch (error) {
      return { ok: false, problem: `data is not JSON (${jsonProblem(error as Error)}), want ${datacontenttype}`, type };
    }
  }
  return { ok: true, event: makeEvent({ stream, id }, raw, type, datacontenttype, data) };
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

/** Names and values in turn; of plain ASCII as text, cut out of the one text that all of them are. */
function eachField(fields: Fields | PackedFields, tell: (name: string, value: Value) => void): void {
  if (!(fields instanceof PackedFields)) return eachApart(fields, tell);
  const text = fields.asciiText();
  if (text === null) return eachApart(fields.unpack(), tell);
  const { bytes, places } = fields;
  const start = places[0]!;
  for (let at = 0; at + 3 < places.length; at += 4) {
    tell(
      nameAt(bytes, places[at]!, places[at + 1]!),
      text.slice(places[at + 2]! - start, places[at + 3]! - start),
    );
  }
}

function eachApart(fields: Fields, tell: (name: string, value: Value) => void): void {
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at]!;
    tell(nameAt(name, 0, name.length), fields[at + 1]!);
  }
}

/** By what log lines about an entry are found: the identifiers of the request that led to it. */
export interface Identifiers {
  readonly correlationId: string;
  /** 32 hex digits. */
  readonly traceId?: string;
}

/**
 * Correlation and trace id of an entry; total. What carries no correlation id is correlated by the id of its event, as
 * the lines of its handler are.
 */
export function peekIdentifiers(
  { fields, entryId }: { readonly fields: Fields | PackedFields; readonly entryId: string },
): Identifiers {
  const found: Record<string, Value | undefined> = { correlationid: undefined, traceparent: undefined, id: undefined };
  eachField(fields, (name, value) => {
    if (Object.hasOwn(found, name)) found[name] ??= value;
  });
  const { correlationid: given, traceparent: trace, id } = found;
  const correlationId = given === undefined ? attribute(id) ?? entryId : lossy(given);
  const traceId = trace === undefined ? null : traceIdOf(lossy(trace));
  return { correlationId, ...(traceId === null ? {} : { traceId }) };
}

/**
 * The known fields of an entry, each the first of its name; not yet read, so that whoever asks for one thing after the
 * other need not look for it twice.
 */
export interface SortedFields {
  id: Value | undefined;
  type: Value | undefined;
  source: Value | undefined;
  time: Value | undefined;
  subject: Value | undefined;
  datacontenttype: Value | undefined;
  data: Value | undefined;
  event: Value | undefined;
  payload: Value | undefined;
  aggregateId: Value | undefined;
  timestamp: Value | undefined;
  extensions: Record<string, string> | undefined;
}

/** Names that are told apart by their bytes, without making text of them: ours, and the most usual extensions. */
const NAMES: readonly (readonly Name[])[] = namesByLength(
  ["id", "type", "source", "time", "subject", "datacontenttype", "data"],
  ["event", "payload", "aggregateId", "timestamp"],
  ["correlationid", "traceparent", "tracestate"],
);

interface Name {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function namesByLength(...groups: readonly (readonly string[])[]): Name[][] {
  const names = groups.flat();
  const longest = Math.max(...names.map((name) => name.length));
  const table: Name[][] = Array.from({ length: longest + 1 }, () => []);
  for (const name of names) table[name.length]!.push({ name, bytes: encoder.encode(name) });
  return table;
}

function nameAt(bytes: Uint8Array, from: number, to: number): string {
  const candidates = NAMES[to - from];
  if (candidates !== undefined) {
    for (let at = 0; at < candidates.length; at++) {
      const { name, bytes: known } = candidates[at]!;
      if (isAt(known, bytes, from)) return name;
    }
  }
  return lossyText(bytes.subarray(from, to));
}

function isAt(known: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[from + at]) return false;
  return true;
}

/** Finds the known fields. @param text {@link PackedFields.asciiText}, where it is known. */
export function sortFields(fields: Fields | PackedFields, text?: string): SortedFields {
  const raw: SortedFields = {
    id: undefined,
    type: undefined,
    source: undefined,
    time: undefined,
    subject: undefined,
    datacontenttype: undefined,
    data: undefined,
    event: undefined,
    payload: undefined,
    aggregateId: undefined,
    timestamp: undefined,
    extensions: undefined,
  };
  if (text !== undefined && fields instanceof PackedFields) sortText(raw, fields, text);
  else eachField(fields, (name, value) => assign(raw, name, value));
  if (raw.type !== undefined && raw.event !== undefined) addExtension(raw, "event", raw.event);
  if (raw.data !== undefined && raw.payload !== undefined) addExtension(raw, "payload", raw.payload);
  if (raw.subject !== undefined && raw.aggregateId !== undefined) addExtension(raw, "aggregateId", raw.aggregateId);
  if (raw.time !== undefined && raw.timestamp !== undefined) addExtension(raw, "timestamp", raw.timestamp);
  return raw;
}

function sortText(raw: SortedFields, { bytes, places }: PackedFields, text: string): void {
  const start = places[0]!;
  for (let at = 0; at + 3 < places.length; at += 4) {
    const name = nameAt(bytes, places[at]!, places[at + 1]!);
    assign(raw, name, text.slice(places[at + 2]! - start, places[at + 3]! - start));
  }
}

/** A switch, since writing to a property by a computed name is several times as slow. */
function assign(raw: SortedFields, name: string, value: Value): void {
  switch (name) {
    case "id":
      return void (raw.id ??= value);
    case "type":
      return void (raw.type ??= value);
    case "source":
      return void (raw.source ??= value);
    case "time":
      return void (raw.time ??= value);
    case "subject":
      return void (raw.subject ??= value);
    case "datacontenttype":
      return void (raw.datacontenttype ??= value);
    case "data":
      return void (raw.data ??= value);
    case "event":
      return void (raw.event ??= value);
    case "payload":
      return void (raw.payload ??= value);
    case "aggregateId":
      return void (raw.aggregateId ??= value);
    case "timestamp":
      return void (raw.timestamp ??= value);
    default:
      addExtension(raw, name, value);
  }
}

function addExtension(raw: SortedFields, name: string, value: Value): void {
  // Without a prototype every name is safe, `__proto__` too.
  const extensions = raw.extensions ??= Object.create(null) as Record<string, string>;
  if (!(name in extensions)) extensions[name] = lossy(value);
}

function makeEvent(
  entry: EntryRef,
  raw: SortedFields,
  type: string,
  datacontenttype: string,
  data: unknown,
): Event {
  const subject = attribute(raw.subject ?? raw.aggregateId);
  const source = sources.of(attribute(raw.source) ?? "unknown");
  const time = timeOf(raw) ?? rfc3339(idTimeMs(entry.id));
  const id = attribute(raw.id) ?? entry.id;
  const extensions = raw.extensions ?? NO_EXTENSIONS;
  // Two literals, since a spread would cost as much as all the rest.
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

function lossy(value: Value): string {
  return typeof value === "string" ? value : lossyText(value);
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

function timeOf({ time, timestamp }: SortedFields): string | null {
  const value = time ?? timestamp;
  if (value === undefined || value.length > 64) return null;
  const text = strict(value);
  if (text === null) return null;
  const utc = utcTime(text);
  if (utc !== null) return utc;
  const ms = time === undefined && EPOCH_MS.test(text) ? Number(text) : NaN;
  return isWritable(ms) ? rfc3339(ms) : null;
}
