/**
 * The logger that the whole service, and every handler, writes to.
 *
 * LogTape configures one registry on `globalThis`: a second `configure` throws or replaces the first, so two services in
 * one process, or a service inside a program that uses LogTape itself, would take each other's sinks away. That is why
 * loggers here are plain values made by {@link makeLogger}, and of LogTape only record and formatter are used.
 * @module
 */

/** Severity, from the least to the most. */
export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";

const RANK: Readonly<Record<LogLevel, number>> = Object.freeze({ DEBUG: 0, INFO: 1, WARN: 2, ERROR: 3 });

/**
 * Writes one line. `template` is a constant text; `{name}` in it is replaced by that property, `{a.b}` by a nested one,
 * `{{` and `}}` are literal braces. Every property also becomes a field of the line, whether the template names it or
 * not. An `Error` given as `properties` becomes the field `error`. Never throws, never blocks.
 */
export type LogMethod = (template: string, properties?: object) => void;

/** Writes lines under one name. The methods need no `this`. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds these fields to each line; those of a call win over them. */
  child(fields: object): Logger;
}

/** One call of a logger, not yet formatted. */
export interface LogEntry {
  readonly level: LogLevel;
  /** Name of the logger, `stream.consumer`. */
  readonly logger: string;
  readonly template: string;
  /** Fields from `child`, outermost first, then the properties of the call. Untrusted: anything may be in them. */
  readonly layers: readonly unknown[];
}

/** Takes entries that passed the level. */
export type LogTarget = (entry: LogEntry) => void;

/**
 * Makes a logger.
 * @param level Least severity that is passed on; methods below it do nothing at all.
 * @param name Name of the logger.
 * @param target Takes each entry; must not throw.
 */
export function makeLogger(level: LogLevel, name: string, target: LogTarget): Logger {
  return build(RANK[level], name, target, []);
}

/** True when `level` is at least as severe as `least`. */
export function reaches(level: LogLevel, least: LogLevel): boolean {
  return RANK[level] >= RANK[least];
}

const nothing: LogMethod = () => {};

function build(rank: number, logger: string, target: LogTarget, bound: readonly unknown[]): Logger {
  const method = (level: LogLevel): LogMethod =>
    RANK[level] < rank ? nothing : (template, properties) => {
      target({ level, logger, template, layers: properties === undefined ? bound : [...bound, properties] });
    };
  return {
    debug: method("DEBUG"),
    info: method("INFO"),
    warn: method("WARN"),
    error: method("ERROR"),
    child: (fields) => build(rank, logger, target, [...bound, fields]),
  };
}
