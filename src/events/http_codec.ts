/**
 * CloudEvents as they come over HTTP, in JSON (one or a batch) or as headers and a body, to what a publisher takes.
 * What the rules of every event are is checked by `validate.ts`; here is what only the two formats know.
 * @module
 */
import { Buffer } from "node:buffer";
import { EventInvalidError } from "./errors.ts";
import type { EventInit } from "./event.ts";
import type { CutEvent } from "./cut_events.ts";
import { isJsonType, strictText } from "./text.ts";

/** How events lie in a request: one as JSON, several as a JSON array, or one as headers with its data as the body. */
export type HttpMode = "structured" | "batch" | "binary";

/** What is no extension of an event in JSON. */
const MEMBERS: ReadonlySet<string> = new Set([
  "specversion",
  "id",
  "type",
  "source",
  "subject",
  "time",
  "datacontenttype",
  "data",
  "data_base64",
]);
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/** How the events of this request are written. @returns Null: in no way that is taken here. */
export function httpModeOf(headers: Headers): HttpMode | null {
  const contentType = headers.get("content-type") ?? "";
  const media = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (media.startsWith("application/cloudevents")) {
    const charset = CHARSET.exec(contentType)?.[1]?.toLowerCase() ?? "utf-8";
    if (charset !== "utf-8" && charset !== "utf8") return null;
    if (media === "application/cloudevents+json") return "structured";
    return media === "application/cloudevents-batch+json" ? "batch" : null;
  }
  for (const name of headers.keys()) if (name.startsWith("ce-")) return "binary";
  return null;
}

/**
 * Reads one event of the JSON format. Numbers that a double cannot hold may be `JSON.rawJSON` values: they stay as
 * they came.
 * @param value What the JSON text holds.
 * @throws {EventInvalidError} What only this format can get wrong; the rest is found when it is published.
 */
export function eventOfJson(value: unknown): EventInit {
  if (!isRecord(value)) throw invalid("type", `the event is ${kindOf(value)}, want a JSON object`);
  requireVersion(value["specversion"]);
  const datacontenttype = textOf(value, "datacontenttype");
  return {
    id: required(value, "id"),
    type: required(value, "type"),
    source: required(value, "source"),
    subject: textOf(value, "subject"),
    time: textOf(value, "time"),
    datacontenttype,
    data: dataOf(value, datacontenttype),
    extensions: extensionsOf(value),
  };
}

/**
 * As {@link eventOfJson}, of an event that was cut out of its text, and with the same result: data that is JSON is
 * published as it came, and need not be read.
 * @throws {EventInvalidError} As {@link eventOfJson}.
 */
export function eventOfCut(cut: CutEvent): EventInit {
  const { specversion, id, type, source, subject, time, datacontenttype, data, extensions } = cut;
  requireVersion(specversion);
  return {
    id: id ?? absent("id"),
    type: type ?? absent("type"),
    source: source ?? absent("source"),
    subject,
    time,
    datacontenttype,
    // What is not JSON lies in a JSON string.
    data: data === undefined || isJsonType(datacontenttype ?? "application/json")
      ? data
      : plainData(JSON.parse(data.text), datacontenttype),
    extensions,
  };
}

/**
 * Reads the event that headers and body of a request are together. The body is not looked at.
 * @throws {EventInvalidError} As {@link eventOfJson}.
 */
export function eventOfHeaders(headers: Headers, body: Uint8Array): EventInit {
  const attributes: Record<string, unknown> = Object.create(null);
  for (const [name, value] of headers) {
    if (!name.startsWith("ce-")) continue;
    attributes[name.slice(3)] = headerText(name.slice(3), value);
  }
  requireVersion(attributes["specversion"]);
  const extensions: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(attributes)) {
    // Content type and data have other places here: `ce-data` is refused as an extension of that name.
    if (!HEADER_ATTRIBUTES.has(name)) extensions[name] = value as string;
  }
  return {
    id: required(attributes, "id"),
    type: required(attributes, "type"),
    source: required(attributes, "source"),
    subject: textOf(attributes, "subject"),
    time: textOf(attributes, "time"),
    datacontenttype: headers.get("content-type") ?? undefined,
    data: body.byteLength === 0 ? undefined : body,
    extensions,
  };
}

const HEADER_ATTRIBUTES: ReadonlySet<string> = new Set(["specversion", "id", "type", "source", "subject", "time"]);

function requireVersion(value: unknown): void {
  if (value === "1.0") return;
  const found = typeof value === "string" ? `"${value.slice(0, 32)}"` : kindOf(value);
  throw invalid("specversion", `specversion is ${found}, want "1.0"`);
}

function required(attributes: Readonly<Record<string, unknown>>, name: "id" | "type" | "source"): string {
  const value = textOf(attributes, name);
  return value ?? absent(name);
}

function absent(name: string): never {
  throw invalid(name, `${name} is absent, want a string`);
}

/** `null` is absent, as the format says. */
function textOf(attributes: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = attributes[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw invalid(name, `${name} is ${kindOf(value)}, want a string`);
}

function dataOf(event: Readonly<Record<string, unknown>>, contentType: string | undefined): unknown {
  const encoded = event["data_base64"] ?? undefined;
  if (encoded === undefined) return plainData(event["data"], contentType);
  if (Object.hasOwn(event, "data")) throw invalid("data_base64", "the event has data and data_base64, want one");
  if (typeof encoded !== "string") throw invalid("data_base64", `data_base64 is ${kindOf(encoded)}, want a string`);
  if (!isBase64(encoded)) throw invalid("data_base64", "data_base64 is not base64 (RFC 4648, section 4)");
  return new Uint8Array(Buffer.from(encoded, "base64"));
}

/** Padded. Looked through for what is wrong, not matched as a whole: that would take stack for each character. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, ""));
}

/** A `null` is data where data is JSON, and none where it cannot be. What is refused there is to be called what it is. */
function plainData(data: unknown, contentType: string | undefined): unknown {
  if (isJsonType(contentType ?? "application/json")) return data;
  return data === null ? undefined : rawNumber(data) === null ? data : NaN;
}

function extensionsOf(event: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  // Without a prototype every name is safe, `__proto__` too; it is refused later, like every bad name.
  let extensions: Record<string, string> | undefined;
  for (const name in event) {
    if (MEMBERS.has(name) || !Object.hasOwn(event, name)) continue;
    const value = event[name];
    if (value === null) continue;
    extensions ??= Object.create(null) as Record<string, string>;
    extensions[name] = extensionText(name, value);
  }
  return extensions;
}

/** The canonical text of the types that an attribute can have in JSON. */
function extensionText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isSafeInteger(value)) return String(value);
  const raw = rawNumber(value);
  if (raw !== null && /^-?\d{1,64}$/.test(raw)) return raw;
  // `1.0` is an integer, whatever numbers lie beside it.
  if (raw !== null && /^-?\d+\.0+$/.test(raw) && Number.isSafeInteger(Number(raw))) return String(Number(raw));
  const shown = name.slice(0, 64);
  throw invalid(shown, `the extension "${shown}" is ${kindOf(value)}, want a string, a boolean or an integer`);
}

/** Text of a `JSON.rawJSON` number. Nothing that JSON text holds can look like one: its object has no prototype. */
function rawNumber(value: unknown): string | null {
  const isRaw = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
  const text: unknown = isRaw ? Reflect.get(value, "rawJSON") : null;
  return typeof text === "string" ? text : null;
}

/** Undoes double quotes, then one round of percent-encoding; what comes out, and what was never encoded, is UTF-8. */
function headerText(name: string, value: string): string {
  const plain = /^"(?:[^"\\]|\\.)*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, "$1") : value;
  const shown = name.slice(0, 64);
  if (/%(?![0-9a-fA-F]{2})/.test(plain)) {
    throw invalid(shown, `${shown} has a % that is not followed by two hex digits, want percent-encoded text`);
  }
  const chars = plain.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  // Headers are bytes, and a character stands for each.
  const text = strictText(Buffer.from(chars, "latin1"));
  if (text === null) throw invalid(shown, `${shown} is not UTF-8, want percent-encoded UTF-8`);
  return text;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && rawNumber(value) === null;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "absent";
  if (rawNumber(value) !== null) return "of type number";
  return Array.isArray(value) ? "an array" : `of type ${typeof value}`;
}

function invalid(attribute: string, problem: string): EventInvalidError {
  return new EventInvalidError(attribute, `Cannot publish the event: ${problem}`);
}
