/**
 * What the tests of this folder share: a router whose every neighbour is a plain record.
 * @module
 */
import { FakeClock } from "../../testing/fake_clock.ts";
import type { EventInit } from "../events/event.ts";
import type { Inherited } from "../stream/publisher.ts";
import type { HealthReport, HealthView, Readiness } from "../health/report.ts";
import type { EventPublisher, HttpDeps, HttpSettings } from "./deps.ts";
import { createRouter, type HttpHandler } from "./router.ts";
import type { Route } from "./routes.ts";

const TIMESTAMP = "2025-06-28T23:40:13.653Z";

/** Ready. */
export const READY: Readiness = { status: "ready", timestamp: TIMESTAMP };

/** Not ready, for a reason. */
export function notReady(reason: string): Readiness {
  return { status: "not_ready", reason, timestamp: TIMESTAMP };
}

/** A health document of this status. */
export function healthReport(status: HealthReport["status"]): HealthReport {
  return {
    status,
    timestamp: TIMESTAMP,
    service: { name: "redis-stream-service", version: "1.0.0", uptime: 3600 },
    checks: {
      redis: { status: status === "unhealthy" ? "unhealthy" : "healthy", latency: 2, lastCheck: TIMESTAMP },
      eventStream: { status: "healthy", consumerActive: true, lastMessage: null },
    },
  };
}

/** What a test may choose. */
export interface FixtureOptions {
  readonly health?: Partial<HealthView>;
  readonly publish?: EventPublisher["publish"];
  readonly settings?: Partial<HttpSettings>;
  readonly routes?: readonly Route[];
  readonly description?: NonNullable<HttpDeps["description"]>;
  readonly runInContext?: NonNullable<HttpDeps["runInContext"]>;
}

/** A router and everything it told its neighbours. */
export interface Fixture {
  readonly clock: FakeClock;
  readonly handler: HttpHandler;
  readonly published: EventInit[];
  /** What each of them was to inherit. */
  readonly inheritances: Inherited[];
  readonly requests: Parameters<HttpDeps["onRequest"]>[0][];
  readonly errors: unknown[];
  /** Asks the router; the path begins with `/`. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
}

/** A router whose Redis works, unless told otherwise. */
export function fixture(options: FixtureOptions = {}): Fixture {
  const clock = new FakeClock();
  const published: EventInit[] = [];
  const inheritances: Inherited[] = [];
  const requests: Fixture["requests"] = [];
  const errors: unknown[] = [];
  const handler = createRouter({
    health: { live: () => true, ready: () => READY, report: () => healthReport("healthy"), ...options.health },
    publisher: {
      publish: options.publish ?? ((event, inherited = {}) => {
        published.push(event);
        inheritances.push(inherited);
        return Promise.resolve({ id: "id-1", stream: "event-stream", entryId: "1-0", deduplicated: false });
      }),
    },
    settings: {
      maxBodyBytes: 1_048_576,
      triggerRateLimit: 10,
      apiToken: null,
      retryAfterSeconds: () => 5,
      ...options.settings,
    },
    clock,
    onRequest: (request) => requests.push(request),
    onError: (error) => errors.push(error),
    ...(options.description ? { description: options.description } : {}),
    ...(options.runInContext ? { runInContext: options.runInContext } : {}),
  }, options.routes);
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    handler(new Request(`http://localhost:8000${path}`, init));
  return { clock, handler, published, inheritances, requests, errors, ask };
}
