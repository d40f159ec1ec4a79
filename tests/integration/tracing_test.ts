/** OpenTelemetry, as a collector sees it, and the identifiers on the lines of a request and of its attempts. */
import assert from "node:assert/strict";
import { type CollectedSpan, startOtlpCollector } from "../../testing/otlp_collector.ts";
import { startRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const SECRET = "s3cr3t-canary-token";
const HANDLERS = "./tests/fixtures/tracing/handlers.ts";

async function post(url: string, events: readonly object[], headers: Record<string, string>): Promise<Response> {
  const response = await fetch(`${url}/events`, {
    method: "POST",
    headers: { "content-type": "application/cloudevents-batch+json", ...headers },
    body: JSON.stringify(events),
    signal: AbortSignal.timeout(10_000),
  });
  await response.body?.cancel();
  return response;
}

function placed(id: string, url: string): object {
  return {
    specversion: "1.0",
    id,
    type: "order.placed",
    source: "shop",
    subject: "o-1",
    data: { url, note: `the key is ${SECRET}` },
  };
}

/** Spans by name, the way from each to the root told as names. */
function pathOf(span: CollectedSpan, all: readonly CollectedSpan[]): string[] {
  const parent = all.find(({ spanId }) => spanId === span.parentSpanId);
  return parent === undefined ? [span.name] : [...pathOf(parent, all), span.name];
}

Deno.test("publish, handle and effect are one trace, retries and calls of the handler included", async () => {
  await using redis = await startRedis();
  await using collector = startOtlpCollector();
  await using called = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("hi"));
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS, RETRY_BACKOFF: "50", ADMIN_TOKEN: SECRET, ...collector.env },
  });
  const url = await service.ready();
  const response = await post(url, [placed("e-1", `http://127.0.0.1:${called.addr.port}/called`)], {
    traceparent: TRACEPARENT,
  });
  assert.equal(response.status, 202);
  const ours = (): CollectedSpan[] => collector.spans.filter(({ traceId }) => traceId === TRACE_ID);
  const invoiced = (): CollectedSpan | undefined =>
    ours().find(({ attributes }) =>
      attributes["cloudevents.event_type"] === "invoice.requested" &&
      attributes["messaging.operation.type"] === "process"
    );
  await waitFor(() => invoiced(), { timeoutMs: 20_000, what: "the span of the effect's handler" });
  const all = ours();
  assert.deepEqual(pathOf(invoiced()!, all), [
    "POST /events",
    "send event-stream",
    "process event-stream",
    "create event-stream",
    "process event-stream",
  ]);
  const attempts = all.filter(({ attributes }) =>
    attributes["cloudevents.event_id"] === "e-1" && attributes["messaging.operation.type"] === "process"
  );
  assert.deepEqual(
    attempts.map(({ status, attributes }) => [attributes["messaging.redis.outcome"], status]).toSorted(),
    [
      ["returned", 0],
      ["threw", 2],
    ],
  );
  assert.match(attempts.map(({ message }) => message).join(""), /^Error: not yet: the key is \*\*\*/);
  assert.doesNotMatch(JSON.stringify(collector.spans), new RegExp(SECRET), "no secret leaves with the spans");
  const [attempt] = attempts;
  assert.equal(attempt!.kind, 5, "a consumer");
  assert.equal(attempt!.attributes["messaging.system"], "redis");
  assert.equal(attempt!.attributes["messaging.destination.name"], "event-stream");
  assert.equal(attempt!.attributes["messaging.consumer.group.name"], "redis-stream-service");
  const calls = all.filter(({ kind, name }) => kind === 3 && name === "GET");
  assert.equal(calls.length, 2);
  assert.ok(calls.every(({ parentSpanId }) => attempts.some(({ spanId }) => spanId === parentSpanId)));
  const root = all.find(({ name }) => name === "POST /events");
  assert.equal(root?.parentSpanId, "00f067aa0ba902b7", "the caller's span is its parent");
  const created = all.filter(({ name }) => name === "create event-stream");
  assert.equal(created.length, 1, "the effect of the attempt that failed was never there");
});

Deno.test("a batch is sent in a span that is linked to the one of each event", async () => {
  await using redis = await startRedis();
  await using collector = startOtlpCollector();
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, CONSUMER_ENABLED: "false", ...collector.env },
  });
  const url = await service.ready();
  await post(url, [placed("a", url), placed("b", url)], { traceparent: TRACEPARENT });
  const named = (name: string): CollectedSpan[] => collector.spans.filter((span) => span.name === name);
  await waitFor(() => named("send event-stream").length === 1 && named("create event-stream").length === 2, {
    timeoutMs: 15_000,
    what: "the spans of the batch",
  });
  const [sent] = named("send event-stream");
  assert.deepEqual(sent!.links.toSorted(), named("create event-stream").map(({ spanId }) => spanId).toSorted());
  assert.equal(Number(sent!.attributes["messaging.batch.message_count"]), 2);
  const stored = await redis.command(["XRANGE", "event-stream", "-", "+"]) as [string, string[]][];
  const parents = stored.map(([, fields]) => fields[fields.indexOf("traceparent") + 1]!.split("-")[2]);
  assert.deepEqual(parents.toSorted(), named("create event-stream").map(({ spanId }) => spanId).toSorted());
});

Deno.test("every line of a request and of its attempts has its identifiers, also where nobody collects traces", async () => {
  await using redis = await startRedis();
  await using called = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("hi"));
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS, RETRY_BACKOFF: "50", LOG_LEVEL: "DEBUG" },
  });
  const url = await service.ready();
  const target = `http://127.0.0.1:${called.addr.port}`;
  const response = await post(url, [placed("e-2", target)], { "x-correlation-id": "mine" });
  assert.equal(response.headers.get("x-correlation-id"), "mine");
  const traceId = response.headers.get("traceparent")?.split("-")[1];
  assert.match(traceId ?? "", /^[0-9a-f]{32}$/, "a request without a trace is given one");
  await service.record((record) => String(record["message"]).startsWith("invoicing"), "the effect to be handled");
  const wanted = [/^POST \/events 202/, /^placing attempt 1/, /failed, retry in/, /^placing attempt 2/, /^invoicing/];
  for (const text of wanted) {
    const line = service.records.find(({ message }) => text.test(String(message)));
    assert.equal(line?.["correlationId"], "mine", String(text));
    assert.equal(line?.["traceId"], traceId, String(text));
  }
});
