/**
 * W3C Trace Context, level 1: `traceparent`, as headers and events carry it.
 * @module
 */

/** version - trace id - parent id - flags; neither id all zero; version `ff` is forbidden. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns The trace id, 32 hex digits; null where there is no traceparent, or a malformed one. */
export function traceIdOf(traceparent: string | null | undefined): string | null {
  return TRACEPARENT.exec(traceparent ?? "")?.[1] ?? null;
}

/** @returns What was given, where that is a traceparent; else a new one. */
export function traceOr(given: string | undefined): string {
  return given !== undefined && traceIdOf(given) !== null ? given : newTraceparent();
}

/**
 * A new trace; sampled, so that whoever collects traces further on sees it.
 * @param newId Makes a random UUID.
 */
export function newTraceparent(newId: () => string = () => crypto.randomUUID()): string {
  const [trace, parent] = [newId(), newId()];
  // Cut by hand: this is done for every request that comes without a trace.
  return `00-${trace.slice(0, 8)}${trace.slice(9, 13)}${trace.slice(14, 18)}${trace.slice(19, 23)}${trace.slice(24)}-` +
    `${parent.slice(19, 23)}${parent.slice(24)}-01`;
}
