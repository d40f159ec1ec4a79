/**
 * What is said of a route in `/openapi.json`: declared with the route, so that neither is forgotten.
 * @module
 */
import type { SchemaName } from "./describe/schemas.ts";
import type { JsonSchema } from "./describe/schema_kit.ts";

/** A schema by its name, or one that is used only here. */
export type SchemaRef = SchemaName | JsonSchema;

/** Schemas by media type. */
export type ContentDoc = Readonly<Record<string, SchemaRef>>;

/** A path, query or header parameter. */
export interface ParameterDoc {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  /** Default: a string. */
  readonly schema?: JsonSchema;
}

/** What a request may carry. */
export interface BodyDoc {
  readonly required: boolean;
  readonly description: string;
  readonly content: ContentDoc;
}

/** An answer that is no problem document. */
export interface AnswerDoc {
  readonly description: string;
  /** None: no body. */
  readonly content?: ContentDoc;
  /** Names in the document's `components.headers`, besides those that every answer, or every one of its status, has. */
  readonly headers?: readonly ("ETag" | "Retry-After")[];
}

/** One route, as its callers see it. */
export interface RouteDoc {
  /** Unique, in camel case: names of generated clients are made of it. */
  readonly id: string;
  readonly tag: "health" | "publishing" | "metrics" | "admin" | "descriptions";
  /** One line. */
  readonly summary: string;
  /** What the summary has no room for. */
  readonly description?: string;
  /** Whose bearer token is wanted, where that one is set. Absent: nobody's. */
  readonly token?: "api" | "admin";
  readonly parameters?: readonly ParameterDoc[];
  readonly body?: BodyDoc;
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Codes of problem documents by status. Those that every route can give are not repeated. */
  readonly problems?: Readonly<Record<number, readonly string[]>>;
}
