/**
 * `POST /events`: CloudEvents in their three HTTP modes, published all or not at all.
 * @module
 */
import { EventInvalidError } from "../events/errors.ts";
import type { EventInit } from "../events/event.ts";
import { eventOfCut, eventOfHeaders, eventOfJson, type HttpMode, httpModeOf } from "../events/http_codec.ts";
import { isJsonType } from "../events/text.ts";
import { MAX_DELAY_MS } from "../events/validate.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { BatchEventError, type BatchReceipt, type PublishRequest } from "../stream/publisher.ts";
import { readBody } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import { EVENTS_DOC } from "./events_route_doc.ts";
import { publishProblem, unusable } from "./events_route_failures.ts";
import { parseEvents, parseJson } from "./json.ts";
import { jsonResponse, type Problem, problemResponse } from "./problem.ts";
import type { RequestContext, Route } from "./routes.ts";
import { refuseBearer } from "./token.ts";
import { whyUnavailable } from "./unavailable.ts";

/** Publishes all or none; implemented by `stream/publisher.ts`, whose errors are those that it throws. */
export interface BatchPublisher {
  publishAll(inits: readonly EventInit[], request: PublishRequest): Promise<BatchReceipt>;
}

/** What the route needs. */
export interface EventsDeps extends Pick<HttpDeps, "clock" | "health" | "settings"> {
  readonly publisher: BatchPublisher;
  /** `PUBLISH_DEDUP_WINDOW`; 0: repeating a request is not deduplicated, and nobody is told that it were. */
  readonly dedupWindowMs: number;
}

/** The events of a request, or why there are none. */
type Taken =
  | { readonly ok: true; readonly inits: readonly EventInit[]; readonly request: PublishRequest }
  | { readonly ok: false; readonly problem: Problem };

/** Letters, digits and signs, quotes included; a repeated header arrives joined by a comma and a space. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Publishes. Asks for the token first, then whether Redis is usable, then for media type, key and delay, then the body.
 * 202, 400, 401, 408, 413, 415, 422 or 503.
 */
export function eventsRoute(deps: EventsDeps): Route {
  const deadlines = new Deadlines(deps.clock);
  return {
    method: "POST",
    pattern: "/events",
    doc: EVENTS_DOC,
    handle: async (request, context) => {
      const refused = refuseBearer(request.headers, deps.settings.apiToken);
      if (refused !== null) return problemResponse(refused, context.correlationId);
      const unavailable = whyUnavailable(deps.health);
      if (unavailable !== null) return problemResponse(unusable(unavailable, deps), context.correlationId);
      const mode = httpModeOf(request.headers);
      const taken = await take(request, mode, context, deps, deadlines);
      if (!taken.ok) return problemResponse(taken.problem, context.correlationId);
      return await publish(taken, mode === "batch", context, deps);
    },
  };
}

async function publish(
  { inits, request }: Extract<Taken, { ok: true }>,
  batch: boolean,
  context: RequestContext,
  deps: EventsDeps,
): Promise<Response> {
  try {
    const { receipts, durability } = await deps.publisher.publishAll(inits, request);
    const events = receipts.map(({ id, entryId, deduplicated }) => ({ id, entryId, deduplicated }));
    return jsonResponse({ events, durability }, 202);
  } catch (error) {
    return problemResponse(publishProblem(error, batch, deps), context.correlationId);
  }
}

async function take(
  request: Request,
  mode: HttpMode | null,
  context: RequestContext,
  { clock, settings }: EventsDeps,
  deadlines: Deadlines,
): Promise<Taken> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (mode === null || encoding.toLowerCase() !== "identity") return { ok: false, problem: UNSUPPORTED };
  const batchKey = request.headers.get("idempotency-key");
  if (batchKey !== null && !IDEMPOTENCY_KEY.test(batchKey)) return { ok: false, problem: BAD_KEY };
  const delayMs = delayOf(request.url);
  if (delayMs === null) return { ok: false, problem: BAD_DELAY };
  const body = await readBody(request, { clock, maxBytes: settings.maxBodyBytes, deadlines });
  if (!body.ok) return body;
  const events = mode === "binary" ? ofBinary(request.headers, body.bytes) : ofJson(body.bytes, mode);
  if (!events.ok) return events;
  const { correlationId, traceparent } = context;
  const common = {
    delayMs,
    correlationId,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(batchKey === null ? {} : { batchKey }),
  };
  return { ok: true, inits: events.inits, request: common };
}

type Events =
  | { readonly ok: true; readonly inits: readonly EventInit[] }
  | { readonly ok: false; readonly problem: Problem };

function ofJson(bytes: Uint8Array, mode: "structured" | "batch"): Events {
  const json = parseEvents(bytes, mode === "batch");
  if (!json.ok) return json;
  const batch = mode === "batch";
  const { cut } = json;
  if (cut !== null) return decoded(cut.length, batch, (index) => eventOfCut(cut[index]!));
  const values = batch ? json.value : [json.value];
  if (!Array.isArray(values)) return { ok: false, problem: NOT_ARRAY };
  return decoded(values.length, batch, (index) => eventOfJson(values[index]));
}

function ofBinary(headers: Headers, bytes: Uint8Array): Events {
  if (bytes.byteLength > 0 && isJsonType(headers.get("content-type") ?? "application/json")) {
    // For its depth; what is published are the bytes themselves.
    const json = parseJson(bytes);
    if (!json.ok) return { ok: false, problem: { ...json.problem, members: { attribute: "data" } } };
  }
  return decoded(1, false, () => eventOfHeaders(headers, bytes));
}

function decoded(count: number, batch: boolean, eventAt: (index: number) => EventInit): Events {
  const inits: EventInit[] = [];
  for (let index = 0; index < count; index++) {
    try {
      inits.push(eventAt(index));
    } catch (error) {
      if (!(error instanceof EventInvalidError)) throw error;
      return { ok: false, problem: publishProblem(new BatchEventError(index, error), batch) };
    }
  }
  return { ok: true, inits };
}

/** @returns Null: not 0 to 30 days in milliseconds, or given twice. */
function delayOf(url: string): number | null {
  // Most have no query, and then nothing is parsed.
  if (!url.includes("?")) return 0;
  const given = new URL(url).searchParams.getAll("delay");
  if (given.length === 0) return 0;
  const ms = given.length === 1 && /^\d{1,10}$/.test(given[0]!) ? Number(given[0]) : NaN;
  return ms <= MAX_DELAY_MS ? ms : null;
}

const UNSUPPORTED: Problem = {
  status: 415,
  code: "media_type_unsupported",
  title: "Unsupported media type",
  detail:
    "Wanted, uncompressed and in UTF-8: application/cloudevents+json, application/cloudevents-batch+json, or any " +
    "content type with ce-* headers.",
};
const BAD_KEY: Problem = {
  status: 400,
  code: "idempotency_key_invalid",
  title: "Invalid idempotency key",
  detail: "Idempotency-Key is not 1 to 255 printable ASCII characters without spaces, once.",
  members: { attribute: "Idempotency-Key" },
};
const BAD_DELAY: Problem = {
  status: 400,
  code: "delay_invalid",
  title: "Invalid delay",
  detail: `delay is not an integer from 0 to ${MAX_DELAY_MS} (ms, 30 days), once.`,
  members: { attribute: "delay" },
};
const NOT_ARRAY: Problem = {
  status: 400,
  code: "body_not_array",
  title: "Invalid body",
  detail: "The body is JSON but no array; an array of events is wanted.",
};
