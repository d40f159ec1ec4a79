/**
 * `GET /openapi.json` and `GET /asyncapi.json`. Need no token, like the endpoints that they describe: what they hold is
 * what the handlers' authors wrote, and no setting but names.
 * @module
 */
import { createHash } from "node:crypto";
import type { DescriptionSource, KnownHandlers } from "./describe/facts.ts";
import { type Problem, problemResponse } from "./problem.ts";
import type { RouteDoc } from "./route_doc.ts";
import type { Route } from "./routes.ts";

/** A document as it is sent. */
interface Rendered {
  readonly text: string;
  readonly etag: string;
}

const STARTING: Problem = {
  status: 503,
  code: "starting",
  title: "Starting",
  detail: "The handlers are not known yet.",
  headers: { "Retry-After": "1" },
};

/**
 * Both routes. Each document is made once, when it is first asked for, and what makes it is loaded then: a start waits
 * for neither.
 * @param routes Every route that is registered, these included.
 */
export function descriptionRoutes(source: DescriptionSource, routes: () => readonly Route[]): readonly Route[] {
  const openApi = async (): Promise<unknown> => (await import("./describe/openapi.ts")).openApi(routes(), source);
  const asyncApi = async (known: KnownHandlers): Promise<unknown> =>
    (await import("./describe/asyncapi.ts")).asyncApi(known, source);
  return [
    document("/openapi.json", docOf("getOpenApi", "This document.", "OpenAPI 3.1"), source, openApi),
    document("/asyncapi.json", docOf("getAsyncApi", "Which events come and go.", "AsyncAPI 3.0"), source, asyncApi),
  ];
}

function document(
  pattern: string,
  doc: RouteDoc,
  { handlers }: DescriptionSource,
  make: (known: KnownHandlers) => Promise<unknown>,
): Route {
  let made: Promise<Rendered> | null = null;
  const once = (known: KnownHandlers): Promise<Rendered> =>
    made ??= make(known).then(rendered).catch((error) => {
      made = null;
      throw error;
    });
  return {
    method: "GET",
    pattern,
    doc,
    handle: async (request, { correlationId }) => {
      const known = handlers();
      if (known === null) return problemResponse(STARTING, correlationId);
      const { text, etag } = await once(known);
      // May be kept, and must be asked about before it is used again: a new version of the service has another one.
      const headers = { ETag: etag, "Cache-Control": "no-cache" };
      if (isKnown(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
      return new Response(text, { headers: { ...headers, "Content-Type": "application/json" } });
    },
  };
}

function rendered(value: unknown): Rendered {
  const text = JSON.stringify(value);
  return { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"` };
}

/** Compared weakly, as RFC 9110 wants it for `If-None-Match`: proxies that compress make a tag weak. */
function isKnown(header: string | null, etag: string): boolean {
  return header !== null && header.split(",").some((tag) => ["*", etag, `W/${etag}`].includes(tag.trim()));
}

function docOf(id: string, summary: string, format: string): RouteDoc {
  return {
    ...{ id, summary, tag: "descriptions" },
    parameters: [{ name: "If-None-Match", in: "header", description: "The `ETag` of an earlier answer." }],
    answers: {
      200: { description: format, content: { "application/json": { type: "object" } }, headers: ["ETag"] },
      304: { description: "Nothing has changed.", headers: ["ETag"] },
    },
    problems: { 503: ["starting"] },
  };
}
