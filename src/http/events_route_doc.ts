/**
 * `POST /events` as its callers see it.
 * @module
 */
import { MAX_DELAY_MS } from "../events/validate.ts";
import type { ParameterDoc, RouteDoc } from "./route_doc.ts";

const ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "time"] as const;

const CE_HEADERS: readonly ParameterDoc[] = ATTRIBUTES.map((name) => ({
  name: `ce-${name}`,
  in: "header",
  description: `Binary mode: \`${name}\`, percent-encoded UTF-8.`,
}));

/** See the module's text. */
export const EVENTS_DOC: RouteDoc = {
  id: "publishEvents",
  tag: "publishing",
  summary: "Publishes CloudEvents: one, a batch (all or nothing), or one in binary mode.",
  description:
    "Answers when Redis has them. Whoever got no answer, or a 503, repeats the request: the same `source` and " +
    "`id`, or the same `Idempotency-Key`, adds nothing a second time. In binary mode every other `ce-` header is an " +
    "extension.",
  token: "api",
  parameters: [
    {
      name: "delay",
      in: "query",
      description: "Holds events that have no `deliverat` of their own for so many ms.",
      schema: { type: "integer", minimum: 0, maximum: MAX_DELAY_MS },
    },
    {
      name: "Idempotency-Key",
      in: "header",
      description: "Covers the request as a whole.",
      schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
    },
    ...CE_HEADERS,
  ],
  body: {
    required: false,
    description: "The event, the events, or in binary mode the data of any content type.",
    content: {
      "application/cloudevents+json": "CloudEvent",
      "application/cloudevents-batch+json": "CloudEvents",
      "*/*": {},
    },
  },
  answers: { 202: { description: "Redis has them.", content: { "application/json": "Published" } } },
  problems: {
    400: [
      ...["event_invalid", "body_not_json", "body_not_array", "body_not_utf8", "body_too_deep", "body_incomplete"],
      ...["delay_invalid", "idempotency_key_invalid"],
    ],
    401: ["unauthorized"],
    408: ["body_too_slow"],
    413: ["body_too_large", "event_too_large"],
    415: ["media_type_unsupported"],
    422: ["idempotency_key_reused"],
    503: ["redis_unusable", "outcome_unknown", "durability_not_reached", "shutting_down"],
  },
};
