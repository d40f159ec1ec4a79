/**
 * Identifiers that tie a request to its log lines, its event and its handler.
 * @module
 */

import { newTraceparent, traceIdOf } from "../events/trace_context.ts";

/** What identifies one request. */
export interface Correlation {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ . : -`. */
  readonly correlationId: string;
  /** W3C trace context as it came in; absent where none came, or a malformed one, unless {@link traced} made one. */
  readonly traceparent?: string;
  /** The trace id of `traceparent`, 32 hex digits. */
  readonly traceId?: string;
}

const SAFE_ID = /^[\w.:-]{1,128}$/;

/**
 * Takes `X-Correlation-ID` where it is harmless, else the trace id of a valid `traceparent`, else makes one. A hostile
 * value is replaced, never repeated: it would end up in logs, metrics and other people's terminals.
 * @param newId Makes an id. Default: a random UUID.
 */
export function correlationOf(headers: Headers, newId: () => string = () => crypto.randomUUID()): Correlation {
  const given = headers.get("x-correlation-id");
  const traceparent = headers.get("traceparent") ?? "";
  const traceId = traceIdOf(traceparent);
  const correlationId = given !== null && SAFE_ID.test(given) ? given : traceId ?? newId();
  return traceId === null ? { correlationId } : { correlationId, traceparent, traceId };
}

/**
 * Gives a request that came without a trace one, so that its log lines and its events can be found by it.
 * @param current W3C traceparent of the span around the request; undefined where nothing traces.
 */
export function traced(correlation: Correlation, current?: string): Correlation {
  if (correlation.traceparent !== undefined) return correlation;
  const traceparent = current ?? newTraceparent();
  return { correlationId: correlation.correlationId, traceparent, traceId: traceparent.slice(3, 35) };
}
