/** Holds real answers against the description of the service that gave them. */
import assert from "node:assert/strict";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

type Json = Readonly<Record<string, unknown>>;

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
  readonly headers?: Json;
  readonly $ref?: string;
}

/** `/openapi.json` of a service, with a validator for what it promises. */
export class ApiDescription {
  readonly document: Json;
  /** Every `method path status` that an answer was held against. */
  readonly seen = new Set<string>();
  readonly #ajv: Ajv2020.default;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: Json) {
    this.document = document;
    this.#ajv = new Ajv2020.default({ strict: false, allErrors: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(closed(document) as Json, "api:", undefined, false);
  }

  /** Every `method path`. */
  get operations(): readonly string[] {
    return Object.entries(this.document["paths"] as Record<string, Json>)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  }

  /** Fails unless status, headers, content type and body are as described. Reads the body. */
  async check(method: string, path: string, response: Response): Promise<unknown> {
    const where = `${method} ${path} ${response.status}`;
    const at = ["paths", path, method.toLowerCase(), "responses"];
    const responses = at.reduce<unknown>((found, step) => Reflect.get(found as object, step), this.document);
    const described = (responses as Record<string, Described>)[response.status];
    assert.ok(described, `${where} is not described`);
    this.seen.add(`${method.toLowerCase()} ${path} ${response.status}`);
    for (const name of ["Retry-After", "WWW-Authenticate", "ETag"]) {
      if (response.headers.has(name)) assert.ok(name in (described.headers ?? {}), `${where}: ${name}`);
    }
    const type = response.headers.get("content-type") ?? "";
    const text = await response.text();
    if (text === "") {
      if (method !== "HEAD") assert.equal(described.content, undefined, `${where}: no body`);
      return undefined;
    }
    assert.ok(described.content?.[type], `${where}: ${type} is not described`);
    const body: unknown = /json/.test(type) ? JSON.parse(text) : text;
    const validate = this.#validator([...at, String(response.status), "content", type, "schema"]);
    assert.ok(validate(body), `${where}: ${text.slice(0, 500)}\n${JSON.stringify(validate.errors?.slice(0, 3))}`);
    return body;
  }

  #validator(steps: readonly string[]): ValidateFunction {
    const escaped = steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1")));
    const pointer = `api:#/${escaped.join("/")}`;
    const known = this.#validators.get(pointer) ?? this.#ajv.compile({ $ref: pointer });
    this.#validators.set(pointer, known);
    return known;
  }
}

/**
 * The same with every object closed, so that a member that nobody described is seen. Problems stay open: their codes have
 * members of their own.
 */
function closed(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => closed(one));
  if (typeof value !== "object" || value === null || name === "Problem") return value;
  const made = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one, key)]));
  const isShape = "properties" in made && made["type"] === "object" && !("additionalProperties" in made);
  return isShape ? { ...made, additionalProperties: false } : made;
}
