/**
 * What a route is. A layer that adds endpoints gives a list of these; it needs to know neither Hono nor the rest.
 * @module
 */
import type { Correlation } from "./correlation.ts";
import type { RouteDoc } from "./route_doc.ts";

/** What a route knows of a request besides the request. */
export interface RequestContext extends Correlation {
  /** Path parameters, decoded; `{}` where the pattern has none. */
  readonly params: Readonly<Record<string, string>>;
  /** Address of the peer, which may be a proxy; absent where there is no socket. */
  readonly remote?: string;
}

/** One endpoint. `GET` answers `HEAD` too. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A path, `/a/:id`, or `/a/*`. Also the `route` label of metrics. */
  readonly pattern: string;
  /** Its part of `/openapi.json`. Null: a page for people, no part of the API. One or the other is wanted: a test asks. */
  readonly doc?: RouteDoc | null;
  /** Answers. What it throws becomes a generic 500 and is reported. */
  readonly handle: (request: Request, context: RequestContext) => Response | Promise<Response>;
}
