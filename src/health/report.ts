/**
 * What health looks like from outside. The documents are those of CONTRACT section 3, byte for byte in their names.
 * @module
 */

/** Answer of `/health/ready`. */
export type Readiness =
  | { readonly status: "ready"; readonly timestamp: string }
  | { readonly status: "not_ready"; readonly reason: string; readonly timestamp: string };

/** Answer of `/health`. */
export interface HealthReport {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly timestamp: string;
  readonly service: { readonly name: string; readonly version: string; readonly uptime: number };
  readonly checks: {
    readonly redis: {
      readonly status: "healthy" | "unhealthy";
      readonly latency: number | null;
      readonly lastCheck: string | null;
      readonly error?: string;
    };
    readonly eventStream: {
      readonly status: "healthy" | "unhealthy";
      readonly consumerActive: boolean;
      readonly lastMessage: string | null;
      readonly error?: string;
    };
  };
  /** Present when `degraded`. */
  readonly warnings?: readonly string[];
}

/** What the HTTP layer asks. Every method answers from memory: no probe ever waits for Redis. */
export interface HealthView {
  /** False only when a loop of our own stays wedged although Redis is usable. */
  live(): boolean;
  ready(): Readiness;
  report(): HealthReport;
}
