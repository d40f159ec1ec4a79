/**
 * Identifiers that tie a request to its log lines, its event and its handler.
 * @module
 */

/** What identifies one request. */
export interface Correlation {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ . : -`. */
  readonly correlationId: string;
  /** W3C trace context as it came in; absent where none came, or a malformed one. */
  readonly traceparent?: string;
  /** The trace id of `traceparent`, 32 hex digits. */
  readonly traceId?: string;
}

const SAFE_ID = /^[\w.:-]{1,128}$/;
/** version - trace id - parent id - flags; neither id all zero; version `ff` is forbidden. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Takes `X-Correlation-ID` where it is harmless, else the trace id of a valid `traceparent`, else makes one. A hostile
 * value is replaced, never repeated: it would end up in logs, metrics and other people's terminals.
 * @param newId Makes an id. Default: a random UUID.
 */
export function correlationOf(headers: Headers, newId: () => string = () => crypto.randomUUID()): Correlation {
  const given = headers.get("x-correlation-id");
  const traceparent = headers.get("traceparent") ?? "";
  const traceId = TRACEPARENT.exec(traceparent)?.[1];
  const correlationId = given !== null && SAFE_ID.test(given) ? given : traceId ?? newId();
  return traceId === undefined ? { correlationId } : { correlationId, traceparent, traceId };
}
