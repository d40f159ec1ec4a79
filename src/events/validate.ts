/**
 * Checks an event that is to be published, and fills in what is absent. The rules are those of CloudEvents 1.0; what we
 * write, any CloudEvents reader can read.
 * @module
 */
import type { EventInit } from "./event.ts";
import { encodeData } from "./body.ts";
import { EventInvalidError } from "./errors.ts";
import { rfc3339, utcTime } from "./time.ts";

export { EventInvalidError, EventTooLargeError } from "./errors.ts";

/** A checked event, with all that is required. Made by {@link completeEvent} only. */
export interface CompleteEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  /** RFC 3339, as the publisher gave it. */
  readonly time: string;
  readonly subject?: string;
  /** `application/json` where the publisher gave none. */
  readonly datacontenttype: string;
  /** Data as it is written to the stream: JSON text for JSON content types, else as it was given. */
  readonly body?: string | Uint8Array;
  readonly extensions: Readonly<Record<string, string>>;
  /** Epoch ms of the `deliverat` extension. */
  readonly deliverAtMs?: number;
}

/** What {@link completeEvent} fills in, and its limit. */
export interface EventDefaults {
  /** Makes an id. */
  readonly id: () => string;
  readonly source: string;
  /** Epoch ms, for `time`. */
  readonly nowMs: number;
  /** Used where the event has no `correlationid`; left out where it is no valid attribute. */
  readonly correlationId?: string;
  /** Used where the event has no `traceparent`; left out where it is no valid attribute. */
  readonly traceparent?: string;
  /** Most bytes of data; the attributes have limits of their own. */
  readonly maxBytes: number;
}

/** Most characters of each attribute, and most extensions. An extension's name is an attribute name. */
export const EVENT_LIMITS = Object.freeze({
  id: 1_024,
  type: 256,
  source: 1_024,
  subject: 1_024,
  datacontenttype: 256,
  extensionName: 64,
  extension: 4_096,
  extensions: 64,
});

/** Furthest that `deliverat` may lie ahead, ms: 30 days. */
export const MAX_DELAY_MS = 30 * 24 * 3_600_000;

const DEFAULT_CONTENT_TYPE = "application/json";
const EXTENSION_NAME = /^[a-z0-9]+$/;
/** Attributes of their own, which no extension can be. */
const RESERVED: ReadonlySet<string> = new Set(["id", "type", "source", "subject", "time", "datacontenttype", "data"]);
/** What an event to be published may have. `entry`: an event that came may be published again as it is. */
const KNOWN: ReadonlySet<string> = new Set([...RESERVED, "extensions", "entry"]);
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*(;.*)?$/;

/**
 * Checks and completes.
 * @throws {EventInvalidError} `event_invalid`; `attribute` names what is wrong.
 * @throws {EventTooLargeError} `event_too_large`: more than `maxBytes` of data.
 */
export function completeEvent(init: EventInit, defaults: EventDefaults): CompleteEvent {
  if (typeof init !== "object" || init === null) throw invalid("type", `the event is ${kindOf(init)}, want an object`);
  refuseUnknown(init);
  const datacontenttype = contentTypeOf(init.datacontenttype);
  const subject = optional(init.subject);
  const body = encodeData(init.data, datacontenttype, defaults.maxBytes);
  const extensions = extensionsOf(init, defaults, body !== undefined);
  const deliverAtMs = deliverAt(extensions, defaults.nowMs);
  const event: { -readonly [K in keyof CompleteEvent]: CompleteEvent[K] } = {
    id: text("id", optional(init.id) ?? defaults.id()),
    type: text("type", init.type),
    source: text("source", optional(init.source) ?? defaults.source),
    time: timeOf(init.time, defaults.nowMs),
    datacontenttype,
    extensions,
  };
  // Not spread: this is done for every event of every batch.
  if (subject !== undefined) event.subject = text("subject", subject);
  if (body !== undefined) event.body = body;
  if (deliverAtMs !== null) event.deliverAtMs = deliverAtMs;
  return event;
}

/** A misspelt attribute would be left out, and a `deliverat` beside `extensions` would be published at once. */
function refuseUnknown(init: EventInit): void {
  // Not by entries, which are an array for each attribute.
  for (const name in init) {
    if (KNOWN.has(name) || !Object.hasOwn(init, name)) continue;
    const value: unknown = Reflect.get(init, name);
    if (isAbsent(value) || isOurVersion(name, value)) continue;
    const shown = name.slice(0, 64);
    throw invalid(shown, `the event has no attribute "${shown}", want extension attributes under extensions`);
  }
}

type Limited = "id" | "type" | "source" | "subject" | "datacontenttype";

/** Checks a required text. */
function text(attribute: Limited, value: unknown): string {
  const checked = plain(attribute, value, EVENT_LIMITS[attribute]);
  if (checked === "") throw invalid(attribute, `${attribute} is empty, want at least one character`);
  return checked;
}

/** Checks what every attribute must be: a string that UTF-8 can hold, without control characters. */
function plain(attribute: string, value: unknown, maxLength: number): string {
  if (typeof value !== "string") throw invalid(attribute, `${attribute} is ${kindOf(value)}, want a string`);
  if (value.length > maxLength) {
    throw invalid(attribute, `${attribute} has ${value.length} characters, want at most ${maxLength}`);
  }
  if (isPlain(value)) return value;
  if (CONTROL.test(value)) throw invalid(attribute, `${attribute} holds a control character, want none`);
  if (!value.isWellFormed()) throw invalid(attribute, `${attribute} holds half a character, want well-formed Unicode`);
  return value;
}

function contentTypeOf(given: unknown): string {
  const value = optional(given);
  if (value === undefined) return DEFAULT_CONTENT_TYPE;
  const type = text("datacontenttype", value);
  if (MEDIA_TYPE.test(type)) return type;
  throw invalid("datacontenttype", `datacontenttype is "${type}", want a media type such as application/json`);
}

function timeOf(given: unknown, nowMs: number): string {
  const value = optional(given);
  if (value === undefined) return rfc3339(nowMs);
  const time = plain("time", value, 64);
  if (utcTime(time) !== null) return time;
  throw invalid("time", `time is "${time}", want RFC 3339 such as 2025-06-28T23:40:13Z`);
}

function extensionsOf(init: EventInit, defaults: EventDefaults, hasData: boolean): Record<string, string> {
  // A plain object: no name that is allowed can reach its prototype, and one without would be a slow one.
  const extensions: Record<string, string> = {};
  inherit(extensions, "traceparent", defaults.traceparent);
  inherit(extensions, "correlationid", defaults.correlationId);
  const given: unknown = optional(init.extensions);
  if (given === undefined) return extensions;
  if (typeof given !== "object" || given === null) {
    throw invalid("extensions", `extensions is ${kindOf(given)}, want an object`);
  }
  for (const name in given) {
    if (!Object.hasOwn(given, name)) continue;
    const value: unknown = Reflect.get(given, name);
    if (isAbsent(value) || isOurVersion(name, value)) continue;
    checkName(name, hasData);
    extensions[name] = plain(name, value, EVENT_LIMITS.extension);
  }
  const count = Object.keys(extensions).length;
  if (count <= EVENT_LIMITS.extensions) return extensions;
  throw invalid("extensions", `the event has ${count} extensions, want at most ${EVENT_LIMITS.extensions}`);
}

/** What was inherited last, and whether it may be: the events of a batch inherit the same. */
const latest = { traceparent: { value: "", good: true }, correlationid: { value: "", good: true } };

/** What comes from a stranger's event is left out where it is hostile: it is no fault of whoever publishes now. */
function inherit(extensions: Record<string, string>, name: keyof typeof latest, value: string | undefined): void {
  if (value === undefined || value.length > EVENT_LIMITS.extension) return;
  const judged = latest[name];
  if (judged.value !== value) {
    judged.value = value;
    judged.good = isPlain(value) || (!CONTROL.test(value) && value.isWellFormed());
  }
  if (judged.good) extensions[name] = value;
}

/** Mostly short ASCII, which is looked through faster than an expression is begun. */
function isPlain(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

function checkName(name: string, hasData: boolean): void {
  const shown = name.slice(0, 64);
  if (!EXTENSION_NAME.test(name) || name.length > EVENT_LIMITS.extensionName) {
    throw invalid(shown, `the extension "${shown}" has a bad name, want 1 to 64 lower-case letters and digits`);
  }
  if (RESERVED.has(name)) throw invalid(name, `the extension "${name}" has the name of an attribute, want another`);
  if (name === "specversion") throw invalid(name, "specversion is not 1.0, want CloudEvents 1.0");
  // Readers take `payload` for the data of an event that has none.
  if (name === "payload" && !hasData) throw invalid(name, 'the extension "payload" stands for data, want data instead');
}

/** Reads `deliverat`, and leaves it in UTC so that every reader understands it. */
function deliverAt(extensions: Record<string, string>, nowMs: number): number | null {
  const given = extensions["deliverat"];
  if (given === undefined) return null;
  const utc = utcTime(given);
  if (utc === null) {
    throw invalid("deliverat", `deliverat is "${given.slice(0, 64)}", want RFC 3339 such as 2025-06-28T23:40:13Z`);
  }
  const ms = Date.parse(utc);
  if (ms - nowMs > MAX_DELAY_MS) throw invalid("deliverat", `deliverat is ${utc}, want at most 30 days from now`);
  extensions["deliverat"] = utc;
  return ms;
}

/** The version that every event here has may be said, and is not written. */
function isOurVersion(name: string, value: unknown): boolean {
  return name === "specversion" && value === "1.0";
}

/** Absent in plain JavaScript too: `null` and `undefined` are no value. */
function optional<V>(value: V): NonNullable<V> | undefined {
  return value ?? undefined;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "absent";
  return Array.isArray(value) ? "an array" : `of type ${typeof value}`;
}

function invalid(attribute: string, problem: string): EventInvalidError {
  return new EventInvalidError(attribute, `Cannot publish the event: ${problem}`);
}
