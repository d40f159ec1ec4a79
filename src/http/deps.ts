/**
 * What the HTTP layer needs of the rest: three narrow ports, so that it is tested without Redis or a socket.
 * @module
 */
import type { DescriptionSource } from "./describe/facts.ts";
import type { Clock } from "../clock.ts";
import type { HealthView } from "../health/report.ts";
import type { EventInit } from "../events/event.ts";
import type { Inherited } from "../stream/publisher.ts";

/** What became of one published event. */
export interface PublishReceipt {
  readonly id: string;
  readonly stream: string;
  /** Null while a delayed event waits. */
  readonly entryId: string | null;
  readonly deduplicated: boolean;
}

/** Publishes; implemented by `stream/publisher.ts`. */
export interface EventPublisher {
  /**
   * Publishes one event to the first stream.
   * @throws {StoreUnavailableError} Redis is not usable or did not answer in time.
   * @throws {StoreRefusedError} Redis refuses writes.
   * @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  publish(event: EventInit, inherited?: Inherited): Promise<PublishReceipt>;
}

/** Settings of the HTTP layer. */
export interface HttpSettings {
  readonly maxBodyBytes: number;
  /** Requests a second for the trigger, and the burst; 0 is off. */
  readonly triggerRateLimit: number;
  /** Null: publishing needs no token. */
  readonly apiToken: string | null;
  /** For `Retry-After`, seconds. */
  readonly retryAfterSeconds: () => number;
}

/** Everything the router is built from. */
export interface HttpDeps {
  readonly health: HealthView;
  readonly publisher: EventPublisher;
  readonly settings: HttpSettings;
  /** For the rate limit, durations and the deadline of bodies. */
  readonly clock: Clock;
  /** Told once per answered request; feeds metrics and the access log. `route` is the pattern, never the path. */
  readonly onRequest: (
    request: {
      method: string;
      route: string;
      status: number;
      durationMs: number;
      correlationId: string;
      traceId?: string;
    },
  ) => void;
  /** Told of a fault of ours (a 500). */
  readonly onError: (error: unknown, correlationId: string) => void;
  /** W3C traceparent of the span around the request under way. Default: nothing traces. */
  readonly currentTrace?: () => string | undefined;
  /** Runs one request so that its log lines carry these identifiers. Default: just runs it. */
  readonly runInContext?: (
    ids: { readonly correlationId: string; readonly traceId?: string },
    fn: () => Response | Promise<Response>,
  ) => Response | Promise<Response>;
  /** For `/openapi.json` and `/asyncapi.json`. Default: there are none. */
  readonly description?: DescriptionSource;
}
