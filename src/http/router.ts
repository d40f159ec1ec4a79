/**
 * One function from request to response, without a socket: checks the target, finds the route, makes every answer safe.
 * @module
 */
import { Hono } from "hono";
import { type Correlation, correlationOf, traced } from "./correlation.ts";
import type { HttpDeps } from "./deps.ts";
import { descriptionRoutes } from "./describe_routes.ts";
import { healthRoutes } from "./health_routes.ts";
import { type Problem, problemResponse } from "./problem.ts";
import type { RequestContext, Route } from "./routes.ts";
import { finish } from "./security.ts";
import { targetOf } from "./target.ts";
import { triggerRoute } from "./trigger.ts";

/** Answers a request. Never rejects. */
export type HttpHandler = (request: Request, info?: Deno.ServeHandlerInfo) => Promise<Response>;

/** Of one request, filled in on the way. */
interface Bindings {
  readonly correlation: Correlation;
  readonly path: string;
  readonly remote: string | null;
  route: string;
}

/** Label of what no route matched. */
const NO_ROUTE = "other";
/** Methods that metrics may name; any token can be a method, and labels must be bounded. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const NOT_FOUND: Problem = { status: 404, code: "not_found", title: "Not found" };
const FAULT: Problem = { status: 500, code: "internal_error", title: "Internal error" };

/**
 * The service's HTTP handler: health, trigger, and what else is given.
 * @param deps See {@link HttpDeps}.
 * @param more Further routes.
 */
export function createRouter(deps: HttpDeps, more: readonly Route[] = []): HttpHandler {
  const routes = allRoutes(deps, more);
  const doors = { app: buildApp(routes), fixed: fixedRoutes(routes) };
  const run = deps.runInContext ?? ((_ids, fn) => fn());
  return async (request, info) => {
    const startedAt = deps.clock.monotonic();
    const correlation = traced(correlationOf(request.headers), deps.currentTrace?.());
    const bindings: Bindings = { correlation, path: "", remote: remoteOf(info), route: NO_ROUTE };
    const { correlationId, traceId } = correlation;
    let response: Response;
    try {
      response = await run(bindings.correlation, () => answer(doors, request, bindings));
    } catch (error) {
      deps.onError(error, correlationId);
      response = problemResponse(FAULT, correlationId);
    }
    deps.onRequest({
      method: METHODS.has(request.method) ? request.method : "OTHER",
      route: bindings.route,
      status: response.status,
      durationMs: deps.clock.monotonic() - startedAt,
      correlationId,
      ...(traceId === undefined ? {} : { traceId }),
    });
    return finish(response, bindings.correlation);
  };
}

/** Every route that {@link createRouter} answers, in order. */
export function allRoutes(deps: HttpDeps, more: readonly Route[] = []): readonly Route[] {
  const routes: readonly Route[] = [...healthRoutes(deps.health), triggerRoute(deps), ...more];
  if (deps.description === undefined) return routes;
  const all: readonly Route[] = [...routes, ...descriptionRoutes(deps.description, () => all)];
  return all;
}

type App = Hono<{ Bindings: Bindings }>;

/** Who answers: a route with a fixed path at once, everything else over Hono, which costs several microseconds. */
interface Doors {
  readonly app: App;
  /** By path, then by method. */
  readonly fixed: ReadonlyMap<string, ReadonlyMap<string, Route>>;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

function answer({ app, fixed }: Doors, request: Request, bindings: Bindings): Response | Promise<Response> {
  const { correlationId } = bindings.correlation;
  const target = targetOf(request);
  if (!target.ok) return problemResponse(target.problem, correlationId);
  // `CONNECT host:port` and `OPTIONS *` ask for no path.
  if (target.path === "" || (target.path === "/*" && request.method === "OPTIONS")) {
    return problemResponse(notAllowed(["GET", "HEAD", "POST"]), correlationId);
  }
  const route = fixed.get(target.path)?.get(request.method);
  if (route === undefined) return app.fetch(request, Object.assign(bindings, { path: target.path }));
  bindings.route = route.pattern;
  return route.handle(request, contextOf(bindings, NO_PARAMS));
}

function fixedRoutes(routes: readonly Route[]): ReadonlyMap<string, ReadonlyMap<string, Route>> {
  const found = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    if (!isFixed(route.pattern)) continue;
    const methods = found.get(route.pattern) ?? new Map<string, Route>();
    // Of two alike the first answers, as with Hono.
    if (!methods.has(route.method)) methods.set(route.method, route);
    found.set(route.pattern, methods);
  }
  return found;
}

function contextOf({ correlation, remote }: Bindings, params: Readonly<Record<string, string>>): RequestContext {
  return { ...correlation, ...(remote === null ? {} : { remote }), params };
}

function buildApp(routes: readonly Route[]): App {
  // The path as it was sent: Hono's own reading decodes it, so that /%68ealth would be /health.
  const app: App = new Hono({
    getPath: (request, options) => (options?.env as Bindings | undefined)?.path ?? request.url,
  });
  const methods = methodsByPattern(routes);
  // Fixed paths first, with the methods that they do not have: `GET …/replay` is no `GET …/:id`.
  for (const fixed of [true, false]) {
    const some = routes.filter(({ pattern }) => isFixed(pattern) === fixed);
    for (const route of some) serve(app, route);
    for (const pattern of new Set(some.map(({ pattern }) => pattern))) refuseRest(app, pattern, methods.get(pattern)!);
  }
  app.notFound((c) => measured(c.req.raw, problemResponse(NOT_FOUND, c.env.correlation.correlationId)));
  // Hono's own handler prints the stack and answers with text.
  app.onError((error) => {
    throw error;
  });
  return app;
}

function serve(app: App, { method, pattern, handle }: Route): void {
  app.on(method, pattern, async (c) => {
    c.env.route = pattern;
    return await measured(c.req.raw, await handle(c.req.raw, contextOf(c.env, c.req.param())));
  });
}

function refuseRest(app: App, pattern: string, methods: readonly string[]): void {
  app.all(pattern, (c) => {
    c.env.route = pattern;
    return measured(c.req.raw, problemResponse(notAllowed(methods), c.env.correlation.correlationId));
  });
}

function isFixed(pattern: string): boolean {
  return !/[:*]/.test(pattern);
}

/**
 * `HEAD` says how long the answer to `GET` is. Hono drops the body, and then the runtime would say 0. Bodies here are
 * short; a stream without an end is not even begun for `HEAD`.
 */
async function measured({ method }: Request, response: Response): Promise<Response> {
  if (method !== "HEAD" || response.body === null) return response;
  const { byteLength } = await response.arrayBuffer();
  response.headers.set("Content-Length", String(byteLength));
  return new Response(null, response);
}

function remoteOf(info: Deno.ServeHandlerInfo | undefined): string | null {
  const address = info?.remoteAddr;
  return address !== undefined && "hostname" in address ? address.hostname : null;
}

function methodsByPattern(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { method, pattern } of routes) {
    const methods = found.get(pattern) ?? [];
    methods.push(...(method === "GET" ? ["GET", "HEAD"] : [method]));
    found.set(pattern, methods);
  }
  return found;
}

function notAllowed(methods: readonly string[]): Problem {
  const allow = methods.join(", ");
  return {
    status: 405,
    code: "method_not_allowed",
    title: "Method not allowed",
    detail: `Allowed: ${allow}.`,
    headers: { Allow: allow },
  };
}
