/**
 * What a client of `POST /events` is told of a publish that failed.
 * @module
 */
import { DurabilityNotReachedError, ServiceError, StoreUnavailableError } from "../errors.ts";
import { BatchEventError, BatchKeyConflictError } from "../stream/publisher.ts";
import type { HttpSettings } from "./deps.ts";
import type { Problem } from "./problem.ts";
import { publishFailure } from "./unavailable.ts";

/** What the texts depend on. */
export interface FailureDeps {
  readonly settings: Pick<HttpSettings, "retryAfterSeconds">;
  /** 0: repeating a request is not deduplicated. */
  readonly dedupWindowMs: number;
}

/** 503 with `Retry-After`; besides a problem's members those of the trigger's answer: `success`, `error`, `retryAfter`. */
export function unusable(error: string, { settings }: FailureDeps, code = "redis_unusable"): Problem {
  const retryAfter = Math.max(1, Math.ceil(settings.retryAfterSeconds()));
  return {
    status: 503,
    code,
    title: "Redis is not usable",
    detail: `${error}.`,
    members: { success: false, error, retryAfter },
    headers: { "Retry-After": String(retryAfter) },
  };
}

/**
 * The problem that an error of publishing is. A fault of the event names the `attribute`, in a batch also the `index`.
 * @param batch Whether the client sent a batch. @param deps Needed for what is no fault of an event.
 * @throws What is a fault of ours.
 */
export function publishProblem(error: unknown, batch: boolean, deps?: FailureDeps): Problem {
  if (error instanceof BatchEventError) return ofEvent(error, batch);
  if (error instanceof BatchKeyConflictError) return KEY_REUSED;
  if (deps === undefined) throw error;
  if (error instanceof DurabilityNotReachedError) return unconfirmed(error, deps);
  const failure = publishFailure(error);
  if (failure === null) throw error;
  if (typeof failure !== "string") return failure;
  const unknown = error instanceof StoreUnavailableError && error.outcomeUnknown;
  if (unknown) return unusable(`${failure}${repeating(deps)}`, deps, "outcome_unknown");
  const ours = error instanceof ServiceError && error.code === "shutting_down";
  return unusable(failure, deps, ours ? "shutting_down" : "redis_unusable");
}

function ofEvent({ code, message, attribute, index }: BatchEventError, batch: boolean): Problem {
  const tooLarge = code === "event_too_large";
  return {
    status: tooLarge ? 413 : 400,
    code,
    title: tooLarge ? "Event too large" : "Invalid event",
    detail: batch ? `Event ${index} of the batch, nothing of which was published: ${message}` : message,
    members: { attribute, ...(batch ? { index } : {}) },
  };
}

/** The events are there: their ids and entry ids are told, so that a repeated request can be compared. */
function unconfirmed(error: DurabilityNotReachedError, deps: FailureDeps): Problem {
  const text = `The events are written, and not confirmed as PUBLISH_DURABILITY wants it: a crash may lose them`;
  const problem = unusable(`${text}${repeating(deps)}`, deps, "durability_not_reached");
  const events = error.ids.map((id, index) => ({ id, ...error.appended[index] }));
  return { ...problem, title: "Durability not reached", members: { ...problem.members, events } };
}

function repeating({ dedupWindowMs }: FailureDeps): string {
  return dedupWindowMs === 0 ? "" : "; repeating the request with the same ids adds nothing a second time";
}

const KEY_REUSED: Problem = {
  status: 422,
  code: "idempotency_key_reused",
  title: "Idempotency key reused",
  detail: "The Idempotency-Key was used for a batch of another size. Nothing was published; use another key.",
  members: { attribute: "Idempotency-Key" },
};
