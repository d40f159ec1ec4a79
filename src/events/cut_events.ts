/**
 * Events in JSON, cut out of the bytes that came: making objects of data, only to write them again, was the larger part of
 * what it cost to publish a batch, and making objects of the rest was half of what was left.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  afterColon,
  afterSpace,
  JsonText,
  NONE,
  plainStringEnd,
  startsWith,
  stringEnd,
  valueEnd,
} from "./json_text.ts";

/** The members of one event. What is `null` counts as absent, as the format says. */
export class CutEvent {
  specversion: string | undefined = undefined;
  id: string | undefined = undefined;
  type: string | undefined = undefined;
  source: string | undefined = undefined;
  subject: string | undefined = undefined;
  time: string | undefined = undefined;
  datacontenttype: string | undefined = undefined;
  /** `null` is data. */
  data: JsonText | undefined = undefined;
  /** Every other member; strings, and the text of integers and booleans. */
  extensions: Record<string, string> | undefined = undefined;
}

type Attribute = Exclude<keyof CutEvent, "data" | "extensions">;

const QUOTE = 0x22, COMMA = 0x2c, SMALL_N = 0x6e;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;
/** Values that are written as they are to be read. An integer of more digits may be more than a double holds. */
const PLAIN = /^(?:true|false|0|-?[1-9]\d{0,14})$/;
const ATTRIBUTES: readonly Attribute[] = ["id", "type", "source", "time", "subject", "specversion", "datacontenttype"];
const encoder = new TextEncoder();
/** By length, which tells nearly all apart. */
const NAMES = Array.from(
  { length: 16 },
  (_, length) =>
    [...ATTRIBUTES, "data" as const, "data_base64" as const].filter((name) => name.length === length)
      .map((name) => ({ name, bytes: encoder.encode(name) })),
);

/**
 * Cuts one event, or each of an array of events, and checks all of the text on the way.
 * @param bytes UTF-8. @param text The same as text.
 * @param maxDepth Deepest nesting of arrays and objects.
 * @returns Null where there is anything that is not quite usual: no JSON, too deep, not events, a name twice or with an
 *   escape, an attribute that is no string. Then the text is to be parsed as a whole, which knows what is wrong.
 */
export function cutEvents(
  bytes: Uint8Array,
  text: string,
  batch: boolean,
  maxDepth: number,
): readonly CutEvent[] | null {
  return new Cutter(bytes, text).cut(batch, maxDepth);
}

/** See {@link cutEvents}. */
class Cutter {
  readonly #bytes: Uint8Array;
  /** Null where a character may be more than one byte, and the places in text and bytes are others. */
  readonly #text: string | null;
  /** The same bytes, where they are to be read: made once, since making it costs more than reading a short text. */
  readonly #buffer: Buffer | null;
  readonly #events: CutEvent[] = [];
  /** Most of what it says is what the next event says. */
  #last = new CutEvent();

  constructor(bytes: Uint8Array, text: string) {
    this.#bytes = bytes;
    this.#text = bytes.length === text.length ? text : null;
    this.#buffer = this.#text === null ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : null;
  }

  cut(batch: boolean, maxDepth: number): readonly CutEvent[] | null {
    const first = afterSpace(this.#bytes, 0);
    const end = batch ? this.#eventsEnd(first, maxDepth) : this.#eventEnd(first, maxDepth);
    return end === NONE || afterSpace(this.#bytes, end) !== this.#bytes.length ? null : this.#events;
  }

  #eventsEnd(from: number, maxDepth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== OPEN_ARRAY) return NONE;
    let at = afterSpace(bytes, from + 1);
    if (bytes[at] === CLOSE_ARRAY) return at + 1;
    for (;;) {
      at = this.#eventEnd(at, maxDepth - 1);
      if (at === NONE) return NONE;
      at = afterSpace(bytes, at);
      if (bytes[at] === CLOSE_ARRAY) return at + 1;
      if (bytes[at] !== COMMA) return NONE;
      at = afterSpace(bytes, at + 1);
    }
  }

  #eventEnd(from: number, maxDepth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== OPEN_OBJECT) return NONE;
    const event = new CutEvent();
    let at = afterSpace(bytes, from + 1);
    if (bytes[at] !== CLOSE_OBJECT) {
      for (;;) {
        at = this.#memberEnd(event, at, maxDepth - 1);
        if (at === NONE) return NONE;
        at = afterSpace(bytes, at);
        if (bytes[at] === CLOSE_OBJECT) break;
        if (bytes[at] !== COMMA) return NONE;
        at = afterSpace(bytes, at + 1);
      }
    }
    this.#events.push(event);
    this.#last = event;
    return at + 1;
  }

  #memberEnd(event: CutEvent, from: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== QUOTE) return NONE;
    const nameEnd = plainStringEnd(bytes, from + 1);
    if (nameEnd === NONE) return NONE;
    const at = afterColon(bytes, nameEnd);
    if (at === NONE) return NONE;
    const name = nameOf(bytes, from + 1, nameEnd - 1);
    if (name === null) return this.#extensionEnd(event, this.#slice(from + 1, nameEnd - 1), at, depth);
    if (name === "data_base64") return NONE;
    if (event[name] !== undefined) return NONE;
    if (name !== "data") return this.#attributeEnd(event, name, at, depth);
    const end = valueEnd(bytes, at, depth);
    if (end !== NONE) event.data = new JsonText(this.#slice(at, end));
    return end;
  }

  #attributeEnd(event: CutEvent, name: Attribute, from: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== QUOTE) return bytes[from] === SMALL_N ? valueEnd(bytes, from, depth) : NONE;
    const end = plainStringEnd(bytes, from + 1);
    if (end === NONE) return this.#escapedEnd(event, name, from);
    if (name === "id" || name === "time" || name === "subject") event[name] = this.#slice(from + 1, end - 1);
    else event[name] = this.#sharedText(this.#last[name], from, end);
    return end;
  }

  #escapedEnd(event: CutEvent, name: Attribute, from: number): number {
    const end = stringEnd(this.#bytes, from + 1);
    if (end !== NONE) event[name] = JSON.parse(this.#slice(from, end)) as string;
    return end;
  }

  /** A text of its own: what is kept for longer than the event must not keep the whole body with it. */
  #sharedText(last: string | undefined, from: number, end: number): string {
    const same = last !== undefined && last.length === end - from - 2 && this.#text?.startsWith(last, from + 1);
    return same ? last : JSON.parse(this.#slice(from, end)) as string;
  }

  #extensionEnd(event: CutEvent, name: string, from: number, depth: number): number {
    const bytes = this.#bytes;
    if (event.extensions !== undefined && name in event.extensions) return NONE;
    const end = valueEnd(bytes, from, depth);
    if (end === NONE) return NONE;
    const text = this.#slice(from, end);
    if (text === "null") return end;
    if (bytes[from] !== QUOTE && !PLAIN.test(text)) return NONE;
    // Without a prototype every name is safe, `__proto__` too; it is refused later, like every bad name.
    event.extensions ??= Object.create(null) as Record<string, string>;
    event.extensions[name] = bytes[from] === QUOTE ? JSON.parse(text) as string : text;
    return end;
  }

  #slice(from: number, to: number): string {
    return this.#text?.slice(from, to) ?? this.#buffer!.toString("utf8", from, to);
  }
}

function nameOf(bytes: Uint8Array, from: number, to: number): Attribute | "data" | "data_base64" | null {
  const length = to - from;
  if (length >= NAMES.length) return null;
  for (const known of NAMES[length]!) if (startsWith(bytes, from, known.bytes)) return known.name;
  return null;
}
