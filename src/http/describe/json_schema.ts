/**
 * JSON Schema of what a handler's schema takes. Whoever wrote the schema is not to be trusted with the document: what
 * cannot be expressed, is no JSON, or is too large becomes an open schema.
 * @module
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type JsonSchema, text } from "./schema_kit.ts";

/** What a Standard Schema may offer besides validation (https://standardschema.dev/json-schema). */
interface JsonSchemaOffer {
  input(options: { readonly target: string; readonly libraryOptions?: Readonly<Record<string, unknown>> }): unknown;
}

/** The dialect of AsyncAPI. */
const TARGET = "draft-07";
/** Most characters of one schema. */
const MAX_LENGTH = 256 * 1_024;
/** Their members are schemas by name. */
const MAPS = new Set(["properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"]);
/** Their values are data. */
const DATA = new Set(["const", "enum", "default", "examples", "required"]);
/** They would say where references begin, or which draft it is; `id` is one in older drafts. */
const IDENTITY = new Set(["$schema", "$id", "$anchor", "id"]);

/**
 * The schema of an event's data.
 * @param schema Of the handler; none: anything goes.
 * @param at Where it will lie in the document, `#/components/schemas/x`: references within it begin there.
 */
export function jsonSchemaOf(schema: StandardSchemaV1 | undefined, at: string): JsonSchema {
  if (schema === undefined) return { description: "Anything: the handler has no schema." };
  try {
    return offered(schema, at) ?? { description: "Checked by the handler's schema, which gives no JSON Schema." };
  } catch {
    // Its words may hold anything, so they are not repeated.
    return { description: "Checked by the handler's schema, which JSON Schema cannot express." };
  }
}

/** @returns Null: it offers none. @throws Whatever it throws, or what it gave is of no use. */
function offered({ "~standard": standard }: StandardSchemaV1, at: string): JsonSchema | null {
  const offer = (standard as { readonly jsonSchema?: Partial<JsonSchemaOffer> }).jsonSchema;
  if (typeof offer?.input !== "function") return null;
  // Where only a part cannot be expressed the rest still can: zod knows this option, others ignore it.
  const json = JSON.stringify(offer.input({ target: TARGET, libraryOptions: { unrepresentable: "any" } }));
  if (json.length > MAX_LENGTH) throw new RangeError("too long");
  const plain: unknown = JSON.parse(json);
  if (typeof plain !== "object" || plain === null || Array.isArray(plain)) throw new TypeError("no schema");
  return new Move(plain, at).schema(plain) as JsonSchema;
}

/** The same with its references beginning at another place. */
class Move {
  readonly #root: object;
  readonly #at: string;

  constructor(root: object, at: string) {
    this.#root = root;
    this.#at = at;
  }

  schema(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.schema(one));
    if (typeof schema !== "object" || schema === null) return schema;
    return Object.fromEntries(
      Object.entries(schema).flatMap(([key, value]) => {
        if (IDENTITY.has(key) && typeof value === "string") return [];
        if (key === "$ref" && typeof value === "string") return [[key, this.#ref(value)]];
        if (DATA.has(key)) return [[key, value]];
        return [[key, MAPS.has(key) ? this.#map(value) : this.schema(value)]];
      }),
    );
  }

  #map(map: unknown): unknown {
    if (typeof map !== "object" || map === null || Array.isArray(map)) return map;
    return Object.fromEntries(Object.entries(map).map(([name, schema]) => [name, this.schema(schema)]));
  }

  /** @throws It leads out of the schema, where whoever reads the document would go, or nowhere. */
  #ref(pointer: string): string {
    if (pointer !== "#" && !pointer.startsWith("#/")) throw new TypeError("a reference to another document");
    const steps = decodeURIComponent(pointer).split("/").slice(1);
    steps.reduce<unknown>((found, step) => {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof found === "object" && found !== null && Object.hasOwn(found, name)) return Reflect.get(found, name);
      throw new TypeError("a reference to nothing");
    }, this.#root);
    return `${this.#at}${pointer.slice(1)}`;
  }
}

/** The schema of the attribute `type` for a handler's pattern. */
export function typeSchema(pattern: string): JsonSchema {
  if (pattern === "*") return text("Any that no other handler has.");
  if (!pattern.endsWith(".*")) return { const: pattern };
  const prefix = pattern.slice(0, -1).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return { type: "string", pattern: `^${prefix}` };
}
