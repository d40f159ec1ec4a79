/**
 * Listens to what happens and answers probes from memory. No probe ever waits for Redis or costs it a command.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { RedisCause } from "../errors.ts";
import type { Happening, Happenings } from "../happenings.ts";
import {
  assess,
  assessReading,
  assessRedis,
  type Evidence,
  type Freshness,
  type StreamEvidence,
  type Verdict,
} from "./assess.ts";
import type { HealthReport, HealthView, Readiness } from "./report.ts";

/** What a monitor is made of. */
export interface MonitorOptions {
  readonly clock: Clock;
  readonly happenings: Happenings;
  readonly service: { readonly name: string; readonly version: string };
  readonly streams: readonly string[];
  /** `CONSUMER_ENABLED` */
  readonly consuming: boolean;
  /** `COMMAND_TIMEOUT` */
  readonly commandTimeoutMs: number;
  /** How long a read waits for entries, ms. */
  readonly blockMs: number;
  /** Names of loops of ours that are wedged although Redis is usable. */
  readonly stalled: () => readonly string[];
  /** Warnings that make the state `degraded`. */
  readonly warnings: () => readonly string[];
  /** Links without which all work goes on, by name. Default: none. */
  readonly spare?: (link: string) => boolean;
}

/** The bound on the health check itself, CONTRACT section 3. */
const CHECK_BOUND_MS = 3_000;
/** A write is tried once a second. */
const BEAT_MS = 1_000;
/** Every loop tries again within 2 s. */
const FORBIDDEN_MS = 2_500;
/** What tells something about health. */
const HEARD = ["beat", "read", "read_failed", "settle_refused", "loop_failed", "link", "lifecycle"] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** See the module's text. */
export class HealthMonitor implements HealthView {
  readonly #o: MonitorOptions;
  readonly #streams = new Map<string, Mutable<StreamEvidence>>();
  readonly #startedAt: number;
  readonly #freshness: Freshness;
  readonly #unlisten: () => void;
  #phase: Evidence["phase"] = "starting";
  #blocker: string | null = null;
  #latencyMs: number | null = null;
  #lastCheckMs: number | null = null;
  #lastMessageMs: number | null = null;
  #stamp = { ms: NaN, text: "" };

  /** @param options See {@link MonitorOptions}. */
  constructor(options: MonitorOptions) {
    this.#o = options;
    this.#startedAt = options.clock.monotonic();
    const bound = Math.min(options.commandTimeoutMs, CHECK_BOUND_MS);
    this.#freshness = { writeMs: BEAT_MS + bound, readMs: options.blockMs + bound, forbiddenMs: FORBIDDEN_MS };
    for (const stream of options.streams) this.#streams.set(stream, blank(stream));
    this.#unlisten = options.happenings.listen((happening) => this.#hear(happening), HEARD);
  }

  /** Stops listening. */
  dispose(): void {
    this.#unlisten();
  }

  /** A fault that only a person can mend; null clears it. */
  block(reason: string | null): void {
    this.#blocker = reason;
  }

  /** {@link HealthView.live} */
  live(): boolean {
    return this.#phase !== "running" || !assessRedis(this.#evidence(), this.#freshness).ok ||
      this.#o.stalled().length === 0;
  }

  /** {@link HealthView.ready} */
  ready(): Readiness {
    const timestamp = this.#timestamp();
    const verdict = this.verdict();
    return verdict.ok ? { status: "ready", timestamp } : { status: "not_ready", reason: verdict.reason, timestamp };
  }

  /** Readiness as a verdict. */
  verdict(): Verdict {
    return assess(this.#evidence(), this.#freshness);
  }

  /** True while Redis takes our writes: whether publishing can work at all. */
  redisUsable(): boolean {
    return assessRedis(this.#evidence(), this.#freshness).ok;
  }

  /** {@link HealthView.report} */
  report(): HealthReport {
    const evidence = this.#evidence();
    const verdict = assess(evidence, this.#freshness);
    const redis = assessRedis(evidence, this.#freshness);
    const reading = evidence.consuming ? assessReading(evidence, this.#freshness) : { ok: true } as const;
    const warnings = this.#o.warnings();
    return {
      status: !verdict.ok ? "unhealthy" : warnings.length > 0 ? "degraded" : "healthy",
      timestamp: this.#timestamp(),
      service: { ...this.#o.service, uptime: Math.floor((evidence.nowMs - this.#startedAt) / 1_000) },
      checks: {
        redis: {
          status: redis.ok ? "healthy" : "unhealthy",
          latency: this.#latencyMs === null ? null : Math.round(this.#latencyMs),
          lastCheck: iso(this.#lastCheckMs),
          ...errorOf(redis),
        },
        eventStream: {
          status: reading.ok && redis.ok ? "healthy" : "unhealthy",
          consumerActive: evidence.consuming && evidence.phase === "running" && reading.ok && redis.ok,
          lastMessage: iso(this.#lastMessageMs),
          ...errorOf(redis.ok ? reading : redis),
        },
      },
      ...(warnings.length > 0 ? { warnings } : {}),
    };
  }

  #evidence(): Evidence {
    return {
      nowMs: this.#o.clock.monotonic(),
      phase: this.#phase,
      consuming: this.#o.consuming,
      blocker: this.#blocker,
      streams: [...this.#streams.values()],
    };
  }

  #hear(happening: Happening): void {
    switch (happening.kind) {
      case "beat":
        return this.#beat(happening);
      case "read":
        return this.#read(happening.stream, happening.count);
      case "read_failed": {
        const evidence = this.#streams.get(happening.stream);
        // The group is made again at once; only if that fails too is something wrong.
        if (evidence && !["no_group", "unblocked"].includes(happening.cause)) evidence.readProblem = happening.cause;
        return;
      }
      case "settle_refused":
        return this.#forbidden(happening.stream, happening.cause);
      case "loop_failed":
        // Without trimming everything else goes on.
        if (happening.loop.startsWith("trimmer:")) return;
        return this.#forbidden(happening.loop.slice(happening.loop.indexOf(":") + 1), happening.cause);
      case "link":
        if (happening.state !== "lost" || this.#o.spare?.(happening.channel)) return;
        return this.#lost(happening.cause ?? "connection");
      case "lifecycle":
        this.#phase = happening.state === "running"
          ? "running"
          : happening.state === "draining" || happening.state === "stopped"
          ? happening.state
          : this.#phase;
        return;
      default:
        return;
    }
  }

  /** A general cause gives way to one that says more: a wrong password, a certificate. Of those the latest counts. */
  #lost(cause: RedisCause): void {
    for (const evidence of this.#streams.values()) {
      const { writeProblem } = evidence;
      if (writeProblem === null || says(cause) > Math.min(says(writeProblem), 1)) evidence.writeProblem = cause;
    }
  }

  /** Beats and reads may go well while scripts, or acknowledging, are not permitted any more. */
  #forbidden(stream: string, cause: RedisCause): void {
    const evidence = this.#streams.get(stream);
    if (evidence && cause === "permission") evidence.forbiddenAt = this.#o.clock.monotonic();
  }

  #beat(beat: Extract<Happening, { kind: "beat" }>): void {
    const evidence = this.#streams.get(beat.stream);
    if (!evidence) return;
    this.#lastCheckMs = this.#o.clock.now();
    evidence.writeProblem = beat.ok ? null : beat.cause ?? "unknown";
    if (!beat.ok) return;
    evidence.lastWriteAt = this.#o.clock.monotonic();
    this.#latencyMs = beat.latencyMs;
  }

  #read(stream: string, count: number): void {
    const evidence = this.#streams.get(stream);
    if (!evidence) return;
    evidence.lastReadAt = this.#o.clock.monotonic();
    evidence.readProblem = null;
    if (count > 0) this.#lastMessageMs = this.#o.clock.now();
  }

  /** Written once a millisecond: publishing asks for every request. */
  #timestamp(): string {
    const ms = this.#o.clock.now();
    if (ms !== this.#stamp.ms) this.#stamp = { ms, text: new Date(ms).toISOString() };
    return this.#stamp.text;
  }
}

function blank(stream: string): Mutable<StreamEvidence> {
  return { stream, lastWriteAt: null, writeProblem: null, lastReadAt: null, readProblem: null, forbiddenAt: null };
}

/** How much a cause says: that nobody is there, that nobody answers in time, or what is wrong. */
function says(cause: RedisCause): number {
  return cause === "connection" ? 0 : cause === "timeout" ? 1 : 2;
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function errorOf(verdict: Verdict): { error?: string } {
  return verdict.ok ? {} : { error: verdict.reason };
}
