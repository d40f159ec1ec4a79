/**
 * Error classes of the service, each with a stable code.
 *
 * Message grammar: what was attempted, what was found, what is wanted. A foreign error is translated once, in the
 * adapter that meets it, and kept as `cause`.
 * @module
 */

/** Every code that an error of ours can carry. Switch on it, never on text. */
export type ErrorCode =
  | "config_invalid"
  | "event_invalid"
  | "event_too_large"
  | "batch_key_conflict"
  | "handlers_invalid"
  | "listen_failed"
  | "redis_unavailable"
  | "redis_timeout"
  | "redis_refused"
  | "redis_gave_up"
  | "embedded_redis"
  | "lease_lost"
  | "handler_timeout"
  | "context_closed"
  | "shutting_down"
  | "non_retryable"
  | "retry_after";

/** Base of all errors of the service. */
export class ServiceError extends Error {
  /** Stable, machine-readable kind of the failure. */
  readonly code: ErrorCode;

  /** @param code Stable kind. @param message For people. @param options `cause`: the foreign error. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Why Redis did not do what was asked, in the words that health, logs and metrics use.
 *
 * - `connection`: no usable link (refused, reset, closed, name not resolved)
 * - `timeout`: the link accepted the command and did not answer in time
 * - `loading`, `busy`, `readonly`, `out_of_memory`, `misconf`, `no_replicas`, `cluster_down`: state of the server
 * - `auth`, `permission`: credentials or ACL
 * - `no_group`: stream or group is gone
 * - `wrong_type`: the key exists with another type
 * - `no_script`: script cache was flushed
 * - `moved`: the key lives on another node
 * - `unblocked`: a blocked read was ended by the server (key deleted, role change, `CLIENT UNBLOCK`)
 * - `max_clients`, `protocol`, `unknown`
 */
export type RedisCause =
  | "connection"
  | "timeout"
  | "loading"
  | "busy"
  | "readonly"
  | "out_of_memory"
  | "misconf"
  | "no_replicas"
  | "cluster_down"
  | "auth"
  | "permission"
  | "no_group"
  | "wrong_type"
  | "no_script"
  | "moved"
  | "unblocked"
  | "max_clients"
  | "protocol"
  | "tls"
  | "unknown";

/** The store could not be reached or did not answer; the outcome of what was asked is known unless `outcomeUnknown`. */
export class StoreUnavailableError extends ServiceError {
  /** Cause class for health, logs and metrics. */
  readonly reason: RedisCause;
  /** True when the command may have been executed although no answer came. */
  readonly outcomeUnknown: boolean;

  /** @param reason Cause class. @param message For people. @param options `outcomeUnknown` defaults to false. */
  constructor(reason: RedisCause, message: string, options?: ErrorOptions & { outcomeUnknown?: boolean }) {
    super(reason === "timeout" ? "redis_timeout" : "redis_unavailable", message, options);
    this.reason = reason;
    this.outcomeUnknown = options?.outcomeUnknown ?? false;
  }
}

/**
 * Written, and not confirmed in time by as many replicas or by the disk: a crash may lose it again. Repeating it is
 * deduplicated.
 */
export class DurabilityNotReachedError extends StoreUnavailableError {
  /** What was written, in order. */
  readonly appended: readonly { readonly entryId: string | null; readonly deduplicated: boolean }[];
  /** Ids of the events, in order, to repeat them with; empty where the store tells of it, which does not know them. */
  readonly ids: readonly string[];

  /** @param reason Cause class. @param message For people. @param appended What was written. @param ids See {@link ids}. */
  constructor(
    reason: RedisCause,
    message: string,
    appended: DurabilityNotReachedError["appended"],
    ids: readonly string[] = [],
  ) {
    super(reason, message, { outcomeUnknown: true });
    this.appended = appended;
    this.ids = ids;
  }
}

/** The store answered and refused (error reply). Nothing was changed by the refused command. */
export class StoreRefusedError extends ServiceError {
  /** Cause class for health, logs and metrics. */
  readonly reason: RedisCause;

  /** @param reason Cause class. @param message For people, holds no secret. */
  constructor(reason: RedisCause, message: string, options?: ErrorOptions) {
    super("redis_refused", message, options);
    this.reason = reason;
  }
}

/** Cause class of any error, for health, logs and metrics. */
export function causeOf(error: unknown): RedisCause {
  return error instanceof StoreUnavailableError || error instanceof StoreRefusedError ? error.reason : "unknown";
}
