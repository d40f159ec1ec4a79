/**
 * OpenTelemetry through Deno's own support (`OTEL_DENO=true`): Deno exports what is begun here, next to its spans of HTTP
 * requests and of `fetch`. Names and attributes are those of the semantic conventions for messaging and CloudEvents
 * (OpenTelemetry 1.3x, https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
 * @module
 */
import type * as Otel from "@opentelemetry/api";
import { traceIdOf } from "../events/trace_context.ts";
import type { Span, SpanEnd, TracedAttempt, TracedEvent, Tracing } from "../tracing.ts";

const SCOPE = "redis-stream-service";
const SYSTEM = { "messaging.system": "redis" } as const;

/**
 * Loads the API, which takes some 40 ms: only where traces are wanted.
 * @param version Of the service. @param redact Takes secrets out of error texts.
 */
export async function openTracing(version: string, redact: (text: string) => string): Promise<Tracing> {
  return new OtelTracing(await import("@opentelemetry/api"), version, redact);
}

class OtelTracing implements Tracing {
  readonly #api: typeof Otel;
  readonly #tracer: Otel.Tracer;
  readonly #redact: (text: string) => string;

  constructor(api: typeof Otel, version: string, redact: (text: string) => string) {
    this.#api = api;
    this.#redact = redact;
    this.#tracer = api.trace.getTracer(SCOPE, version);
  }

  publishing(event: TracedEvent, how: "send" | "create", parent: string | undefined): Span {
    return this.#begin(`${how} ${event.stream}`, this.#api.SpanKind.PRODUCER, this.#around(parent), {
      ...SYSTEM,
      ...ofEvent(event),
      ...operation(how),
    });
  }

  sending(stream: string, events: readonly Span[]): Span {
    const attributes = {
      ...SYSTEM,
      "messaging.destination.name": stream,
      "messaging.batch.message_count": events.length,
      ...operation("send"),
    };
    const links = events.flatMap(({ traceparent }) => {
      const context = this.#api.trace.getSpanContext(this.#remote(traceparent));
      return context === undefined ? [] : [{ context }];
    });
    return this.#begin(`send ${stream}`, this.#api.SpanKind.CLIENT, this.#api.context.active(), attributes, links);
  }

  processing(event: TracedEvent, { group, entryId, attempt }: TracedAttempt, parent: string): Span {
    return this.#begin(`process ${event.stream}`, this.#api.SpanKind.CONSUMER, this.#remote(parent), {
      ...SYSTEM,
      ...ofEvent(event),
      ...operation("process"),
      "messaging.consumer.group.name": group,
      "messaging.redis.entry_id": entryId,
      "messaging.redis.attempt": attempt,
    });
  }

  request(method: string, route: string): void {
    const span = this.#api.trace.getActiveSpan();
    span?.updateName(`${method} ${route}`);
    span?.setAttribute("http.route", route);
  }

  current(): string | undefined {
    const context = this.#api.trace.getActiveSpan()?.spanContext();
    return context === undefined ? undefined : traceparentOf(context);
  }

  #begin(
    name: string,
    kind: Otel.SpanKind,
    parent: Otel.Context,
    attributes: Otel.Attributes,
    links: Otel.Link[] = [],
  ): Span {
    const span = this.#tracer.startSpan(name, { kind, attributes, links }, parent);
    return new OtelSpan(this.#api, span, parent, this.#redact);
  }

  /** The span under way where it belongs to the same trace: it is the nearer parent. */
  #around(parent: string | undefined): Otel.Context {
    const active = this.#api.context.active();
    const traceId = this.#api.trace.getSpanContext(active)?.traceId;
    return parent === undefined || traceId === traceIdOf(parent) ? active : this.#remote(parent);
  }

  #remote(traceparent: string): Otel.Context {
    return this.#api.propagation.extract(this.#api.ROOT_CONTEXT, { traceparent });
  }
}

class OtelSpan implements Span {
  readonly traceparent: string;
  readonly #api: typeof Otel;
  readonly #span: Otel.Span;
  readonly #context: Otel.Context;
  readonly #redact: (text: string) => string;

  constructor(api: typeof Otel, span: Otel.Span, parent: Otel.Context, redact: (text: string) => string) {
    this.#api = api;
    this.#redact = redact;
    this.#span = span;
    this.#context = api.trace.setSpan(parent, span);
    this.traceparent = traceparentOf(span.spanContext());
  }

  run<T>(fn: () => T): T {
    return this.#api.context.with(this.#context, fn);
  }

  end({ outcome, error }: SpanEnd = { outcome: "ok" }): void {
    if (error !== undefined) {
      this.#span.setAttribute("error.type", outcome);
      this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: this.#redact(error).slice(0, 500) });
    }
    this.#span.setAttribute("messaging.redis.outcome", outcome);
    this.#span.end();
  }
}

function traceparentOf({ traceId, spanId, traceFlags }: Otel.SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
}

function operation(name: "send" | "create" | "process"): Otel.Attributes {
  return { "messaging.operation.name": name, "messaging.operation.type": name };
}

function ofEvent({ stream, id, type, source, subject }: TracedEvent): Otel.Attributes {
  return {
    "messaging.destination.name": stream,
    "messaging.message.id": id,
    "cloudevents.event_id": id,
    "cloudevents.event_source": source,
    "cloudevents.event_type": type,
    ...(subject === undefined ? {} : { "cloudevents.event_subject": subject }),
  };
}
