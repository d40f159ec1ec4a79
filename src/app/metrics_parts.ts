/**
 * Metrics of one app: what they are made from, and which labels they begin with.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Config } from "../config/types.ts";
import type { Registry } from "../handling/registry.ts";
import type { Happenings } from "../happenings.ts";
import type { HealthMonitor } from "../health/monitor.ts";
import type { Logging } from "../telemetry/logging.ts";
import { Metrics } from "../telemetry/metrics.ts";

/** What metrics need of an app. */
export interface MetricsPartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly happenings: Happenings;
  readonly health: HealthMonitor;
  readonly logging: Logging;
}

/** Published by the trigger. */
const TEST_TYPE = "test.manual";

/** @returns Null with `METRICS_ENABLED=false`. */
export function makeMetrics({ config, clock, happenings, health, logging }: MetricsPartsOptions): Metrics | null {
  if (!config.http.metricsEnabled) return null;
  return new Metrics({
    clock,
    happenings,
    service: { name: config.service.name, version: config.service.version },
    streams: config.stream.names,
    group: config.stream.group,
    redisUsable: () => health.redisUsable(),
    logLinesDropped: () => logging.dropped(),
  });
}

/** Types that are sure to come: those of handlers for one exact type, and of schedules. */
export function typesOf({ handlers, schedules }: Registry): {
  readonly handled: readonly string[];
  readonly published: readonly string[];
} {
  const exact = handlers.map((handler) => handler.type).filter((type) => !type.endsWith("*"));
  const scheduled = schedules.map((schedule) => schedule.event.type);
  return { handled: exact, published: [...new Set([...exact, ...scheduled, TEST_TYPE])] };
}
