/**
 * A logger that keeps what it is told, for tests.
 * @module
 */
import { currentLogContext, type LogContext } from "./log_context.ts";
import { type Logger, type LogLevel, makeLogger } from "./logger.ts";
import { type PlainFields, toPlainFields } from "./plain.ts";
import { Redactor } from "./redact.ts";
import { Templates } from "./template.ts";

/** One kept line. */
export interface RecordedLine {
  readonly level: LogLevel;
  readonly logger: string;
  /** The constant text: what tests should compare with. */
  readonly template: string;
  /** The text with its placeholders replaced. */
  readonly message: string;
  /** Plain copies of all fields, those of `child` included. */
  readonly fields: Readonly<PlainFields>;
  readonly context: LogContext;
}

/** A logger and what it was told, in order. */
export interface RecordingLogger {
  readonly logger: Logger;
  /** Grows as lines come; may be emptied with `length = 0`. */
  readonly records: RecordedLine[];
}

/**
 * Makes one.
 * @param level Least severity that is kept. Default `DEBUG`.
 * @param name Name of the logger. Default `test`.
 */
export function recordingLogger(level: LogLevel = "DEBUG", name = "test"): RecordingLogger {
  const records: RecordedLine[] = [];
  const templates = new Templates();
  const redactor = new Redactor([]);
  const logger = makeLogger(level, name, ({ level, logger, template, layers }) => {
    const fields = toPlainFields(layers, { redactor, stack: true });
    const message = templates.render(template, fields);
    records.push({ level, logger, template, message, fields, context: currentLogContext() });
  });
  return { logger, records };
}
