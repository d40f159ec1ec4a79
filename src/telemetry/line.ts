/**
 * One log line: its fields, and its two forms. A line is at most 16 KiB with its newline, whatever is in it.
 * @module
 */
import { getAnsiColorFormatter, getTextFormatter, type LogRecord, type TextFormatter } from "@logtape/logtape";
import { escapeJson, escapeText } from "./escape.ts";
import type { LogLevel } from "./logger.ts";
import { emptyFields, type Plain, type PlainFields } from "./plain.ts";
import { CUT } from "./redact.ts";

/** Everything a line says, free of secrets and of plain data only. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly logger: string;
  readonly service: string;
  readonly correlationId?: string;
  readonly traceId?: string;
  /** The record's own fields. None of them has a name of the above. */
  readonly fields: PlainFields;
  /** Names of fields that the message already shows; text leaves them out. Default: none. */
  readonly shown?: ReadonlySet<string>;
}

/** Formats a line, newline included. */
export type LineFormat = (line: LogLine) => Uint8Array<ArrayBuffer>;

/** Bytes of the longest line, newline included. */
export const MAX_LINE_BYTES = 16_384;

/** What a message or a field keeps of itself, in bytes of JSON, once a line is too long. */
const CUT_MESSAGE_BYTES = 4_096;
const CUT_FIELD_BYTES = 1_024;

const encoder = new TextEncoder();

/** One JSON object a line; still valid JSON when it had to be cut, which the field `cut` then says. */
export function jsonFormat(): LineFormat {
  return (line) => {
    const whole = encoder.encode(`${jsonHead(line)}${jsonFields(line.fields)}}\n`);
    return whole.length <= MAX_LINE_BYTES ? whole : encoder.encode(cutJson(line));
  };
}

function jsonHead(line: LogLine): string {
  let json = `{"time":"${isoTime(line.timeMs)}","level":"${line.level}","message":${toJson(line.message)}`;
  json += `,"logger":${toJson(line.logger)},"service":${toJson(line.service)}`;
  if (line.correlationId !== undefined) json += `,"correlationId":${toJson(line.correlationId)}`;
  if (line.traceId !== undefined) json += `,"traceId":${toJson(line.traceId)}`;
  return json;
}

function isoTime(timeMs: number): string {
  // A clock that is out of range must not cost the line.
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : new Date(0).toISOString();
}

function jsonFields(fields: PlainFields): string {
  let json = "";
  for (const name in fields) json += `,${toJson(name)}:${toJson(fields[name] ?? null)}`;
  return json;
}

function toJson(value: Plain): string {
  return escapeJson(JSON.stringify(value));
}

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

function cutJson(line: LogLine): string {
  const head = jsonHead({ ...line, message: cutToJsonBytes(line.message, CUT_MESSAGE_BYTES) });
  const tail = `,"cut":true}\n`;
  let room = MAX_LINE_BYTES - bytesOf(head) - tail.length;
  let json = head;
  for (const name in line.fields) {
    if (name === "cut") continue;
    const field = emptyFields();
    field[name] = cutField(line.fields[name] ?? null);
    const text = jsonFields(field);
    if (bytesOf(text) > room) continue;
    json += text;
    room -= bytesOf(text);
  }
  return json + tail;
}

function cutField(value: Plain): Plain {
  const json = toJson(value);
  if (bytesOf(json) <= CUT_FIELD_BYTES) return value;
  return cutToJsonBytes(typeof value === "string" ? value : json, CUT_FIELD_BYTES);
}

/** The longest beginning, about, whose JSON fits; marked when it is not the whole. */
function cutToJsonBytes(text: string, limit: number): string {
  let kept = text;
  for (let size = bytesOf(toJson(kept)); size > limit; size = bytesOf(toJson(kept + CUT))) {
    kept = kept.slice(0, Math.min(kept.length - 1, Math.floor(kept.length * limit / size)));
  }
  return kept === text ? text : kept + CUT;
}

/**
 * For people: time in `timezone`, level, logger, message, then `name=value` of the fields.
 * @param timezone IANA name.
 * @param color ANSI colours for time, level and logger.
 * @throws {TypeError} Unknown time zone.
 */
export function textFormat(timezone: string, color: boolean): LineFormat {
  const format = logTapeFormat(timezone, color);
  return (line) => {
    const bytes = encoder.encode(format(recordOf(line)));
    return bytes.length <= MAX_LINE_BYTES ? bytes : cutText(bytes);
  };
}

function logTapeFormat(timezone: string, color: boolean): TextFormatter {
  const make = color ? getAnsiColorFormatter : getTextFormatter;
  return make({
    timestamp: "rfc3339",
    // Left out, LogTape computes UTC itself, which is several times faster than asking Intl.
    ...(timezone === "UTC" ? {} : { timeZone: timezone }),
    level: (level) => level === "warning" ? "WARN " : level.toUpperCase().padEnd(5),
    category: ".",
    // The text is escaped as a whole in recordOf: LogTape's own leaves bidi overrides and U+2028 alone.
    value: (value) => String(value),
    sanitize: false,
    format: ({ timestamp, level, category, message }) => `${timestamp} ${level} ${category}: ${message}`,
  });
}

const LOGTAPE_LEVEL = { DEBUG: "debug", INFO: "info", WARN: "warning", ERROR: "error" } as const;

function recordOf(line: LogLine): LogRecord {
  const text = escapeText(line.message + textFields(line));
  return {
    category: [escapeText(line.logger)],
    level: LOGTAPE_LEVEL[line.level],
    message: [text],
    rawMessage: text,
    timestamp: Math.abs(line.timeMs) <= 8.64e15 ? line.timeMs : 0,
    properties: {},
  };
}

function textFields(line: LogLine): string {
  let text = "";
  for (const name in line.fields) {
    if (!line.shown?.has(name)) text += ` ${token(name)}=${token(line.fields[name] ?? null)}`;
  }
  text += ` service=${token(line.service)}`;
  if (line.correlationId !== undefined) text += ` correlationId=${token(line.correlationId)}`;
  if (line.traceId !== undefined) text += ` traceId=${token(line.traceId)}`;
  return text;
}

/** Bare where nobody can misread it, else as JSON. */
function token(value: Plain): string {
  return typeof value === "string" && /^[^\s"=\\]+$/.test(value) ? value : JSON.stringify(value);
}

function cutText(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const mark = encoder.encode(` ${CUT}\n`);
  let end = MAX_LINE_BYTES - mark.length;
  // Not through a character: bytes 10xxxxxx continue one.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  const line = new Uint8Array(end + mark.length);
  line.set(bytes.subarray(0, end));
  line.set(mark, end);
  return line;
}
