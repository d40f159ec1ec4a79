/**
 * `GET /metrics`.
 * @module
 */
import { problemResponse } from "./problem.ts";
import type { RouteDoc } from "./route_doc.ts";
import type { Route } from "./routes.ts";

/** Gives everything as Prometheus text; implemented by `telemetry/metrics.ts`. */
export interface MetricsView {
  /** @throws There are no metrics to give. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Prometheus text, or 503 where the library could not be loaded. Needs no token: nothing in it is secret. */
export function metricsRoute(metrics: MetricsView): Route {
  return {
    method: "GET",
    pattern: "/metrics",
    doc: DOC,
    handle: async (_request, { correlationId }) => {
      const exposition = await metrics.expose().catch(() => null);
      if (exposition === null) {
        return problemResponse({ status: 503, code: "metrics_unavailable", title: "No metrics" }, correlationId);
      }
      return new Response(exposition.text, { headers: { "Content-Type": exposition.contentType } });
    },
  };
}

const DOC: RouteDoc = {
  id: "getMetrics",
  tag: "metrics",
  summary: "Everything that is counted, as Prometheus text.",
  answers: {
    200: {
      description: "The text exposition format.",
      content: { "text/plain; version=0.0.4; charset=utf-8": { type: "string" } },
    },
  },
  problems: { 503: ["metrics_unavailable"] },
};
