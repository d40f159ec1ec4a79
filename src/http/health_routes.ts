/**
 * The probes. They answer from memory and never wait for Redis.
 * @module
 */
import type { HealthView } from "../health/report.ts";
import { jsonResponse, textResponse } from "./problem.ts";
import type { Route } from "./routes.ts";

/** `/health/live`, `/health/ready`, `/health` and `/health-check`. */
export function healthRoutes(health: HealthView): readonly Route[] {
  return [
    { method: "GET", pattern: "/health/live", handle: () => live(health) },
    { method: "GET", pattern: "/health/ready", handle: () => ready(health) },
    { method: "GET", pattern: "/health", handle: () => report(health) },
    { method: "GET", pattern: "/health-check", handle: () => textResponse("ok") },
  ];
}

function live(health: HealthView): Response {
  return health.live() ? textResponse("OK") : textResponse("STALLED", 503);
}

function ready(health: HealthView): Response {
  const readiness = health.ready();
  return jsonResponse(readiness, readiness.status === "ready" ? 200 : 503);
}

function report(health: HealthView): Response {
  const document = health.report();
  return jsonResponse(document, document.status === "unhealthy" ? 503 : 200);
}
