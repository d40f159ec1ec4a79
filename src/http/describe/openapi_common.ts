/**
 * What the operations of `/openapi.json` have in common.
 * @module
 */
import type { RouteDoc } from "../route_doc.ts";

/** In the order in which they are shown. */
export const TAGS: readonly { readonly name: RouteDoc["tag"]; readonly description: string }[] = [
  { name: "health", description: "Probes. They answer from memory and never wait for Redis." },
  { name: "publishing", description: "Events in." },
  { name: "metrics", description: "Counts and gauges." },
  { name: "admin", description: "What operators see and mend." },
  { name: "descriptions", description: "This document, and that of the events." },
];

/** Taken by every operation. */
export const PARAMETERS = {
  CorrelationId: {
    name: "X-Correlation-ID",
    in: "header",
    description: "1 to 128 of letters, digits, `_.:-`. Comes back, reaches the logs and travels with the event.",
    schema: { type: "string", pattern: "^[A-Za-z0-9_.:-]{1,128}$" },
  },
  Traceparent: {
    name: "traceparent",
    in: "header",
    description: "W3C trace context. Travels with the event.",
    schema: { type: "string" },
  },
} as const;

/** That answers may have. */
export const HEADERS = {
  "X-Correlation-ID": { description: "Given, or made.", schema: { type: "string" } },
  "Retry-After": { description: "Seconds.", schema: { type: "integer", minimum: 1 } },
  "WWW-Authenticate": { description: "Always `Bearer`.", schema: { type: "string" } },
  ETag: { description: "For `If-None-Match`.", schema: { type: "string" } },
} as const;

/** Wanted where the service has a token. */
export const SECURITY_SCHEMES = {
  apiToken: { type: "http", scheme: "bearer", description: "`API_TOKEN`" },
  adminToken: { type: "http", scheme: "bearer", description: "`ADMIN_TOKEN`" },
} as const;
