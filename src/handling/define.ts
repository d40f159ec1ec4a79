/**
 * The API that people write against: handlers and schedules.
 * @module
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Event, EventInit } from "../events/event.ts";

/** A structured logger: constant template, values as properties. */
export interface HandlerLogger {
  /** Details for developers. */
  debug(template: string, properties?: unknown): void;
  /** What happened. */
  info(template: string, properties?: unknown): void;
  /** What a person should know. */
  warn(template: string, properties?: unknown): void;
  /** What failed. */
  error(template: string, properties?: unknown): void;
}

/** What a handler is given besides the event. Good for one attempt. */
export interface HandlerContext {
  /** Aborted on timeout, lost lease and at the end of the drain; its reason says which. Pass it to `fetch`. */
  readonly signal: AbortSignal;
  /** Logs with the event's correlation and trace ids. */
  readonly log: HandlerLogger;
  /** 1 for the first attempt; failures and crashes before it count. */
  readonly attempt: number;
  /**
   * Emits an event as an effect of this one: it appears in the stream if and only if this attempt is the one that
   * settles the event, exactly once. `id`, `source`, `time`, `traceparent` and `correlationid` are filled in.
   * @throws {ServiceError} `event_invalid`, `event_too_large`: at the call; `context_closed`: the handler has ended.
   */
  publish(event: EventInit): void;
}

/** The type of `data` that a schema promises; `unknown` without one. */
export type DataOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : unknown;

/** How one type of event is handled. */
export interface HandlerDefinition<S extends StandardSchemaV1 | undefined = undefined> {
  /** Exact (`order.placed`), a prefix (`order.*`, which also matches `order.a.b`), or `*`. The most exact one runs. */
  readonly type: string;
  /** Any Standard Schema (zod, valibot, arktype …); checked before `handle`. A failure is a dead letter, `invalid`. */
  readonly schema?: S;
  /** Attempts that may fail, 1 to 1,000. Default: `MAX_DELIVERIES`. */
  readonly maxDeliveries?: number;
  /** Bound on one attempt in ms, 1 to 86,400,000. Default: `HANDLER_TIMEOUT`. */
  readonly timeoutMs?: number;
  /** `key`: one at a time per `subject`, in order. Default: `CONSUMER_ORDERING`. */
  readonly ordering?: "key" | "none";
  /** Most attempts of this handler at once in this process, 1 or more. Default: `CONSUMER_CONCURRENCY`. */
  readonly concurrency?: number;
  /** Returning acknowledges, throwing parks for a retry. */
  handle(event: Event<DataOf<S>>, ctx: HandlerContext): unknown;
}

const HANDLER = Symbol.for("redis-stream-service.handler");
const SCHEDULE = Symbol.for("redis-stream-service.schedule");

/** A handler as {@link defineHandler} returns it. */
export interface Handler extends HandlerDefinition<StandardSchemaV1 | undefined> {
  readonly [HANDLER]: true;
}

/** When a schedule publishes its event: either `cron` or `everyMs`. */
export interface ScheduleDefinition {
  /** Unique in the service; 1 to 128 of letters, digits, `.`, `_`, `-`, `:`. Its events have the id `name@epoch-ms`. */
  readonly name: string;
  /** Five or six fields (seconds first), in `TIMEZONE`. */
  readonly cron?: string;
  /** Period in ms, 100 or more; fires at multiples of it since the epoch. */
  readonly everyMs?: number;
  /** After a pause of every replica: publish no missed occurrence, the latest (default), or all (at most 1,000). */
  readonly missed?: "skip" | "last" | "all";
  /** What is published. `id` and `time` are the occurrence's. */
  readonly event: Omit<EventInit, "id" | "time">;
}

/** A schedule as {@link defineSchedule} returns it. */
export interface Schedule extends ScheduleDefinition {
  readonly [SCHEDULE]: true;
}

/**
 * Defines how one type of event is handled. Export it from the handlers module.
 *
 * @example
 * ```ts
 * import { defineHandler } from "redis-stream-service";
 *
 * export const orderPlaced = defineHandler({
 *   type: "order.placed",
 *   handle(event, ctx) {
 *     ctx.log.info("placing {id}", { id: event.id });
 *     ctx.publish({ type: "invoice.requested", data: event.data });
 *   },
 * });
 * ```
 */
export function defineHandler<S extends StandardSchemaV1 | undefined = undefined>(
  definition: HandlerDefinition<S>,
): Handler {
  // The schema is checked before `handle`, so inside the service the data's static type no longer matters.
  return Object.freeze({ ...definition, handle: definition.handle, [HANDLER]: true }) as unknown as Handler;
}

/**
 * Defines a schedule: each occurrence is published once across all replicas. Export it from the handlers module.
 *
 * @example
 * ```ts
 * import { defineSchedule } from "redis-stream-service";
 *
 * export const nightly = defineSchedule({ name: "nightly", cron: "0 3 * * *", event: { type: "report.due" } });
 * ```
 */
export function defineSchedule(definition: ScheduleDefinition): Schedule {
  return Object.freeze({ ...definition, [SCHEDULE]: true }) as Schedule;
}

/** True for what {@link defineHandler} returned, also from another copy of this module. */
export function isHandler(value: unknown): value is Handler {
  return typeof value === "object" && value !== null && HANDLER in value;
}

/** True for what {@link defineSchedule} returned, also from another copy of this module. */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === "object" && value !== null && SCHEDULE in value;
}
