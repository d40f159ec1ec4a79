/**
 * The HTTP side of the composition: which routes there are, and what they are given.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Config } from "../config/types.ts";
import type { HealthView } from "../health/report.ts";
import type { EventPublisher } from "../http/deps.ts";
import type { KnownHandlers } from "../http/describe/facts.ts";
import { type BatchPublisher, eventsRoute } from "../http/events_route.ts";
import { metricsRoute } from "../http/metrics_route.ts";
import { createRouter, type HttpHandler } from "../http/router.ts";
import type { Route } from "../http/routes.ts";
import { withLogContext } from "../telemetry/log_context.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../tracing.ts";

/** What the HTTP layer is made from. */
export interface HttpPartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly health: HealthView;
  readonly publisher: EventPublisher & BatchPublisher;
  /** Null: `METRICS_ENABLED=false`. */
  readonly metrics: Metrics | null;
  /** Null: nothing traces, or not yet. */
  readonly tracing: () => Tracing | null;
  /** The access log. */
  readonly log: Logger;
  /** Null: not known yet. */
  readonly handlers: () => KnownHandlers | null;
  /** Routes of other parts. */
  readonly more?: readonly Route[];
}

/** Makes the one function that answers requests. */
export function makeRouter(options: HttpPartsOptions): HttpHandler {
  const { config, clock, health, publisher, metrics, tracing, log, more = [] } = options;
  const settings = {
    maxBodyBytes: config.http.maxBodyBytes,
    triggerRateLimit: config.http.triggerRateLimit,
    apiToken: config.http.apiToken?.reveal() ?? null,
    retryAfterSeconds: () => Math.max(1, Math.ceil((config.redis.retryDelaysMs[0] ?? 1_000) / 1_000)),
  };
  const dedupWindowMs = config.stream.publishDedupWindowMs;
  return createRouter({
    health,
    publisher,
    settings,
    clock,
    currentTrace: () => tracing()?.current(),
    runInContext: (context, fn) => withLogContext(context, fn),
    onRequest: (request) => {
      metrics?.request(request);
      tracing()?.request(request.method, request.route);
      log.debug("{method} {route} {status}", request);
    },
    onError: (error, correlationId) => log.error("A request failed: {error}", { error, correlationId }),
    description: {
      service: { name: config.service.name, version: config.service.version },
      streams: config.stream.names,
      group: config.stream.group,
      consuming: config.stream.consumerEnabled,
      tokens: { api: settings.apiToken !== null, admin: true },
      handlers: options.handlers,
    },
  }, [
    eventsRoute({ health, publisher, settings, clock, dedupWindowMs }),
    ...(metrics === null ? [] : [metricsRoute(metrics)]),
    ...more,
  ]);
}
