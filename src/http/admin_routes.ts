/**
 * The admin API: the admin core over HTTP, below `/admin/api`, for whoever has the token.
 *
 * A bearer token is never sent by a browser on its own, so that no other site can make one act (CSRF). Answers are never
 * cached (`no-store`, as everywhere).
 * @module
 */
import type { AdminCore } from "../admin/core.ts";
import { AdminError, invalid } from "../admin/errors.ts";
import { EVENT_PARAMS } from "../admin/events.ts";
import type { Params } from "../admin/input.ts";
import { LETTER_PARAMS, REPLAY_PARAMS } from "../admin/letters.ts";
import type { LiveHub } from "../admin/live.ts";
import { Guard, type GuardOptions } from "./admin_routes_guard.ts";
import { liveResponse } from "./admin_routes_live.ts";
import { readBody } from "./body.ts";
import { isJsonMediaType, isJsonObject, parseJson } from "./json.ts";
import { jsonResponse, problemResponse } from "./problem.ts";
import type { RequestContext, Route } from "./routes.ts";

/** What the routes are made of. */
export interface AdminRoutesOptions extends GuardOptions {
  /** Null while the service starts. */
  readonly core: () => AdminCore | null;
  readonly live: LiveHub;
  /** Default: one of its own. */
  readonly guard?: Guard;
}

/** Filters are short. */
const MAX_BODY_BYTES = 65_536;

/** Every endpoint. Without a token there are none: give no routes then. */
export function adminRoutes(options: AdminRoutesOptions): readonly Route[] {
  const guard = options.guard ?? new Guard(options);
  return [...queries(guard, options), ...letterRoutes(guard, options), ...commands(guard, options)];
}

function queries(guard: Guard, options: AdminRoutesOptions): readonly Route[] {
  const { live, clock } = options;
  const core = coreOf(options);
  return [
    guard.route("GET", "overview", async () => jsonResponse(await core().overview())),
    guard.route("GET", "events", async (request) => jsonResponse(await core().events(query(request, EVENT_PARAMS)))),
    guard.route(
      "GET",
      "events/:entryId",
      async (request, { params }) => jsonResponse(await core().where(params["entryId"]!, query(request, ["stream"]))),
    ),
    guard.route("GET", "schedules", async () => jsonResponse(await core().schedules())),
    guard.route("GET", "scaling", async () => jsonResponse(await core().scaling())),
    guard.route("GET", "live", (request, { correlationId }) => {
      const { kinds } = query(request, ["kinds"]);
      return liveResponse(live, clock, { method: request.method, correlationId, kinds });
    }),
  ];
}

function letterRoutes(guard: Guard, options: AdminRoutesOptions): readonly Route[] {
  const core = coreOf(options);
  const idOf = ({ params }: RequestContext): string => params["id"]!;
  const change = (action: string, context: RequestContext) => ({ action, target: idOf(context).slice(0, 64) });
  return [
    guard.route(
      "GET",
      "dead-letters",
      async (request) => jsonResponse(await core().letters.list(query(request, LETTER_PARAMS))),
    ),
    guard.route("POST", "dead-letters/replay", async (request, context) => {
      const body = await filterOf(request, options, context);
      if (body instanceof Response) return body;
      const params = { ...query(request, REPLAY_PARAMS), ...body };
      const target = JSON.stringify(params).slice(0, 500);
      const action = "dead_letters.replay";
      return jsonResponse(await guard.audited({ action, target }, context, () => core().letters.replayAll(params)));
    }),
    guard.route(
      "GET",
      "dead-letters/:id",
      async (request, context) => jsonResponse(await core().letters.show(idOf(context), query(request, ["stream"]))),
    ),
    guard.route("POST", "dead-letters/:id/replay", async (request, context) => {
      const work = () => core().letters.replay(idOf(context), query(request, ["stream"]));
      return jsonResponse(await guard.audited(change("dead_letter.replay", context), context, work));
    }),
    guard.route("DELETE", "dead-letters/:id", async (request, context) => {
      const work = () => core().letters.remove(idOf(context), query(request, ["stream"]));
      return jsonResponse(await guard.audited(change("dead_letter.delete", context), context, work));
    }),
  ];
}

function commands(guard: Guard, options: AdminRoutesOptions): readonly Route[] {
  const core = coreOf(options);
  const pause = (action: "pause" | "resume") =>
    guard.route("POST", `consumer/${action}`, async (_request, context) => {
      const work = () => core().setPaused(action === "pause");
      return jsonResponse(await guard.audited({ action: `consumer.${action}`, target: "group" }, context, work));
    });
  return [
    pause("pause"),
    pause("resume"),
    guard.route("POST", "schedules/:name/run", async (_request, context) => {
      const name = context.params["name"]!;
      const desk = core().scheduling;
      if (desk === null) throw new AdminError("not_found", "There are no schedules here");
      const change = { action: "schedule.run", target: name.slice(0, 128) };
      return jsonResponse(await guard.audited(change, context, () => desk.run(name)));
    }),
  ];
}

function coreOf({ core }: AdminRoutesOptions): () => AdminCore {
  return () => {
    const found = core();
    if (found === null) throw new AdminError("starting", "The service is still starting");
    return found;
  };
}

/** Of the known names; what others say is ignored, unless a change would depend on it. @throws {AdminError} `invalid`: given twice. */
function query(request: Request, names: readonly string[]): Params {
  const { searchParams } = new URL(request.url);
  const found: Record<string, string> = {};
  const asked = names === REPLAY_PARAMS ? [...new Set(searchParams.keys())] : names;
  for (const name of asked) {
    const values = searchParams.getAll(name);
    if (values.length > 1) throw invalid(name.slice(0, 40), "it once");
    if (values[0] !== undefined) found[name] = values[0];
  }
  return found;
}

/** The body's members as text; `{"filter": {…}, "dryRun": true}` and `{…, "dryRun": true}` are the same. */
async function filterOf(
  request: Request,
  { clock }: AdminRoutesOptions,
  { correlationId }: RequestContext,
): Promise<Params | Response> {
  const body = await readBody(request, { clock, maxBytes: MAX_BODY_BYTES });
  if (!body.ok) return problemResponse(body.problem, correlationId);
  if (body.bytes.byteLength === 0) return {};
  if (!isJsonMediaType(request.headers.get("content-type"))) {
    const detail = "An application/json body, or none, is wanted.";
    const problem = { status: 415, code: "media_type_unsupported", title: "Unsupported media type", detail };
    return problemResponse(problem, correlationId);
  }
  const json = parseJson(body.bytes);
  if (!json.ok) return problemResponse(json.problem, correlationId);
  if (!isJsonObject(json.value)) throw invalid("body", "a JSON object");
  const { filter = {}, ...rest } = json.value;
  if (!isJsonObject(filter)) throw invalid("filter", "a JSON object");
  return asText({ ...filter, ...rest });
}

function asText(values: Readonly<Record<string, unknown>>): Params {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === null) return [];
      if (typeof value === "string" || typeof value === "boolean") return [[name, String(value)]];
      throw invalid(name.slice(0, 40), "text, true or false");
    }),
  );
}
