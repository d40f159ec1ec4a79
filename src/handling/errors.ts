/**
 * What a handler throws to say more than "it failed".
 * @module
 */
import { ServiceError } from "../errors.ts";

/**
 * Thrown by a handler: trying again cannot help. The event becomes a dead letter at once, reason `non_retryable`.
 *
 * @example
 * ```ts
 * import { NonRetryableError } from "redis-stream-service";
 * const failure = new NonRetryableError("the order does not exist");
 * console.assert(failure.code === "non_retryable");
 * ```
 */
export class NonRetryableError extends ServiceError {
  /** @param message Kept with the dead letter. @param options `cause`. */
  constructor(message: string, options?: ErrorOptions) {
    super("non_retryable", message, options);
  }
}

/**
 * Thrown by a handler: come back later, for instance after a rate limit. Costs none of `MAX_DELIVERIES`, however often,
 * and holds the order of its key like any parked event.
 *
 * @example
 * ```ts
 * import { RetryAfterError } from "redis-stream-service";
 * const later = new RetryAfterError(30_000, "the partner answered 429");
 * console.assert(later.delayMs === 30_000);
 * ```
 */
export class RetryAfterError extends ServiceError {
  /** Milliseconds until the event is tried again. */
  readonly delayMs: number;

  /**
   * @param delayMs Milliseconds, 0 to 30 days; more is cut to 30 days.
   * @param message For logs. @param options `cause`.
   * @throws {RangeError} When `delayMs` is not a number of 0 or more.
   */
  constructor(delayMs: number, message?: string, options?: ErrorOptions) {
    if (!(delayMs >= 0)) throw new RangeError(`Cannot retry after ${delayMs} ms: want a number of 0 or more`);
    super("retry_after", message ?? `Retry after ${delayMs} ms`, options);
    this.delayMs = Math.min(Math.round(delayMs), 30 * 24 * 3_600_000);
  }
}

/** Why `ctx.signal` aborted: the attempt took longer than its bound. */
export class HandlerTimeoutError extends ServiceError {
  /** @param timeoutMs The bound. */
  constructor(timeoutMs: number) {
    super("handler_timeout", `The handler took longer than ${timeoutMs} ms`);
  }
}

/** Why `ctx.signal` aborted: another process took this process's events over. Nothing that it does now counts. */
export class LeaseLostError extends ServiceError {
  /** @param consumer The name that was fenced. */
  constructor(consumer: string) {
    super("lease_lost", `Consumer ${consumer} was taken over by another process`);
  }
}

/** Why `ctx.signal` aborted: the service shuts down and its time for running handlers is over. */
export class ShuttingDownError extends ServiceError {
  /** Made by the service. */
  constructor() {
    super("shutting_down", "The service shuts down");
  }
}
