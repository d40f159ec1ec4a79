/**
 * Decides health from evidence: what the loops really achieved, and when. Pure.
 * @module
 */
import type { RedisCause } from "../errors.ts";

/** What is known of one stream's work. Times are monotonic ms. */
export interface StreamEvidence {
  readonly stream: string;
  /** Last write that the store took; null before the first. */
  readonly lastWriteAt: number | null;
  /** Why the latest write was refused or unanswered; null when it went well. */
  readonly writeProblem: RedisCause | null;
  /** Last read that was answered, empty ones included; null before the first. */
  readonly lastReadAt: number | null;
  /** Why the latest read failed; null when it went well. */
  readonly readProblem: RedisCause | null;
  /** Last time that a step of the work was not permitted; null before the first. */
  readonly forbiddenAt: number | null;
}

/** Everything that readiness depends on. */
export interface Evidence {
  readonly nowMs: number;
  readonly phase: "starting" | "running" | "draining" | "stopped";
  readonly consuming: boolean;
  /** A fault that only a person can mend, such as a durability that this Redis does not have; null when none. */
  readonly blocker: string | null;
  readonly streams: readonly StreamEvidence[];
}

/** Bounds on how old good evidence may be. */
export interface Freshness {
  /** A write is tried at least once in this time. */
  readonly writeMs: number;
  /** A read is answered at least once in this time. */
  readonly readMs: number;
  /** What is not permitted is tried again within this time, and then says so again. */
  readonly forbiddenMs: number;
}

/** Verdict: usable, or why not, as a cause code that names no host and holds no secret. */
export type Verdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly check: "service" | "redis" | "eventStream"; readonly reason: string };

const OK: Verdict = { ok: true };

/** Is Redis usable for our work? */
export function assess(evidence: Evidence, freshness: Freshness): Verdict {
  if (evidence.phase === "draining" || evidence.phase === "stopped") return service("shutting_down");
  const untried = evidence.streams.every(({ lastWriteAt, writeProblem }) =>
    lastWriteAt === null && writeProblem === null
  );
  if (evidence.streams.length === 0 || (evidence.phase === "starting" && untried)) return service("starting");
  const redis = assessRedis(evidence, freshness);
  if (!redis.ok) return redis;
  const reading = evidence.consuming ? assessReading(evidence, freshness) : OK;
  if (!reading.ok) return reading;
  if (evidence.blocker !== null) return service(evidence.blocker);
  return evidence.phase === "starting" ? service("starting") : OK;
}

/** Does the store answer and take writes? */
export function assessRedis(evidence: Evidence, freshness: Freshness): Verdict {
  for (const { lastWriteAt, writeProblem, forbiddenAt } of evidence.streams) {
    if (forbiddenAt !== null && evidence.nowMs - forbiddenAt < freshness.forbiddenMs) {
      return { ok: false, check: "redis", reason: "permission" };
    }
    if (writeProblem !== null) return { ok: false, check: "redis", reason: writeProblem };
    if (lastWriteAt === null) return { ok: false, check: "redis", reason: "connection" };
    if (evidence.nowMs - lastWriteAt > freshness.writeMs) return { ok: false, check: "redis", reason: "timeout" };
  }
  return OK;
}

/** Do entries flow? */
export function assessReading(evidence: Evidence, freshness: Freshness): Verdict {
  for (const { lastReadAt, readProblem } of evidence.streams) {
    if (readProblem !== null) return { ok: false, check: "eventStream", reason: readProblem };
    if (lastReadAt === null) return { ok: false, check: "eventStream", reason: "starting" };
    if (evidence.nowMs - lastReadAt > freshness.readMs) return { ok: false, check: "eventStream", reason: "timeout" };
  }
  return OK;
}

function service(reason: string): Verdict {
  return { ok: false, check: "service", reason };
}
