/**
 * Small words for JSON Schema (2020-12, as OpenAPI 3.1 has it).
 * @module
 */

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** Where schemas that have a name lie in the document. */
const SCHEMAS_AT = "#/components/schemas/";

/** The schema of this name. */
export function ref(name: string): JsonSchema {
  return { $ref: `${SCHEMAS_AT}${name}` };
}

/**
 * An object with exactly the members of `T`: one that is forgotten, or that `T` no longer has, does not compile. More
 * may be added to an answer one day, so the schema is open.
 */
export function shape<T extends object>(
  description: string,
  properties: { readonly [K in keyof Required<T>]: JsonSchema },
  optional: readonly OptionalKeys<T>[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !(optional as readonly string[]).includes(name));
  return { type: "object", ...(description === "" ? {} : { description }), properties, required };
}

/** An object whose members have this schema. */
export function mapOf(schema: JsonSchema, description: string): JsonSchema {
  return { type: "object", description, additionalProperties: schema };
}

/** An array. */
export function listOf(items: JsonSchema, description?: string): JsonSchema {
  return { type: "array", ...(description === undefined ? {} : { description }), items };
}

/** This, or null. */
export function orNull(schema: JsonSchema): JsonSchema {
  return typeof schema["type"] === "string"
    ? { ...schema, type: [schema["type"], "null"] }
    : { anyOf: [schema, { type: "null" }] };
}

/** Text. */
export function text(description?: string): JsonSchema {
  return { type: "string", ...(description === undefined ? {} : { description }) };
}

/** One of these words. */
export function oneOf(words: readonly string[], description?: string): JsonSchema {
  return { ...text(description), enum: words };
}

/** A count: 0 or more. */
export function count(description?: string): JsonSchema {
  return { type: "integer", minimum: 0, ...(description === undefined ? {} : { description }) };
}

/** A number, 0 or more. */
export function amount(description?: string): JsonSchema {
  return { type: "number", minimum: 0, ...(description === undefined ? {} : { description }) };
}

/** True or false. */
export function flag(description?: string): JsonSchema {
  return { type: "boolean", ...(description === undefined ? {} : { description }) };
}

/** RFC 3339. */
export const TIME: JsonSchema = { type: "string", format: "date-time" };

/** A time and what it says. */
export function time(description: string): JsonSchema {
  return { ...TIME, description };
}

/** As Redis writes it: milliseconds and a sequence number. */
export const ENTRY_ID: JsonSchema = { type: "string", pattern: "^[0-9]{1,20}-[0-9]{1,20}$" };
