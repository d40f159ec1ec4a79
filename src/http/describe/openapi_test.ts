import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { FakeClock } from "../../../testing/fake_clock.ts";
import { AuditTrail } from "../../admin/audit.ts";
import { LiveHub } from "../../admin/live.ts";
import { Watch } from "../../admin/watch.ts";
import { Happenings } from "../../happenings.ts";
import { recordingLogger } from "../../telemetry/recording_logger.ts";
import { ADMIN_DOCS } from "../admin_routes_docs.ts";
import { adminRoutes } from "../admin_routes.ts";
import { Guard } from "../admin_routes_guard.ts";
import { moreAdminRoutes } from "../admin_routes_more.ts";
import { dashboardRoutes } from "../dashboard_route.ts";
import { descriptionRoutes } from "../describe_routes.ts";
import { eventsRoute } from "../events_route.ts";
import { READY } from "../fixtures_test.ts";
import { healthRoutes } from "../health_routes.ts";
import { metricsRoute } from "../metrics_route.ts";
import type { Route } from "../routes.ts";
import { triggerRoute } from "../trigger.ts";
import { FACTS, follow, refsIn } from "./fixtures_test.ts";
import { openApi } from "./openapi.ts";
import { SCHEMAS } from "./schemas.ts";

interface Operation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters: readonly { readonly in?: string; readonly name?: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: unknown; readonly headers: object }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

function everyRoute(): readonly Route[] {
  const clock = new FakeClock();
  const health = { live: () => true, ready: () => READY, report: () => assert.fail() };
  const settings = { maxBodyBytes: 1, triggerRateLimit: 0, apiToken: null, retryAfterSeconds: () => 1 };
  const publisher = { publish: () => assert.fail(), publishAll: () => assert.fail() };
  const deps = { clock, health, settings, publisher, onRequest: () => {}, onError: () => {}, dedupWindowMs: 0 };
  const live = new LiveHub({ happenings: new Happenings(() => {}), clock });
  const audit = recordingLogger().logger;
  const guarding = { token: "t", clock, audit, retryAfterSeconds: () => 1 };
  const guard = new Guard(guarding);
  const core = (): null => null;
  const service = { name: "s", version: "1" };
  const watch = new Watch({
    clock,
    happenings: new Happenings(),
    live,
    core,
    service,
    problem: core,
    warnings: () => [],
  });
  const more = { guard, clock, core, watch, trail: new AuditTrail(), publisher };
  const routes = [
    ...healthRoutes(health),
    ...[triggerRoute(deps), eventsRoute(deps), metricsRoute({ expose: () => assert.fail() })],
    ...adminRoutes({ ...guarding, guard, core, live }),
    ...moreAdminRoutes(more),
    ...dashboardRoutes(),
  ];
  return [...routes, ...descriptionRoutes({ ...FACTS, handlers: () => null }, () => [])];
}

function pathsOf(document: Readonly<Record<string, unknown>>): Paths {
  return document["paths"] as Paths;
}

Deno.test("the document of every route is valid OpenAPI 3.1, with references that lead somewhere", async () => {
  const document = JSON.parse(JSON.stringify(openApi(everyRoute(), FACTS)));
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
  assert.equal(validator.version, "3.1");
  for (const pointer of refsIn(document)) follow(document, pointer);
});

Deno.test("the validator sees what is wrong, or its word means nothing", async () => {
  const document = JSON.parse(JSON.stringify(openApi(everyRoute(), FACTS)));
  document.paths["/health"].get.responses = { ok: { description: "no status" } };
  assert.equal((await new Validator().validate(document)).valid, false);
});

Deno.test("every route is in it with its method, its path parameters and HEAD", () => {
  const all = everyRoute();
  const document = openApi(all, FACTS);
  const paths = pathsOf(document);
  assert.equal(document["x-undescribed"], undefined);
  const admin = all.filter(({ pattern }) => pattern.startsWith("/admin/api/"));
  assert.equal(admin.length, Object.keys(ADMIN_DOCS).length, "a description of no route");
  // What is there for the dashboard alone is no part of the API.
  const routes = all.filter(({ doc }) => doc !== null);
  for (const { method, pattern } of routes) {
    const path = pattern.replace(/:(\w+)/g, "{$1}");
    const operation = paths[path]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${pattern}`);
    const named = operation.parameters.filter((one) => one.in === "path").map(({ name }) => `:${name}`);
    assert.deepEqual(named, pattern.match(/:\w+/g) ?? [], pattern);
    assert.equal(paths[path]?.["head"] !== undefined, paths[path]?.["get"] !== undefined, pattern);
  }
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  assert.equal(operations.length, routes.length + routes.filter(({ method }) => method === "GET").length);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
});

Deno.test("a route whose description was forgotten is named, one that is a page is not", () => {
  const handle = (): Response => new Response();
  const routes: readonly Route[] = [
    { method: "GET", pattern: "/forgotten", handle },
    { method: "GET", pattern: "/page", doc: null, handle },
  ];
  const document = openApi(routes, FACTS);
  assert.deepEqual(document["x-undescribed"], ["GET /forgotten"]);
  assert.deepEqual(document["paths"], {});
});

Deno.test("a token is wanted where the service has one, and nowhere else", () => {
  const security = (tokens: { readonly api: boolean; readonly admin: boolean }): unknown[] => {
    const paths = pathsOf(openApi(everyRoute(), { ...FACTS, tokens }));
    const of = (path: string, method: string): unknown => paths[path]?.[method]?.security;
    return [of("/events", "post"), of("/admin/api/overview", "get"), of("/health", "get")];
  };
  assert.deepEqual(security({ api: true, admin: true }), [[{ apiToken: [] }], [{ adminToken: [] }], []]);
  assert.deepEqual(security({ api: false, admin: true })[0], []);
});

Deno.test("answers to HEAD have no content, and problems say with which codes they come", () => {
  const document = openApi(everyRoute(), FACTS);
  const paths = pathsOf(document);
  const head = paths["/health"]!["head"]!;
  assert.deepEqual(Object.keys(head.responses), ["200", "503", "default"]);
  assert.equal(head.responses["200"]?.content, undefined);
  const unsupported = paths["/events"]!["post"]!.responses["415"];
  assert.ok(JSON.stringify(unsupported).includes('"enum":["media_type_unsupported"]'));
  const busy = paths["/events"]!["post"]!.responses["503"];
  assert.ok("Retry-After" in busy!.headers);
});

Deno.test("no schema is there for nothing", () => {
  const document = openApi(everyRoute(), FACTS);
  const used = new Set(refsIn(document).map((pointer) => pointer.replace("#/components/schemas/", "")));
  assert.deepEqual(Object.keys(SCHEMAS).filter((name) => !used.has(name)), []);
});
