/**
 * Structured logging: from a call of a logger to a line on stdout.
 *
 * record → plain data without secrets → one escaped line → bounded queue → stdout.
 * @module
 */
import type { Clock } from "../clock.ts";
import { jsonFormat, type LineFormat, type LogLine, textFormat } from "./line.ts";
import { LineWriter, type WriteChunk } from "./line_writer.ts";
import { currentLogContext, type LogContext } from "./log_context.ts";
import { type LogEntry, type Logger, type LogLevel, makeLogger } from "./logger.ts";
import { emptyFields, type Plain, type PlainFields, toPlainFields } from "./plain.ts";
import { Redactor } from "./redact.ts";
import { Templates } from "./template.ts";

/** Settings of {@link createLogging}. */
export interface LoggingOptions {
  /** Least severity that is written. */
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** IANA name, for the time in text; JSON is always UTC. */
  readonly timezone: string;
  /** The field `service`. */
  readonly serviceName: string;
  /** Values that must never be written. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  /** Where lines go. Default: {@link writeStdout}. */
  readonly write?: WriteChunk;
  /** Bytes that may wait to be written. Default 1 MiB. */
  readonly highWaterBytes?: number;
  /** ANSI colours in text. Default false. `NO_COLOR` in the environment wins. */
  readonly color?: boolean;
  /** Default: whether `NO_COLOR` is set. */
  readonly noColor?: boolean;
}

/** The logging of one service. Shares nothing with another in the same process but stdout. */
export interface Logging extends AsyncDisposable {
  /** @param name Which part speaks, `stream.consumer`: the field `logger`. */
  logger(name: string): Logger;
  /** Lines that were not written, since the start. */
  dropped(): number;
  /** A further value that must never be written, for a password file that was read again. */
  addSecret(secret: string): void;
  /** A text as a log line would show it: no secret, at most 8,192 characters. For what is told in other ways. */
  redact(text: string): string;
  /** A text of any length without the values that must never be written. */
  mask(text: string): string;
  /** Waits at most `timeoutMs` until all is written. @returns Whether it is. */
  flush(timeoutMs: number): Promise<boolean>;
}

const DEFAULT_HIGH_WATER_BYTES = 1_048_576;
const DISPOSE_TIMEOUT_MS = 1_000;
/** What people changed is written whatever the level. */
const AUDIT = "audit";
const MAX_MESSAGE = 8_192;
const MAX_IDENTIFIER = 256;

/** Writes to stdout on a thread, so that a stalled reader does not stall the event loop. */
export function writeStdout(chunk: Uint8Array<ArrayBuffer>): Promise<number> {
  return Deno.stdout.write(chunk);
}

/**
 * Makes the logging of a service. Disposing it flushes for at most a second; later lines are counted as dropped.
 * @throws {TypeError} Unknown time zone, in text.
 */
export function createLogging(options: LoggingOptions): Logging {
  const redactor = new Redactor(options.secrets);
  const compose = composer(options, redactor);
  const format = formatOf(options);
  const gapLine = (dropped: number): Uint8Array<ArrayBuffer> =>
    format(
      compose({ level: "WARN", logger: "log", template: "{dropped} log lines dropped", layers: [{ dropped }] }, {}),
    );
  const { clock, write = writeStdout, highWaterBytes = DEFAULT_HIGH_WATER_BYTES } = options;
  const writer = new LineWriter({ write, clock, highWaterBytes, gapLine });
  return {
    logger: (name) =>
      makeLogger(name === AUDIT ? "INFO" : options.level, name, (entry) => {
        if (writer.ended) return writer.drop(1);
        try {
          writer.offer(format(compose(entry, currentLogContext())));
        } catch {
          // Whatever a value does to us, whoever logs must not suffer.
          writer.drop(1);
        }
      }),
    dropped: () => writer.dropped,
    addSecret: (secret) => redactor.add(secret),
    redact: (text) => redactor.bounded(text, MAX_MESSAGE),
    mask: (text) => redactor.text(text),
    flush: (timeoutMs) => writer.flush(timeoutMs),
    [Symbol.asyncDispose]: () => writer.close(DISPOSE_TIMEOUT_MS),
  };
}

function formatOf(options: LoggingOptions): LineFormat {
  if (options.format === "json") return jsonFormat();
  return textFormat(options.timezone, options.color === true && !(options.noColor ?? Deno.noColor));
}

function composer(options: LoggingOptions, redactor: Redactor): (entry: LogEntry, context: LogContext) => LogLine {
  const templates = new Templates();
  const service = redactor.bounded(options.serviceName, MAX_IDENTIFIER);
  return (entry, context) => {
    const stack = options.level === "DEBUG" || entry.layers.some(isServerError);
    const given = toPlainFields(entry.layers, { redactor, stack });
    const message = templates.render(entry.template, given);
    return {
      timeMs: options.clock.now(),
      level: entry.level,
      message: redactor.bounded(message, MAX_MESSAGE),
      logger: redactor.bounded(entry.logger, MAX_IDENTIFIER),
      service,
      ...identifiers(given, context, redactor),
      fields: ownFields(given, context),
      shown: templates.names(entry.template),
    };
  };
}

/** A stack is worth its bytes where a fault of ours is told: fields with a `status` of 500 or more. */
function isServerError(layer: unknown): boolean {
  try {
    return typeof layer === "object" && layer !== null && Number(Reflect.get(layer, "status")) >= 500;
  } catch {
    return false;
  }
}

const OURS: ReadonlySet<string> = new Set(["time", "level", "message", "logger", "service"]);

function identifiers(given: PlainFields, context: LogContext, redactor: Redactor): LogContext {
  const pick = (fromContext: string | undefined, fromFields: Plain | undefined): string | undefined => {
    const value = fromContext ?? fromFields;
    return typeof value === "string" ? redactor.bounded(value, MAX_IDENTIFIER) : undefined;
  };
  const correlationId = pick(context.correlationId, given["correlationId"]);
  const traceId = pick(context.traceId, given["traceId"]);
  return { ...(correlationId === undefined ? {} : { correlationId }), ...(traceId === undefined ? {} : { traceId }) };
}

/** Fields with a name of ours get a `_` before it: event data that is logged must not forge level or time. */
function ownFields(given: PlainFields, context: LogContext): PlainFields {
  const fields = emptyFields();
  for (const name in given) {
    const value = given[name] ?? null;
    if (name === "correlationId" || name === "traceId") {
      if (typeof value === "string" && (context[name] ?? value) === value) continue;
      fields[`_${name}`] = value;
    } else fields[OURS.has(name) ? `_${name}` : name] = value;
  }
  return fields;
}
