/**
 * The admin API as its callers see it.
 * @module
 */
import { DEFAULT_LIMIT, MAX_LIMIT } from "../admin/input.ts";
import type { ContentDoc, ParameterDoc, RouteDoc } from "./route_doc.ts";
import type { SchemaName } from "./describe/schemas.ts";

const query = (name: string, description: string, schema?: ParameterDoc["schema"]): ParameterDoc => ({
  ...{ name, in: "query", description },
  ...(schema === undefined ? {} : { schema }),
});
const path = (name: string, description: string): ParameterDoc => ({ name, in: "path", description });

const STREAM = query("stream", "Only wanted where several streams are read.");
const LIMIT = query("limit", `Most items; ${DEFAULT_LIMIT} where absent.`, {
  ...{ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
});
const CURSOR = query("cursor", "`next` of the part before.");
const TYPE = query("type", "Only events of this type.");
const REASON = query("reason", "Only letters of this reason.");
const FROM_TO = ["from", "to"].map((name) => query(name, "RFC 3339, epoch ms, or an entry id; included."));
const LETTER = [path("id", "The letter's own entry id."), STREAM];

interface Parts {
  readonly id: string;
  readonly summary: string;
  readonly answer: SchemaName | ContentDoc;
  readonly parameters?: readonly ParameterDoc[];
  readonly body?: RouteDoc["body"];
  /** Besides those of every endpoint here. */
  readonly problems?: RouteDoc["problems"];
}

function admin({ id, summary, answer, parameters, body, problems = {} }: Parts): RouteDoc {
  const content = typeof answer === "string" ? { "application/json": answer } : answer;
  const { 429: more = [], ...rest } = problems;
  return {
    ...{ id, summary, tag: "admin", token: "admin" },
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { body }),
    answers: { 200: { description: "Done.", content } },
    problems: {
      401: ["unauthorized"],
      429: ["rate_limited", ...more],
      503: ["starting", "redis_unusable"],
      ...rest,
    },
  };
}

const INVALID = { 400: ["parameter_invalid"] } as const;
const ONE = { ...INVALID, 404: ["not_found"] } as const;
const ONE_CHANGED = { ...ONE, 409: ["ambiguous"] } as const;
const BAD_BODY = ["parameter_invalid", "body_not_json", "body_not_utf8", "body_too_deep", "body_incomplete"];

/** One for each endpoint, by method and path below `/admin/api`. Null: for the dashboard alone, which it may change with. */
export const ADMIN_DOCS: Readonly<Record<string, RouteDoc | null>> = {
  "GET overview": admin({
    id: "getOverview",
    summary: "Everything at a glance, also while Redis is away.",
    answer: "Overview",
  }),
  "GET events": admin({
    ...{ id: "listEvents", summary: "Events by time, oldest first.", answer: "EventPage", problems: INVALID },
    parameters: [...FROM_TO, TYPE, STREAM, LIMIT, CURSOR],
  }),
  "GET events/:entryId": admin({
    ...{ id: "getEvent", summary: "Where is it, and what became of its attempts?", answer: "Place", problems: ONE },
    parameters: [path("entryId", "As Redis gave it."), STREAM],
  }),
  "GET dead-letters": admin({
    ...{ id: "listDeadLetters", summary: "Dead letters, newest first.", answer: "LetterPage", problems: INVALID },
    parameters: [TYPE, REASON, STREAM, LIMIT, CURSOR],
  }),
  "GET dead-letters/:id": admin({
    ...{
      id: "getDeadLetter",
      summary: "One dead letter.",
      answer: "Letter",
      parameters: LETTER,
      problems: ONE_CHANGED,
    },
  }),
  "POST dead-letters/:id/replay": admin({
    ...{ id: "replayDeadLetter", summary: "Gives one letter back to its group, once.", answer: "Replayed" },
    ...{ parameters: LETTER, problems: ONE_CHANGED },
  }),
  "POST dead-letters/replay": admin({
    ...{ id: "replayDeadLetters", summary: "Gives back every letter that fits.", answer: "Replayed" },
    parameters: [TYPE, REASON, STREAM, query("dryRun", "Only count.", { type: "boolean" })],
    body: {
      required: false,
      description: "The filter, here or as query parameters; the body wins.",
      content: { "application/json": "ReplayFilter" },
    },
    problems: {
      400: BAD_BODY,
      408: ["body_too_slow"],
      413: ["body_too_large"],
      415: ["media_type_unsupported"],
    },
  }),
  "DELETE dead-letters/:id": admin({
    ...{ id: "deleteDeadLetter", summary: "Throws a letter away for good.", answer: "Deleted" },
    ...{ parameters: LETTER, problems: ONE_CHANGED },
  }),
  "POST consumer/pause": admin({
    id: "pauseConsumer",
    summary: "Stops the whole group from handling.",
    answer: "Paused",
  }),
  "POST consumer/resume": admin({ id: "resumeConsumer", summary: "Ends a pause.", answer: "Paused" }),
  "GET schedules": admin({ id: "listSchedules", summary: "Schedules, with what comes next.", answer: "SchedulePage" }),
  "POST schedules/:name/run": admin({
    ...{ id: "runSchedule", summary: "One more occurrence, now.", answer: "ScheduleRun" },
    ...{ parameters: [path("name", "The schedule's.")], problems: { 404: ["not_found"] } },
  }),
  "GET live": admin({
    ...{ id: "watchLive", summary: "What happens in this process, as server-sent events." },
    answer: { "text/event-stream; charset=utf-8": { type: "string" } },
    parameters: [query("kinds", "Only messages of these kinds, separated by commas; all where absent.")],
    problems: { ...INVALID, 429: ["too_many_clients"] },
  }),
  "GET scaling": admin({ id: "getScaling", summary: "Figures for an autoscaler.", answer: "Scaling" }),
  "GET now": null,
  "GET history": null,
  "GET consumers": null,
  "GET search": null,
  "GET dead-letter-groups": null,
  "GET audit": null,
  "POST dead-letters/bulk": null,
  "POST test-event": null,
};

/** The part of a route. @returns Empty where it was forgotten. */
export function docOf(method: string, path: string): { readonly doc?: RouteDoc | null } {
  const doc = ADMIN_DOCS[`${method} ${path}`];
  return doc === undefined ? {} : { doc };
}
