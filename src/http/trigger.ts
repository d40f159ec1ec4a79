/**
 * `POST /trigger-test-event`.
 * @module
 */
import type { EventInit } from "../events/event.ts";
import { readBody } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import { isJsonMediaType, isJsonObject, parseJson } from "./json.ts";
import { jsonResponse, type Problem, problemResponse } from "./problem.ts";
import { RateLimit } from "./rate_limit.ts";
import type { RouteDoc } from "./route_doc.ts";
import type { RequestContext, Route } from "./routes.ts";
import { refuseBearer } from "./token.ts";
import { publishFailure, unavailableResponse, whyUnavailable } from "./unavailable.ts";

type Deps = Pick<HttpDeps, "clock" | "health" | "publisher" | "settings">;
type Data = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: Problem };

/** Type of the events that the trigger publishes. */
const EVENT_TYPE = "test.manual";
/** `data` where the request has no body. */
const DEFAULT_DATA = Object.freeze({ message: "Test event triggered over HTTP" });

/**
 * Publishes a `test.manual` event whose `data` is the JSON object of the body, if any. Asks for the token first, then
 * the rate limit, then the body. 200, 400, 401, 408, 413, 415, 429 or 503.
 */
export function triggerRoute(deps: Deps): Route {
  const limit = new RateLimit(deps.settings.triggerRateLimit, () => deps.clock.monotonic());
  return {
    method: "POST",
    pattern: "/trigger-test-event",
    doc: DOC,
    handle: async (request, context) => {
      const refused = refuseBearer(request.headers, deps.settings.apiToken) ?? tooMany(limit);
      if (refused) return problemResponse(refused, context.correlationId);
      const unavailable = whyUnavailable(deps.health);
      if (unavailable !== null) return unavailableResponse(unavailable, deps.settings);
      const data = await readData(request, deps);
      return data.ok ? await publish(deps, data.value, context) : problemResponse(data.problem, context.correlationId);
    },
  };
}

function tooMany(limit: RateLimit): Problem | null {
  const waitSeconds = limit.take();
  if (waitSeconds === 0) return null;
  return {
    status: 429,
    code: "rate_limited",
    title: "Too many requests",
    detail: `Try again in ${waitSeconds} s.`,
    headers: { "Retry-After": String(waitSeconds) },
  };
}

async function readData(request: Request, { clock, settings }: Deps): Promise<Data> {
  const body = await readBody(request, { clock, maxBytes: settings.maxBodyBytes });
  if (!body.ok) return body;
  if (body.bytes.byteLength === 0) return { ok: true, value: DEFAULT_DATA };
  const unsupported = refuseMedia(request.headers);
  if (unsupported) return { ok: false, problem: unsupported };
  const json = parseJson(body.bytes);
  if (!json.ok || isJsonObject(json.value)) return json;
  const detail = "The body is JSON but no object; an object or no body is wanted.";
  return { ok: false, problem: { status: 400, code: "body_not_object", title: "Invalid body", detail } };
}

function refuseMedia(headers: Headers): Problem | null {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (isJsonMediaType(headers.get("content-type")) && encoding.toLowerCase() === "identity") return null;
  return {
    status: 415,
    code: "media_type_unsupported",
    title: "Unsupported media type",
    detail: "An uncompressed application/json body, or no body, is wanted.",
  };
}

async function publish(deps: Deps, data: unknown, context: RequestContext): Promise<Response> {
  const event: EventInit = { type: EVENT_TYPE, data };
  try {
    const { stream, id, entryId } = await deps.publisher.publish(event, context);
    return jsonResponse({ success: true, message: "Test event published", stream, eventId: id, entryId });
  } catch (error) {
    const failure = publishFailure(error);
    if (failure === null) throw error;
    if (typeof failure === "string") return unavailableResponse(failure, deps.settings);
    return problemResponse(failure, context.correlationId);
  }
}

const DOC: RouteDoc = {
  id: "triggerTestEvent",
  tag: "publishing",
  summary: "Publishes a `test.manual` event.",
  token: "api",
  body: {
    required: false,
    description: "Becomes the event's data.",
    content: { "application/json": { type: "object" } },
  },
  answers: {
    200: { description: "Published.", content: { "application/json": "Triggered" } },
    503: {
      description: "Redis is not usable.",
      content: { "application/json": "Refusal" },
      headers: ["Retry-After"],
    },
  },
  problems: {
    400: ["body_not_json", "body_not_object", "body_not_utf8", "body_too_deep", "body_incomplete", "event_invalid"],
    401: ["unauthorized"],
    408: ["body_too_slow"],
    413: ["body_too_large", "event_too_large"],
    415: ["media_type_unsupported"],
    429: ["rate_limited"],
  },
};
