/**
 * What every log line of one request or one attempt carries, without being passed along.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Identifiers that tie lines together. */
export interface LogContext {
  /** `X-Correlation-ID` of the request, or `correlationid` of the event. */
  readonly correlationId?: string;
  /** Trace id of the W3C `traceparent`, 32 hex digits. */
  readonly traceId?: string;
}

// A key into the asynchronous context, not state: what it holds belongs to the caller of withLogContext alone, so two
// services in one process cannot see each other's.
const storage = new AsyncLocalStorage<LogContext>();

const NONE: LogContext = Object.freeze({});

/**
 * Runs `fn`, and all that it starts, with these identifiers on each log line. What is absent is inherited.
 * @returns What `fn` returns.
 */
export function withLogContext<T>(context: LogContext, fn: () => T): T {
  return storage.run({ ...storage.getStore(), ...context }, fn);
}

/** The identifiers in force here; an empty object outside of {@link withLogContext}. */
export function currentLogContext(): LogContext {
  return storage.getStore() ?? NONE;
}
