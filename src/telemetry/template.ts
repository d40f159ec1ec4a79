/**
 * Message templates: `placing {orderId}`, `{order.id}`, `{{` for a brace.
 * @module
 */
import type { Plain, PlainFields } from "./plain.ts";

/** Text, then a path, then text …: always an odd number of parts, paths at the odd places. */
type Parts = readonly string[];

/** Templates are constants of the program, so few; a caller who makes them up from data must not fill the memory. */
const CACHE_LIMIT = 512;
const CACHED_LENGTH = 512;

/** Renders templates; remembers how they fall apart. */
export class Templates {
  readonly #cache = new Map<string, Parts>();

  /** @returns The template with its placeholders replaced; one that names no field stays as it is. */
  render(template: string, fields: PlainFields): string {
    if (!template.includes("{") && !template.includes("}")) return template;
    const parts = this.#parts(template);
    let text = parts[0] ?? "";
    for (let i = 1; i < parts.length; i += 2) text += placed(parts[i] ?? "", fields) + (parts[i + 1] ?? "");
    return text;
  }

  /** Names that a template places whole, `{name}`: what the message shows of the fields. */
  names(template: string): ReadonlySet<string> {
    return new Set(this.#parts(template).filter((_, index) => index % 2 === 1).map((path) => path.trim()));
  }

  #parts(template: string): Parts {
    const known = this.#cache.get(template);
    if (known !== undefined) return known;
    const parts = parse(template);
    if (template.length <= CACHED_LENGTH) {
      if (this.#cache.size >= CACHE_LIMIT) this.#cache.clear();
      this.#cache.set(template, parts);
    }
    return parts;
  }
}

function placed(path: string, fields: PlainFields): string {
  const value = lookUp(path.trim(), fields);
  if (value === undefined) return `{${path}}`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function lookUp(path: string, fields: PlainFields): Plain | undefined {
  if (Object.hasOwn(fields, path)) return fields[path];
  let value: Plain | undefined = fields;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

function parse(template: string): Parts {
  const parts: string[] = [];
  let text = "";
  for (const match of template.matchAll(/\{\{|\}\}|\{([^{}]{1,128})\}|[^{}]+|[{}]/g)) {
    const [token, path] = match;
    if (path !== undefined) {
      parts.push(text, path);
      text = "";
    } else text += token === "{{" ? "{" : token === "}}" ? "}" : token;
  }
  return [...parts, text];
}
