/**
 * The admin side of the composition.
 * @module
 */
import { AuditTrail } from "../admin/audit.ts";
import { AdminCore } from "../admin/core.ts";
import type { LiveHub } from "../admin/live.ts";
import type { RecentErrors } from "../admin/recent.ts";
import { ScheduleDesk } from "../admin/schedules.ts";
import { Watch } from "../admin/watch.ts";
import type { Clock, Random } from "../clock.ts";
import type { Config } from "../config/types.ts";
import { rfc3339 } from "../events/time.ts";
import type { Schedule } from "../handling/define.ts";
import type { Happenings } from "../happenings.ts";
import type { HealthMonitor } from "../health/monitor.ts";
import { adminRoutes } from "../http/admin_routes.ts";
import { Guard } from "../http/admin_routes_guard.ts";
import { moreAdminRoutes } from "../http/admin_routes_more.ts";
import { withPreview } from "../http/admin_routes_preview.ts";
import { dashboardRoutes } from "../http/dashboard_route.ts";
import type { EventPublisher } from "../http/deps.ts";
import type { Route } from "../http/routes.ts";
import { RedisStreamAdmin } from "../store/redis/admin.ts";
import type { Dispatcher } from "../stream/dispatcher.ts";
import { PauseWatch } from "../stream/pause.ts";
import type { Scheduler } from "../stream/scheduler.ts";
import type { StreamWorker } from "../stream/worker.ts";
import { currentLogContext } from "../telemetry/log_context.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Logging } from "../telemetry/logging.ts";
import type { RedisParts } from "./redis_parts.ts";

/** What the parts are made from. */
export interface AdminPartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly redis: RedisParts;
  /** One for each stream, in order. */
  readonly workers: readonly StreamWorker[];
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly schedules: readonly Schedule[];
  readonly recent: RecentErrors;
}

/** See the module's text. */
export interface AdminParts {
  readonly core: AdminCore;
  readonly pause: PauseWatch;
}

/** One port for what people ask of each stream. */
export function streamAdmins(config: Config, redis: RedisParts): readonly RedisStreamAdmin[] {
  const { names, group } = config.stream;
  return names.map((stream) => new RedisStreamAdmin({ stream, group, command: redis.manager.command(`{${stream}}`) }));
}

/** Makes the core and what obeys a pause. */
export function adminParts(options: AdminPartsOptions): AdminParts {
  const { config, clock, random, happenings, redis, workers, dispatcher, scheduler, schedules, recent } = options;
  const admins = streamAdmins(config, redis);
  const consuming = config.stream.consumerEnabled ? workers : [];
  const pause = new PauseWatch({
    ...{ clock, random, happenings, dispatcher },
    streams: consuming.map((worker, index) => ({
      admin: admins[index]!,
      pause: (paused) => worker.pause(paused),
      beatNews: worker.beatNews,
    })),
  });
  const core = new AdminCore({
    service: { name: config.service.name, version: config.service.version },
    streams: redis.stores.map((store, index) => ({ store, admin: admins[index]! })),
    clock,
    schedules: new ScheduleDesk({
      schedules,
      store: redis.stores[0]!,
      timezone: config.log.timezone,
      runNow: (schedule) => scheduler.runNow(schedule),
    }),
    recent: () => recent.latest,
    onPause: () => pause.loop.wake(),
  });
  return { core, pause };
}

/** What else the admin API looks at and uses. An `App` is one. */
export interface AdminNeighbours extends EventPublisher {
  readonly happenings: Happenings;
  readonly health: Pick<HealthMonitor, "verdict" | "report">;
}

/** The routes of the admin API and the dashboard; none without a token. */
export function adminApi(
  { config, clock, logging }: { readonly config: Config; readonly clock: Clock; readonly logging: Logging },
  live: LiveHub,
  core: () => AdminCore | null,
  neighbours: AdminNeighbours,
): readonly Route[] {
  const token = config.http.adminToken?.reveal() ?? "";
  if (token === "") return [];
  const retryAfterSeconds = (): number => Math.max(1, Math.ceil((config.redis.retryDelaysMs[0] ?? 1_000) / 1_000));
  const trail = new AuditTrail();
  const audit = remembering(logging.logger("audit"), trail, clock);
  const guarding = { token, clock, audit, retryAfterSeconds };
  const guard = new Guard(guarding);
  const { happenings, health } = neighbours;
  const watch = new Watch({
    ...{ clock, happenings, live, core },
    service: { name: config.service.name, version: config.service.version },
    problem: () => {
      const verdict = health.verdict();
      return verdict.ok ? null : verdict.reason;
    },
    warnings: () => health.report().warnings ?? [],
  });
  const routes = [
    ...adminRoutes({ ...guarding, guard, core, live }),
    ...moreAdminRoutes({ guard, clock, core, watch, trail, publisher: neighbours }),
  ];
  return [...routes.map((route) => withPreview(route, (text) => logging.mask(text))), ...dashboardRoutes()];
}

/** The audit log, and what the dashboard shows of it. */
function remembering(log: Logger, trail: AuditTrail, clock: Clock): Logger {
  return {
    ...log,
    info: (template, properties = {}) => {
      log.info(template, properties);
      const { action, target, result, remote } = properties as Readonly<Record<string, unknown>>;
      const correlationId = currentLogContext().correlationId ?? "";
      const text = { action: String(action), target: String(target), result: String(result), remote: String(remote) };
      trail.add({ time: rfc3339(clock.now()), ...text, correlationId });
    },
  };
}
