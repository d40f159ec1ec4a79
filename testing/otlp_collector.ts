/**
 * A collector for tests: takes OpenTelemetry traces over OTLP/HTTP in JSON and keeps their spans.
 * @module
 */

/** A span as it came. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the first of its trace. */
  readonly parentSpanId: string;
  /** OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  /** Text of an error. */
  readonly message: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Span ids that it is linked to. */
  readonly links: readonly string[];
}

/** A collector that listens. */
export interface OtlpCollector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Everything that came so far. */
  readonly spans: readonly CollectedSpan[];
  /** The environment of a process that is to send here. */
  readonly env: Readonly<Record<string, string>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { readonly spanId: string }[];
}

/** Listens on a free port of loopback. */
export function startOtlpCollector(): OtlpCollector {
  const spans: CollectedSpan[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const text = await request.text();
    if (new URL(request.url).pathname === "/v1/traces") spans.push(...spansOf(text));
    return Response.json({});
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const env = {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  };
  return { url, spans, env, [Symbol.asyncDispose]: () => server.shutdown() };
}

function spansOf(text: string): CollectedSpan[] {
  const { resourceSpans = [] } = JSON.parse(text) as {
    resourceSpans?: { scopeSpans: { spans: WireSpan[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans).map((span) => ({
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    kind: span.kind,
    status: span.status?.code ?? 0,
    message: span.status?.message ?? "",
    attributes: Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]])),
    links: (span.links ?? []).map(({ spanId }) => spanId),
  }));
}
