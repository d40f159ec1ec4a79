/**
 * The fields of an entry, found by their names.
 * @module
 */
import type { Fields } from "./event.ts";
import { PackedFields } from "./packed.ts";
import { lossyText } from "./text.ts";
import { plainUtcMs } from "./time.ts";

const encoder = new TextEncoder();

/** A value: its bytes, or its text where that is known to be ASCII. */
export type Value = Uint8Array | string;

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
  /** Epoch ms of `time`, where it is plain UTC and could be read in passing; else NaN. */
  timeMs: number;
  /** The data, `data ?? payload`, is a text, and JSON for certain. */
  json: boolean;
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
    timeMs: NaN,
    json: false,
  };
  if (text !== undefined && fields instanceof PackedFields) sortText(raw, fields, text);
  else eachField(fields, (name, value) => assign(raw, name, value));
  if (raw.type !== undefined && raw.event !== undefined) addExtension(raw, "event", raw.event);
  if (raw.data !== undefined && raw.payload !== undefined) addExtension(raw, "payload", raw.payload);
  if (raw.subject !== undefined && raw.aggregateId !== undefined) addExtension(raw, "aggregateId", raw.aggregateId);
  if (raw.time !== undefined && raw.timestamp !== undefined) addExtension(raw, "timestamp", raw.timestamp);
  return raw;
}

function sortText(raw: SortedFields, fields: PackedFields, text: string): void {
  const { bytes, table, last, start } = fields;
  raw.json = fields.json;
  for (let at = fields.first; at + 3 < last; at += 4) {
    const name = nameAt(bytes, table[at]!, table[at + 1]!);
    const from = table[at + 2]!;
    const to = table[at + 3]!;
    if (name === "time" && raw.time === undefined) raw.timeMs = plainUtcMs(bytes, from, to);
    assign(raw, name, text.slice(from - start, to - start));
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

/** Names and values in turn; of plain ASCII as text, cut out of the one text that all of them are. */
export function eachField(fields: Fields | PackedFields, tell: (name: string, value: Value) => void): void {
  if (!(fields instanceof PackedFields)) return eachApart(fields, tell);
  const text = fields.asciiText();
  if (text === null) return eachApart(fields.unpack(), tell);
  const { bytes, table, last, start } = fields;
  for (let at = fields.first; at + 3 < last; at += 4) {
    tell(nameAt(bytes, table[at]!, table[at + 1]!), text.slice(table[at + 2]! - start, table[at + 3]! - start));
  }
}

function eachApart(fields: Fields, tell: (name: string, value: Value) => void): void {
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at]!;
    tell(nameAt(name, 0, name.length), fields[at + 1]!);
  }
}

/** Its text; what is not UTF-8 becomes U+FFFD. */
export function lossy(value: Value): string {
  return typeof value === "string" ? value : lossyText(value);
}
