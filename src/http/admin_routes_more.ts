/**
 * What the dashboard needs of the admin API besides the contract's endpoints: state and history, search, consumers by the
 * page, dead letters by group and in bulk, a test event, the audit trail.
 * @module
 */
import type { AuditTrail } from "../admin/audit.ts";
import { CONSUMER_PARAMS } from "../admin/consumers.ts";
import type { AdminCore } from "../admin/core.ts";
import { AdminError, invalid } from "../admin/errors.ts";
import type { Params } from "../admin/input.ts";
import type { BulkRequest, PickedLetter } from "../admin/letter_bulk.ts";
import { GROUP_PARAMS } from "../admin/letter_groups.ts";
import { SEARCH_PARAMS } from "../admin/search.ts";
import type { Watch } from "../admin/watch.ts";
import { EventInvalidError } from "../events/validate.ts";
import type { Guard, GuardOptions } from "./admin_routes_guard.ts";
import { readBody } from "./body.ts";
import type { EventPublisher } from "./deps.ts";
import { isJsonMediaType, isJsonObject, parseJson } from "./json.ts";
import { jsonResponse, problemResponse } from "./problem.ts";
import type { RequestContext, Route } from "./routes.ts";

/** What the routes are made of. */
export interface MoreAdminOptions extends Pick<GuardOptions, "clock"> {
  readonly guard: Guard;
  /** Null while the service starts. */
  readonly core: () => AdminCore | null;
  readonly watch: Watch;
  readonly trail: AuditTrail;
  readonly publisher: EventPublisher;
}

/** Five hundred picked letters are some 40 KB. */
const MAX_BODY_BYTES = 131_072;
const BULK_PARAMS = [...GROUP_PARAMS, "until", "cursor"] as const;
const TEST_TYPE = "test.manual";

type Json = Readonly<Record<string, unknown>>;

/** Every endpoint, behind the same guard as the others. */
export function moreAdminRoutes(options: MoreAdminOptions): readonly Route[] {
  return [...looking(options), ...changing(options)];
}

function looking({ guard, core: find, watch, trail }: MoreAdminOptions): readonly Route[] {
  const core = (): AdminCore => coreOf(find);
  return [
    guard.route("GET", "now", async () => jsonResponse(await watch.now())),
    guard.route("GET", "history", (request) => jsonResponse(watch.history.view(query(request, ["minutes"])))),
    guard.route(
      "GET",
      "consumers",
      async (request) => jsonResponse(await core().consumers(query(request, CONSUMER_PARAMS))),
    ),
    guard.route("GET", "search", async (request) => jsonResponse(await core().search(query(request, SEARCH_PARAMS)))),
    guard.route(
      "GET",
      "dead-letter-groups",
      async (request) => jsonResponse(await core().letters.groups(query(request, GROUP_PARAMS))),
    ),
    guard.route("GET", "audit", () => jsonResponse(trail.page)),
  ];
}

function changing(options: MoreAdminOptions): readonly Route[] {
  const { guard } = options;
  return [
    guard.route("POST", "dead-letters/bulk", async (request, context) => {
      const body = await bodyOf(request, options, context);
      if (body instanceof Response) return body;
      const bulk = bulkRequestOf(body);
      const work = () => coreOf(options.core).letters.bulk(bulk);
      // A dry run changes nothing, so that it leaves no line.
      if (bulk.dryRun) return jsonResponse(await work());
      const target = JSON.stringify(bulk.letters ?? bulk.params).slice(0, 500);
      return jsonResponse(await guard.audited({ action: `dead_letters.${bulk.action}`, target }, context, work));
    }),
    guard.route("POST", "test-event", async (request, context) => {
      const body = await bodyOf(request, options, context);
      if (body instanceof Response) return body;
      const { data = { message: "Test event from the dashboard" }, subject } = body;
      if (subject !== undefined && typeof subject !== "string") throw invalid("subject", "text");
      const change = { action: "test_event.publish", target: TEST_TYPE };
      return jsonResponse(await guard.audited(change, context, () => publish(options, data, subject, context)));
    }),
  ];
}

async function publish(
  { publisher }: MoreAdminOptions,
  data: unknown,
  subject: string | undefined,
  { correlationId, traceparent }: RequestContext,
): Promise<Json> {
  const extensions = { correlationid: correlationId, ...(traceparent === undefined ? {} : { traceparent }) };
  try {
    const receipt = await publisher.publish({
      type: TEST_TYPE,
      data,
      ...(subject ? { subject } : {}),
      extensions,
    });
    return { stream: receipt.stream, eventId: receipt.id, entryId: receipt.entryId };
  } catch (error) {
    if (error instanceof EventInvalidError) throw new AdminError("invalid", error.message, error.attribute);
    throw error;
  }
}

function coreOf(find: () => AdminCore | null): AdminCore {
  const found = find();
  if (found === null) throw new AdminError("starting", "The service is still starting");
  return found;
}

/** @throws {AdminError} `invalid`: given twice. */
function query(request: Request, names: readonly string[]): Params {
  const { searchParams } = new URL(request.url);
  return Object.fromEntries(names.flatMap((name) => {
    const values = searchParams.getAll(name);
    if (values.length > 1) throw invalid(name, "it once");
    return values[0] === undefined ? [] : [[name, values[0]]];
  }));
}

async function bodyOf(
  request: Request,
  { clock }: MoreAdminOptions,
  { correlationId }: RequestContext,
): Promise<Json | Response> {
  const body = await readBody(request, { clock, maxBytes: MAX_BODY_BYTES });
  if (!body.ok) return problemResponse(body.problem, correlationId);
  if (body.bytes.byteLength === 0) return {};
  if (!isJsonMediaType(request.headers.get("content-type"))) throw invalid("body", "application/json, or none");
  const json = parseJson(body.bytes);
  if (!json.ok) return problemResponse(json.problem, correlationId);
  if (!isJsonObject(json.value)) throw invalid("body", "a JSON object");
  return json.value;
}

/** A misspelt filter would match everything. @throws {AdminError} `invalid` */
function bulkRequestOf(body: Json): BulkRequest {
  const { action, dryRun = false, letters, ...filter } = body;
  if (action !== "replay" && action !== "delete") throw invalid("action", "replay or delete");
  if (typeof dryRun !== "boolean") throw invalid("dryRun", "true or false");
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(filter)) {
    if (!(BULK_PARAMS as readonly string[]).includes(name)) {
      throw invalid(name.slice(0, 40), `none but action, dryRun, letters, ${BULK_PARAMS.join(", ")}`);
    }
    if (value === null || value === "") continue;
    if (typeof value !== "string") throw invalid(name, "text");
    params[name] = value;
  }
  if (letters === undefined) return { action, dryRun, params };
  if (Object.keys(params).length > 0) throw invalid("letters", "either letters or a filter");
  return { action, dryRun, params, letters: pickedOf(letters) };
}

function pickedOf(letters: unknown): readonly PickedLetter[] {
  if (!Array.isArray(letters)) throw invalid("letters", "a list");
  return letters.map((letter: unknown) => {
    const { id, stream } = isJsonObject(letter) ? letter : {};
    if (typeof id !== "string" || typeof stream !== "string") throw invalid("letters", "a list of {id, stream}");
    return { id, stream };
  });
}
