/**
 * The probes. They answer from memory and never wait for Redis.
 * @module
 */
import type { HealthView } from "../health/report.ts";
import { jsonResponse, textResponse } from "./problem.ts";
import type { RouteDoc } from "./route_doc.ts";
import type { Route } from "./routes.ts";

/** `/health/live`, `/health/ready`, `/health` and `/health-check`. */
export function healthRoutes(health: HealthView): readonly Route[] {
  return [
    { method: "GET", pattern: "/health/live", doc: DOCS.live, handle: () => live(health) },
    { method: "GET", pattern: "/health/ready", doc: DOCS.ready, handle: () => ready(health) },
    { method: "GET", pattern: "/health", doc: DOCS.report, handle: () => report(health) },
    { method: "GET", pattern: "/health-check", doc: DOCS.legacy, handle: () => textResponse("ok") },
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

const json = (schema: "Ready" | "NotReady" | "Health") => ({ "application/json": schema }) as const;
const word = (text: string) => ({ "text/plain; charset=utf-8": { const: text } }) as const;

const DOCS = {
  live: {
    id: "getLive",
    tag: "health",
    summary: "Does the process work? Never touches Redis.",
    answers: {
      200: { description: "It does.", content: word("OK") },
      503: { description: "A loop of ours is wedged although Redis is usable: restart it.", content: word("STALLED") },
    },
  },
  ready: {
    id: "getReady",
    tag: "health",
    summary: "Does it do its work?",
    answers: {
      200: { description: "It does.", content: json("Ready") },
      503: { description: "It does not, and why.", content: json("NotReady") },
    },
  },
  report: {
    id: "getHealth",
    tag: "health",
    summary: "The whole picture.",
    answers: {
      200: { description: "Healthy, or degraded with its warnings.", content: json("Health") },
      503: { description: "Unhealthy.", content: json("Health") },
    },
  },
  legacy: {
    id: "getHealthCheck",
    tag: "health",
    summary: "For older load balancers.",
    answers: { 200: { description: "Always.", content: word("ok") } },
  },
} as const satisfies Readonly<Record<string, RouteDoc>>;
