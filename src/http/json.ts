/**
 * JSON from strangers.
 * @module
 */
import { type CutEvent, cutEvents } from "../events/cut_events.ts";
import type { Problem } from "./problem.ts";

/** Deepest nesting of arrays and objects that is taken. */
export const MAX_JSON_DEPTH = 64;

/** A JSON value, or why it is refused. */
export type Json = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: Problem };

/** `JSON` with what the runtime has and the type library does not know yet (source text access). */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const sourceText = JSON as typeof JSON & SourceTextJson;
/** A number of this many digits, its point included, may be more than a double holds. */
const SUSPICIOUS_DIGITS = 16;
const decoder = new TextDecoder("utf-8", { fatal: true });
const JSON_MEDIA_TYPE = /^application\/(?:[\w.!#$&^+-]+\+)?json *(?:;|$)/i;

/** Is this `Content-Type` JSON? An absent one counts as JSON. */
export function isJsonMediaType(contentType: string | null): boolean {
  return contentType === null || JSON_MEDIA_TYPE.test(contentType);
}

/**
 * Parses UTF-8 JSON. The depth is counted before parsing, so that nesting costs no stack. `__proto__` is a key like any
 * other. Numbers that a double cannot hold keep their text: `JSON.stringify` of the value gives them back unchanged.
 * @returns A 400 when it is not UTF-8, too deep, or not JSON.
 */
export function parseJson(bytes: Uint8Array): Json {
  const text = decode(bytes);
  return text === null ? NOT_UTF8 : parseText(text);
}

/** Events in JSON, or why they are refused. */
export type JsonEvents =
  | { readonly ok: true; readonly cut: readonly CutEvent[] }
  | { readonly ok: true; readonly cut: null; readonly value: unknown }
  | Extract<Json, { ok: false }>;

/**
 * {@link parseJson} of one event, or of an array of events; where nothing is unusual they are cut out, and their data
 * is left as the text that it is.
 */
export function parseEvents(bytes: Uint8Array, batch: boolean): JsonEvents {
  const text = decode(bytes);
  if (text === null) return NOT_UTF8;
  const cut = cutEvents(bytes, text, batch, MAX_JSON_DEPTH);
  if (cut !== null) return { ok: true, cut };
  const json = parseText(text);
  return json.ok ? { ok: true, cut: null, value: json.value } : json;
}

function parseText(text: string): Json {
  const { depth, suspicious } = look(text);
  if (depth > MAX_JSON_DEPTH) {
    return refuse("body_too_deep", `The body nests deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  try {
    return { ok: true, value: suspicious ? sourceText.parse(text, exact) : JSON.parse(text) };
  } catch {
    return refuse("body_not_json", "The body is not JSON.");
  }
}

/** Is it a JSON object, neither array nor null? */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function exact(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context.source === undefined || String(value) === context.source) return value;
  return sourceText.rawJSON(context.source);
}

function decode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** What can be told of JSON without parsing it. */
interface Look {
  /** Deepest nesting of brackets; past the limit it may be more. */
  readonly depth: number;
  /** There is a number that a double may not hold: 16 digits or more, an exponent, a negative zero. */
  readonly suspicious: boolean;
}

const QUOTE = 0x22, MINUS = 0x2d, POINT = 0x2e, ZERO = 0x30, NINE = 0x39, BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d, CAPITAL_E = 0x45, SMALL_E = 0x65;

/**
 * One pass over what is outside of strings. What is inside must not count: nearly every UUID holds `-0` or `3e`, and
 * parsing with the source text of each value takes ten times as long.
 */
function look(text: string): Look {
  let depth = 0, deepest = 0, digits = 0, previous = 0;
  let suspicious = false;
  for (let at = 0; at < text.length && deepest <= MAX_JSON_DEPTH; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      suspicious ||= ++digits >= SUSPICIOUS_DIGITS || (code === ZERO && previous === MINUS);
    } else if (code === POINT) digits++;
    else {
      suspicious ||= digits > 0 && (code === SMALL_E || code === CAPITAL_E);
      digits = 0;
      if (code === QUOTE) at = endOfString(text, at + 1);
      else if (code === OPEN_ARRAY || code === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
      else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
    }
    previous = code;
  }
  return { depth: deepest, suspicious };
}

/** Where the quote is that ends a string; the length where there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

function refuse(code: string, detail: string): Extract<Json, { ok: false }> {
  return { ok: false, problem: { status: 400, code, title: "Invalid body", detail } };
}

const NOT_UTF8 = refuse("body_not_utf8", "The body is not UTF-8.");
