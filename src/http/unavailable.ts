/**
 * Why publishing does not work, and what a client is told of it.
 * @module
 */
import { ServiceError, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import type { HealthView } from "../health/report.ts";
import type { HttpSettings } from "./deps.ts";
import { jsonResponse, type Problem } from "./problem.ts";

/** Reasons of not being ready that are no reason for not publishing: Redis may well be usable. */
const OURS = new Set(["shutting_down", "draining", "starting"]);

/**
 * Why publishing is known to fail, from memory: a link that hangs would take a whole command time-out to say so.
 * @returns A text for the client, or null where it is worth trying.
 */
export function whyUnavailable(health: HealthView): string | null {
  const readiness = health.ready();
  if (readiness.status === "ready" || OURS.has(readiness.reason)) return null;
  return `Redis is not usable: ${readiness.reason}`;
}

/** 503 with `Retry-After` and `{"success":false,"error","retryAfter"}`. */
export function unavailableResponse(error: string, settings: HttpSettings): Response {
  const retryAfter = Math.max(1, Math.ceil(settings.retryAfterSeconds()));
  return jsonResponse({ success: false, error, retryAfter }, 503, { "Retry-After": String(retryAfter) });
}

/**
 * What a failed publish says to the client: the cause code, never the message, which may name a host.
 * @returns A text when the store is not usable, a problem when the event is at fault, null when it is a fault of ours.
 */
export function publishFailure(error: unknown): string | Problem | null {
  if (error instanceof StoreUnavailableError) {
    return `Redis is not usable: ${error.reason}` +
      (error.outcomeUnknown ? "; the outcome is unknown, the event may have been published" : "");
  }
  if (error instanceof StoreRefusedError) return `Redis refused the event: ${error.reason}`;
  if (!(error instanceof ServiceError)) return null;
  if (error.code === "shutting_down") return "The service is shutting down";
  if (error.code === "event_invalid") {
    return { status: 400, code: error.code, title: "Invalid event", detail: error.message };
  }
  if (error.code === "event_too_large") {
    return { status: 413, code: error.code, title: "Event too large", detail: error.message };
  }
  return null;
}
