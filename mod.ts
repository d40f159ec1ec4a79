/**
 * Redis Stream Service: what people who write handlers import.
 *
 * ```ts
 * import { defineHandler, defineSchedule } from "redis-stream-service";
 *
 * export const hello = defineHandler({
 *   type: "hello.*",
 *   handle: (event, ctx) => ctx.log.info("got {type}", { type: event.type }),
 * });
 * export const beat = defineSchedule({ name: "beat", everyMs: 1_000, event: { type: "hello.beat" } });
 * ```
 * @module
 */
export { defineHandler, defineSchedule } from "./src/handling/define.ts";
export type {
  DataOf,
  Handler,
  HandlerContext,
  HandlerDefinition,
  HandlerLogger,
  Schedule,
  ScheduleDefinition,
} from "./src/handling/define.ts";
export {
  HandlerTimeoutError,
  LeaseLostError,
  NonRetryableError,
  RetryAfterError,
  ShuttingDownError,
} from "./src/handling/errors.ts";
export {
  type ErrorCode,
  type RedisCause,
  ServiceError,
  StoreRefusedError,
  StoreUnavailableError,
} from "./src/errors.ts";
export type { EntryRef, Event, EventInit } from "./src/events/event.ts";
export { createService } from "./src/service.ts";
export type { Service, ServiceOptions } from "./src/service.ts";
export type { Receipt } from "./src/stream/publisher.ts";
