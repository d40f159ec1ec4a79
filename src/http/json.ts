/**
 * JSON from strangers.
 * @module
 */
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
/** A number that a double may not hold: 16 digits or more, an exponent, a negative zero. */
const SUSPICIOUS_NUMBER = /\d[\d.]{15}|\d[eE]|-0/;
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
  if (text === null) return refuse("body_not_utf8", "The body is not UTF-8.");
  if (depthOf(text) > MAX_JSON_DEPTH) {
    return refuse("body_too_deep", `The body nests deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  try {
    return { ok: true, value: SUSPICIOUS_NUMBER.test(text) ? sourceText.parse(text, exact) : JSON.parse(text) };
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
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** Deepest nesting of brackets outside of strings. Stops looking once it is past the limit. */
function depthOf(text: string): number {
  let depth = 0, deepest = 0, inString = false;
  for (let i = 0; i < text.length && deepest <= MAX_JSON_DEPTH; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

function refuse(code: string, detail: string): Json {
  return { ok: false, problem: { status: 400, code, title: "Invalid body", detail } };
}
