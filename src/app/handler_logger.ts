/**
 * What `ctx.log` is.
 * @module
 */
import type { Event } from "../events/event.ts";
import { traceIdOf } from "../events/trace_context.ts";
import type { HandlerLogger } from "../handling/define.ts";
import type { Logging } from "../telemetry/logging.ts";

/** A logger whose lines carry the identifiers of the event: those of the request that led to it, and its trace. */
export function handlerLogger(logging: Logging, event: Event, attempt: number, traceparent: string): HandlerLogger {
  const child = logging.logger("handler").child({
    // As its effects are: what carries no correlation id is correlated by the event itself.
    correlationId: event.extensions["correlationid"] ?? event.id,
    traceId: traceIdOf(traceparent) ?? undefined,
    type: event.type,
    attempt,
  });
  const asObject = (properties: unknown): object =>
    typeof properties === "object" && properties !== null
      ? properties
      : properties === undefined
      ? {}
      : { value: properties };
  return {
    debug: (template, properties) => child.debug(template, asObject(properties)),
    info: (template, properties) => child.info(template, asObject(properties)),
    warn: (template, properties) => child.warn(template, asObject(properties)),
    error: (template, properties) => child.error(template, asObject(properties)),
  };
}
