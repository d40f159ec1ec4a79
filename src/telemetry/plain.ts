/**
 * Turns any value into plain data of a bounded size, without ever throwing.
 *
 * Properties of a log line come from anywhere: event data, foreign errors, objects with getters that throw. What comes
 * out is safe for `JSON.stringify`, holds no secret, and has no prototype that a key like `__proto__` could reach.
 * @module
 */
import { cut, isSecretName, REDACTED, type Redactor } from "./redact.ts";

/** Data that JSON can carry. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainFields;

/** An object without a prototype. */
export interface PlainFields {
  [name: string]: Plain;
}

/** How values are cleaned. */
export interface PlainOptions {
  readonly redactor: Redactor;
  /** Whether errors keep their stack. */
  readonly stack: boolean;
}

const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
/** Of one line, whatever its shape: a value beyond them is `[more]`. Several times what a line can hold. */
const MAX_NODES = 1_000;
const MAX_CHARACTERS = 65_536;
const MAX_TEXT = 8_192;
const MAX_NAME = 128;

const MORE = "[more]";

interface Walk extends PlainOptions {
  /** What is left of both. */
  nodes: number;
  characters: number;
  /** The objects that lead here: one that comes again is a circle, one that merely repeats is not. */
  readonly path: unknown[];
}

/**
 * Cleans layers of fields into one object; later layers win.
 * A layer that is an `Error` becomes the field `error`, any other that is no plain container the field `value`.
 */
export function toPlainFields(layers: readonly unknown[], options: PlainOptions): PlainFields {
  const walk: Walk = { ...options, nodes: MAX_NODES, characters: MAX_CHARACTERS, path: [] };
  const fields = emptyFields();
  for (const layer of layers) addLayer(fields, layer, walk);
  return fields;
}

/** An object that no key can surprise. */
export function emptyFields(): PlainFields {
  return Object.create(null);
}

function addLayer(fields: PlainFields, layer: unknown, walk: Walk): void {
  if (layer === undefined || layer === null) return;
  const plain = guarded(layer, walk);
  if (isError(layer)) fields["error"] = plain;
  else if (isFields(plain)) Object.assign(fields, plain);
  else fields["value"] = plain;
}

function isFields(plain: Plain): plain is PlainFields {
  return typeof plain === "object" && plain !== null && !Array.isArray(plain);
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** Any step into a foreign object can throw: getters, `toJSON`, proxies, a stack that is used up. */
function guarded(value: unknown, walk: Walk): Plain {
  if (--walk.nodes < 0) return MORE;
  const depth = walk.path.length;
  try {
    return plainOf(value, walk);
  } catch {
    return "[unreadable]";
  } finally {
    walk.path.length = depth;
  }
}

function plainOf(value: unknown, walk: Walk): Plain {
  switch (typeof value) {
    case "string":
      return plainText(value, walk);
    case "number":
      return plainNumber(value, walk.redactor);
    case "bigint":
      return plainText(value.toString(), walk);
    case "boolean":
      return value;
    case "symbol":
      return plainText(value.toString(), walk);
    case "function":
      return "[function]";
    case "object":
      return value === null ? null : plainObject(value, walk);
    default:
      return null;
  }
}

function plainText(text: string, walk: Walk): string {
  if (walk.characters <= 0) return MORE;
  const clean = walk.redactor.bounded(text, MAX_TEXT);
  walk.characters -= clean.length;
  return clean;
}

function plainNumber(value: number, redactor: Redactor): Plain {
  const text = String(value);
  const clean = redactor.field(text);
  return clean === text && Number.isFinite(value) ? value : clean;
}

function plainObject(value: object, walk: Walk): Plain {
  if (walk.path.includes(value)) return "[circular]";
  if (walk.path.length >= MAX_DEPTH) return MORE;
  walk.path.push(value);
  const plain = plainContainer(value, walk);
  walk.path.pop();
  return plain;
}

function plainContainer(value: object, walk: Walk): Plain {
  if (value instanceof Error) return plainError(value, walk);
  if (Array.isArray(value)) return plainList(value, value.length, walk);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Map || value instanceof Headers) return plainPairs(firstOf(value), value, walk);
  if (value instanceof Set) return plainList(firstOf(value), value.size, walk);
  if (value instanceof RegExp) return plainText(String(value), walk);
  const toJson: unknown = Reflect.get(value, "toJSON");
  if (typeof toJson === "function") return guarded(Reflect.apply(toJson, value, [""]), walk);
  return plainKeys(value, walk);
}

function firstOf<T>(values: Iterable<T>): T[] {
  const first: T[] = [];
  for (const value of values) {
    if (first.push(value) > MAX_ITEMS) break;
  }
  return first;
}

function plainList(items: readonly unknown[], length: number, walk: Walk): Plain {
  const plain: Plain[] = [];
  for (let i = 0; i < Math.min(length, MAX_ITEMS); i++) plain.push(guarded(items[i], walk));
  if (length > MAX_ITEMS) plain.push(`[${length - MAX_ITEMS} more]`);
  return plain;
}

function plainPairs(pairs: readonly (readonly [unknown, unknown])[], source: object, walk: Walk): Plain {
  const fields = emptyFields();
  for (const [key, value] of pairs.slice(0, MAX_ITEMS)) {
    const name = typeof key === "string" ? key : String(guarded(key, walk));
    setField(fields, name, () => value, walk);
  }
  const size = source instanceof Map ? source.size : pairs.length;
  if (size > MAX_ITEMS) fields["[more]"] = size - MAX_ITEMS;
  return fields;
}

function plainKeys(value: object, walk: Walk): Plain {
  const fields = emptyFields();
  const names = Object.keys(value);
  for (const name of names.slice(0, MAX_ITEMS)) setField(fields, name, () => Reflect.get(value, name), walk);
  if (names.length > MAX_ITEMS) fields["[more]"] = names.length - MAX_ITEMS;
  return fields;
}

function setField(fields: PlainFields, name: string, read: () => unknown, walk: Walk): void {
  const key = cut(walk.redactor.bounded(name, MAX_NAME), MAX_NAME + 8);
  let value: unknown;
  try {
    value = read();
  } catch {
    fields[key] = "[unreadable]";
    return;
  }
  if (value === undefined) return;
  const hidden = isSecretName(name) && value !== null && typeof value !== "boolean";
  fields[key] = hidden ? REDACTED : guarded(value, walk);
}

function plainError(error: Error, walk: Walk): Plain {
  const fields = emptyFields();
  const names = ["name", "code", "message", ...(walk.stack ? ["stack"] : []), "errors", "cause"];
  for (const name of names) setField(fields, name, () => Reflect.get(error, name), walk);
  return fields;
}
