/**
 * `/openapi.json`: OpenAPI 3.1, made from the routes that are registered.
 * @module
 */
import type { AnswerDoc, ContentDoc, ParameterDoc, RouteDoc, SchemaRef } from "../route_doc.ts";
import type { Route } from "../routes.ts";
import type { ServiceFacts } from "./facts.ts";
import { HEADERS, PARAMETERS, SECURITY_SCHEMES, TAGS } from "./openapi_common.ts";
import { type JsonSchema, ref } from "./schema_kit.ts";
import { SCHEMAS } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

const PROBLEM = "application/problem+json";

/**
 * The document. Pages for people (`doc` is null) are not in it; a route whose description was forgotten is named in
 * `x-undescribed`, so that a test of the whole service sees it wherever it was registered.
 */
export function openApi(routes: readonly Route[], facts: ServiceFacts): Json {
  const described = routes.flatMap((route) => route.doc ? [{ route, doc: route.doc }] : []);
  const paths: Record<string, Record<string, Json>> = {};
  for (const { route, doc } of described) {
    const path = paths[pathOf(route.pattern)] ??= {};
    path[route.method.toLowerCase()] = operation(doc, facts);
    if (route.method === "GET") path["head"] = headOf(doc, facts);
  }
  const undescribed = routes.filter(({ doc }) => doc === undefined).map(({ method, pattern }) =>
    `${method} ${pattern}`
  );
  const used = new Set<string>(described.map(({ doc }) => doc.tag));
  return {
    openapi: "3.1.0",
    info: {
      title: facts.service.name,
      version: facts.service.version,
      description: "Publishes events to Redis Streams, tells of its health, and gives operators what they need.",
    },
    ...(undescribed.length === 0 ? {} : { "x-undescribed": undescribed }),
    servers: [{ url: "/" }],
    tags: TAGS.filter(({ name }) => used.has(name)),
    paths,
    components: {
      schemas: SCHEMAS,
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: {
        Problem: { description: "A problem.", headers: headersOf(0), content: content({ [PROBLEM]: "Problem" }) },
      },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** `/a/:id` → `/a/{id}` */
function pathOf(pattern: string): string {
  return pattern.replace(/:(\w+)/g, "{$1}");
}

function operation(doc: RouteDoc, facts: ServiceFacts): Json {
  const { id, tag, summary, description, body } = doc;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: securityOf(doc, facts),
    parameters: parametersOf(doc),
    ...(body === undefined ? {} : { requestBody: { ...body, content: content(body.content) } }),
    responses: responsesOf(doc),
  };
}

/** As GET, without any content. */
function headOf(doc: RouteDoc, facts: ServiceFacts): Json {
  const get = operation(doc, facts);
  const bare = Object.entries(responsesOf(doc)).map(([status, { content: _, ...rest }]) => [status, rest]);
  const operationId = `head${doc.id.replace(/^get/, "").replace(/^./, (first) => first.toUpperCase())}`;
  return { ...get, operationId, summary: `The headers of: ${doc.summary}`, responses: Object.fromEntries(bare) };
}

/** Empty: nobody's token is wanted. */
function securityOf({ token }: RouteDoc, { tokens }: ServiceFacts): readonly Json[] {
  return token !== undefined && tokens[token] ? [{ [`${token}Token`]: [] }] : [];
}

function parametersOf({ parameters = [] }: RouteDoc): readonly Json[] {
  const common = Object.keys(PARAMETERS).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  return [...parameters.map(parameter), ...common];
}

function parameter({ name, in: where, description, schema = { type: "string" } }: ParameterDoc): Json {
  return { name, in: where, description, ...(where === "path" ? { required: true } : {}), schema };
}

function responsesOf({ answers, problems = {} }: RouteDoc): Readonly<Record<string, Json>> {
  const statuses = new Set([...Object.keys(answers), ...Object.keys(problems)].map(Number));
  const found = [...statuses].sort((a, b) => a - b).map((status) => [
    String(status),
    response(status, answers[status], problems[status]),
  ]);
  return { ...Object.fromEntries(found), default: { $ref: "#/components/responses/Problem" } };
}

function response(status: number, answer: AnswerDoc | undefined, codes: readonly string[] | undefined): Json {
  const problem = codes === undefined ? {} : { [PROBLEM]: problemOf(codes) };
  const all = content({ ...answer?.content, ...problem });
  return {
    description: answer?.description ?? `A problem: ${codes?.map((code) => `\`${code}\``).join(", ")}.`,
    headers: headersOf(status, [...answer?.headers ?? [], ...(status === 503 && codes ? ["Retry-After"] : [])]),
    ...(Object.keys(all).length === 0 ? {} : { content: all }),
  };
}

function problemOf(codes: readonly string[]): JsonSchema {
  return { allOf: [ref("Problem"), { properties: { code: { enum: codes } } }] };
}

function headersOf(status: number, more: readonly string[] = []): Json {
  const ofStatus = status === 401 ? ["WWW-Authenticate"] : status === 429 ? ["Retry-After"] : [];
  const names = ["X-Correlation-ID", ...ofStatus, ...more];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function content(doc: ContentDoc): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(doc).map(([type, schema]) => [type, { schema: schemaOf(schema) }]));
}

function schemaOf(schema: SchemaRef): JsonSchema {
  return typeof schema === "string" ? ref(schema) : schema;
}
