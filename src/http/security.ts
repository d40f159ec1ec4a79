/**
 * What every response carries, errors included.
 * @module
 */
import type { Correlation } from "./correlation.ts";

/** Set where the route has not chosen otherwise; a page may need a wider content security policy, never none. */
const DEFAULTS: readonly (readonly [string, string])[] = [
  ["Cache-Control", "no-store"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
];

/** Adds the security headers and the identifiers of the request. Changes the response in place and returns it. */
export function finish(response: Response, correlation: Correlation): Response {
  const { headers } = response;
  for (const [name, value] of DEFAULTS) {
    if (!headers.has(name)) headers.set(name, value);
  }
  headers.set("X-Correlation-ID", correlation.correlationId);
  if (correlation.traceparent !== undefined) headers.set("traceparent", correlation.traceparent);
  return response;
}
