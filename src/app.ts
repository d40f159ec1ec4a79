/**
 * The composition root: builds every part from one Config, and owns the order of start and stop.
 * @module
 */
import { LiveHub } from "./admin/live.ts";
import { RecentErrors } from "./admin/recent.ts";
import { adminApi } from "./app/admin_parts.ts";
import { watchDurability } from "./app/durability.ts";
import { greet } from "./app/greet.ts";
import { makeRouter } from "./app/http_parts.ts";
import { makeMetrics, typesOf } from "./app/metrics_parts.ts";
import { blockMsOf, isSettler, serverFacts } from "./app/redis_parts.ts";
import { type RunningParts, runningParts } from "./app/running_parts.ts";
import { shutDown } from "./app/shutdown.ts";
import { testSchedule } from "./app/test_schedule.ts";
import { type Clock, type Random, sleep } from "./clock.ts";
import type { Config } from "./config/types.ts";
import { checkCron } from "./delivery/cron.ts";
import { StoreRefusedError, StoreUnavailableError } from "./errors.ts";
import type { EventInit } from "./events/event.ts";
import { type HandlersModule, loadHandlers } from "./handling/load.ts";
import { Registry } from "./handling/registry.ts";
import { Happenings } from "./happenings.ts";
import { HealthMonitor } from "./health/monitor.ts";
import { closeWhileDraining } from "./http/draining.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import type { EmbeddedRedis } from "./store/redis/embedded/embedded.ts";
import type { BatchReceipt, Inherited, Publisher, PublishRequest, Receipt } from "./stream/publisher.ts";
import { logHappenings } from "./telemetry/log_happenings.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Logging } from "./telemetry/logging.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { openTracing } from "./telemetry/tracing.ts";
import type { Tracing } from "./tracing.ts";

/** What an app is made of. */
export interface AppOptions {
  readonly config: Config;
  readonly logging: Logging;
  readonly clock: Clock;
  readonly random: Random;
  /** Handlers given by a program; null: the module that the configuration names. */
  readonly handlers: HandlersModule | null;
  /** For relative paths of modules. */
  readonly cwd: string;
  /** Deno exports OpenTelemetry: spans are wanted. Default false. */
  readonly tracing?: boolean;
}

/**
 * Evaluating the Redis client blocks the event loop for a few hundred milliseconds. Probes that have waited for us to
 * listen are answered before that.
 */
const FIRST_PROBES_MS = 100;

/** A first connection that took no longer than this succeeded at once: the client has to be loaded too, ms. */
const PROMPT_MS = 3_000;

/** See the module's text. */
export class App {
  readonly happenings: Happenings;
  readonly health: HealthMonitor;
  readonly #o: AppOptions;
  readonly #log: Logger;
  /** Null: `METRICS_ENABLED=false`. */
  readonly #metrics: Metrics | null;
  readonly #live: LiveHub;
  readonly #recent: RecentErrors;
  readonly #unlog: () => void;
  readonly #stopping = new AbortController();
  #http: HttpServer | null = null;
  #parts: RunningParts | null = null;
  /** Null until the handlers are known. */
  #registry: Registry | null = null;
  #embedded: EmbeddedRedis | null = null;
  #stopped: Promise<number> | null = null;
  #tracing: Tracing | null = null;

  /** @param options See {@link AppOptions}. Does no I/O. */
  constructor(options: AppOptions) {
    const { config, logging, clock } = options;
    this.#o = options;
    this.#log = logging.logger("app");
    this.happenings = new Happenings((error) => this.#log.error("A listener failed: {error}", { error }));
    this.#unlog = logHappenings(this.happenings, logging.logger("service"), clock);
    this.health = new HealthMonitor({
      clock,
      happenings: this.happenings,
      service: { name: config.service.name, version: config.service.version },
      streams: config.stream.names,
      consuming: config.stream.consumerEnabled,
      commandTimeoutMs: config.redis.commandTimeoutMs,
      blockMs: blockMsOf(config),
      stalled: () => this.#parts?.workers.flatMap((worker) => worker.stalled()) ?? [],
      warnings: () => this.#parts?.watcher.warnings ?? [],
      spare: isSettler,
    });
    this.#live = new LiveHub({ happenings: this.happenings, clock });
    this.#recent = new RecentErrors(this.happenings, clock);
    this.#metrics = makeMetrics({ ...options, happenings: this.happenings, health: this.health });
  }

  /** Where HTTP listens, `http://host:port`; empty before {@link listen}. */
  get url(): string {
    if (this.#http === null) return "";
    const { host } = this.#o.config.http;
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
    return `http://${shown}:${this.#http.port}`;
  }

  /** Port of HTTP; 0 before {@link listen}. */
  get port(): number {
    return this.#http?.port ?? 0;
  }

  /**
   * Listens. First of all steps, so that probes are answered while everything else still starts.
   * @throws {ServiceError} The port cannot be had.
   */
  async listen(): Promise<void> {
    const { config, clock, logging } = this.#o;
    const access = logging.logger("http");
    const router = makeRouter({
      config,
      handlers: () => this.#registry,
      clock,
      health: this.health,
      publisher: {
        publish: (event, inherited) => this.publish(event, inherited),
        publishAll: (events, request) => this.publishAll(events, request),
      },
      metrics: this.#metrics,
      tracing: () => this.#tracing,
      log: access,
      more: adminApi(this.#o, this.#live, () => this.#parts?.admin.core ?? null, this),
    });
    this.#http = await startHttpServer({
      handler: closeWhileDraining(router, () => this.#stopping.signal.aborted),
      hostname: config.http.host,
      port: config.http.port,
      clock,
      onFault: (error) => access.warn("The HTTP server survived a fault: {error}", { error }),
    });
    if (!this.#http.boundsHeads) {
      access.warn(
        "This version of Deno allows no deadline for request heads: put a proxy in front, see docs/lifecycle.md",
      );
    }
    this.#metrics?.load().catch((error) => this.#log.error("No metrics: {error}", { error }));
    this.happenings.emit({ kind: "lifecycle", state: "listening" });
    this.#log.info("Listening on {url}", { url: this.url, port: this.port });
  }

  /**
   * Loads the handlers and starts to work. Redis may be away: the loops wait for it.
   * @throws {HandlersInvalidError} Before any connection. @throws {ServiceError} `embedded_redis`.
   */
  async start(): Promise<void> {
    const { config, handlers, cwd, clock } = this.#o;
    if (!await sleep(clock, FIRST_PROBES_MS, this.#stopping.signal)) return;
    const module = handlers ?? await loadHandlers(config.handlers, cwd, clock);
    const schedules = [...module.schedules, ...testSchedule(config.stream.testEventIntervalMs)];
    const registry = new Registry(module.handlers, schedules, (pattern) => checkCron(pattern, config.log.timezone));
    if (this.#o.tracing) {
      this.#tracing = await openTracing(config.service.version, (text) => this.#o.logging.redact(text));
    }
    const socketPath = await this.#openEmbedded();
    if (this.#stopping.signal.aborted) return;
    this.#parts = this.#build(this.#registry = registry, socketPath);
    this.#metrics?.knowTypes(typesOf(registry));
    this.#metrics?.watch(this.#parts.redis.stores);
    this.#begin(this.#parts);
  }

  /** Resolves when the service is ready; rejects with the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.health.verdict().ok) {
      signal.throwIfAborted();
      const next = new AbortController();
      const both = AbortSignal.any([signal, next.signal]);
      await Promise.race([
        this.happenings.next("beat", undefined, both),
        this.happenings.next("read", undefined, both),
        this.happenings.next("lifecycle", undefined, both),
      ]).finally(() => next.abort());
    }
  }

  /**
   * Publishes one event, or fails at once while Redis is not usable.
   * @throws {StoreUnavailableError} @throws {StoreRefusedError} @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  async publish(event: EventInit, inherited: Inherited = {}): Promise<Receipt> {
    return await this.#publisher().publish(event, inherited).catch((error) => this.#refused(error));
  }

  /** Publishes all or none. Errors as {@link publish} and {@link Publisher.publishAll}. */
  async publishAll(events: readonly EventInit[], request: PublishRequest): Promise<BatchReceipt> {
    return await this.#publisher().publishAll(events, request).catch((error) => this.#refused(error));
  }

  /** Beats may go well while appending is not permitted: then health must hear of it here. */
  #refused(error: unknown): never {
    if (error instanceof StoreRefusedError && error.reason === "permission") {
      const loop = `publisher:${this.#o.config.stream.names[0]}`;
      this.happenings.emit({ kind: "loop_failed", loop, message: error.message, cause: error.reason });
    }
    throw error;
  }

  #publisher(): Publisher {
    const verdict = this.health.verdict();
    // While it starts or drains, Redis may well be usable.
    const usable = verdict.ok || verdict.reason === "starting" || verdict.reason === "shutting_down";
    if (this.#parts !== null && usable) return this.#parts.publisher;
    const reason = verdict.ok ? "starting" : verdict.reason;
    throw new StoreUnavailableError("connection", `Cannot publish: Redis is not usable (${reason})`);
  }

  /** Stops in order; see `app/shutdown.ts`. Idempotent. @returns The exit code: 0, or 1 if something held was not handed back. */
  stop(): Promise<number> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<number> {
    this.#stopping.abort();
    const { config, clock, logging } = this.#o;
    const code = await shutDown({
      config,
      clock,
      happenings: this.happenings,
      log: this.#log,
      parts: this.#parts,
      http: this.#http,
      embedded: this.#embedded,
    });
    this.#unlog();
    this.#metrics?.dispose();
    this.#live.close();
    this.#recent.dispose();
    this.health.dispose();
    await logging.flush(500);
    return code;
  }

  async #openEmbedded(): Promise<string | null> {
    const { config, clock } = this.#o;
    if (config.redis.topology.kind !== "embedded") return null;
    const { openEmbeddedRedis } = await import("./store/redis/embedded/embedded.ts");
    this.#embedded = await openEmbeddedRedis({
      dir: config.redis.topology.dir,
      clock,
      signal: this.#stopping.signal,
      log: (text) => this.#log.info("{text}", { text }),
    });
    return this.#embedded.socketPath;
  }

  #build(registry: Registry, socketPath: string | null): RunningParts {
    return runningParts({
      ...this.#o,
      happenings: this.happenings,
      recent: this.#recent,
      registry,
      socketPath,
      tracing: this.#tracing,
      onDelayed: () => this.#parts?.workers[0]?.delayed(),
    });
  }

  #begin(parts: RunningParts): void {
    watchDurability({
      config: this.#o.config,
      happenings: this.happenings,
      manager: parts.redis.manager,
      block: (reason) => this.health.block(reason),
    });
    parts.redis.manager.start();
    this.happenings.emit({ kind: "lifecycle", state: "running" });
    this.ready(this.#stopping.signal).then(() => {
      this.happenings.emit({ kind: "lifecycle", state: "ready" });
      this.#greet();
    }).catch(() => {
      // Stopped before it was ready.
    });
    const work = (): void => {
      if (this.#stopping.signal.aborted) return;
      for (const worker of parts.workers) worker.start();
      for (const loop of parts.scheduler.loops) loop.start();
      parts.watcher.loop.start();
      parts.admin.pause.loop.start();
    };
    const startedAt = this.#o.clock.monotonic();
    // Before the first connection there is nothing for a loop to do but fail.
    parts.redis.ready(this.#stopping.signal).then(async () => {
      const prompt = this.#o.clock.monotonic() - startedAt < PROMPT_MS;
      // What is counted from the first event on adds up. That it failed was told.
      await this.#metrics?.load().catch(() => {});
      if (prompt && await this.#serverWasUp(parts)) { for (const worker of parts.workers) worker.trustStart(); }
      // A group that is paused is so from the first read on. An answer that does not come is asked for again.
      await parts.admin.pause.check().catch(() => {});
      work();
    }).catch(() => {
      // Stopped, or given up, before there was a connection: nothing was started.
    });
  }

  /** See `stream/judgement.ts`: leases that ran out under the eyes of a server that was up all the time may be judged. */
  async #serverWasUp(parts: RunningParts): Promise<boolean> {
    const facts = await serverFacts(parts.redis.command);
    return facts !== null && facts.uptimeMs > this.#o.config.stream.leaseMs;
  }

  #greet(): void {
    const { url, port } = this;
    greet({ config: this.#o.config, log: this.#log, url, port, embeddedVersion: this.#embedded?.version ?? null });
  }
}
