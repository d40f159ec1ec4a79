/**
 * `?preview=N` on answers of the admin API: values of event fields are cut to N characters, and what should not stand on
 * a screen is masked: fields and members of JSON data with names of secrets, and values that are secrets of ours.
 *
 * An item with something cut has `cut`, whole lengths in characters by field name; one with something masked `masked`.
 * @module
 */
import { isSecretName, REDACTED } from "../telemetry/redact.ts";
import { isJsonObject } from "./json.ts";
import { jsonResponse, type Problem, problemResponse } from "./problem.ts";
import type { Route } from "./routes.ts";

/** Largest preview, characters: more than any event that can be published over HTTP by default. */
const MOST = 2_000_000;
/** Of an error message. */
const LONGEST_MESSAGE = 4_000;
/** Deeper data is masked as a whole where it has to be looked through. */
const DEEPEST = 100;

const WRONG: Problem = {
  status: 400,
  code: "parameter_invalid",
  title: "Invalid parameter",
  detail: `preview: want an integer from 1 to ${MOST}, once`,
  members: { parameter: "preview" },
};

type Json = Readonly<Record<string, unknown>>;

/** The same route, which also knows `preview`. @param redact Replaces secrets of ours in a text. */
export function withPreview(route: Route, redact: (text: string) => string): Route {
  if (route.method !== "GET" || route.pattern.endsWith("/live")) return route;
  const handle: Route["handle"] = async (request, context) => {
    const values = new URL(request.url).searchParams.getAll("preview");
    const response = await route.handle(request, context);
    if (values.length === 0 || response.status !== 200) return response;
    const limit = /^\d{1,7}$/.test(values[0]!) ? Number(values[0]) : 0;
    if (values.length > 1 || limit < 1 || limit > MOST) return problemResponse(WRONG, context.correlationId);
    return jsonResponse(new Preview(limit, redact).of(await response.json()));
  };
  return { ...route, handle };
}

/** One answer. */
class Preview {
  readonly #limit: number;
  readonly #redact: (text: string) => string;

  constructor(limit: number, redact: (text: string) => string) {
    this.#limit = limit;
    this.#redact = redact;
  }

  of(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.of(one));
    if (!isJsonObject(value)) return value;
    const { fields, ...rest } = value;
    const seen = Object.entries(rest).map(([name, one]) => [name, this.#member(name, one)]);
    return { ...Object.fromEntries(seen), ...(isJsonObject(fields) ? this.#fields(fields) : {}) };
  }

  #member(name: string, value: unknown): unknown {
    const isMessage = name === "error" || name === "message";
    return isMessage && typeof value === "string" ? cutTo(this.#redact(value), LONGEST_MESSAGE) : this.of(value);
  }

  #fields(fields: Json): Json {
    const cut: Record<string, number> = {};
    let masked = false;
    const one = (name: string, value: unknown): unknown => {
      const text = typeof value === "string" ? value : isJsonObject(value) ? String(value["base64"]) : "";
      const clean = isSecretName(name) ? REDACTED : this.#redact(typeof value === "string" ? maskJson(text) : text);
      if (clean !== text) masked = true;
      if (clean.length > this.#limit) cut[name] = clean.length;
      const short = cutTo(clean, this.#limit);
      return typeof value === "string" ? short : { base64: short };
    };
    const shown = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map((part) => one(name, part)) : one(name, value),
      ]),
    );
    return {
      fields: shown,
      ...(Object.keys(cut).length === 0 ? {} : { cut }),
      ...(masked ? { masked } : {}),
    };
  }
}

/** Members of JSON data whose names are those of secrets are masked; a text without any stays as it is. */
function maskJson(text: string): string {
  const first = text.trimStart().charAt(0);
  if (first !== "{" && first !== "[") return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const found = { any: false };
  const masked = maskValue(value, found, 0);
  return found.any ? JSON.stringify(masked) : text;
}

function maskValue(value: unknown, found: { any: boolean }, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEEPEST) {
    found.any = true;
    return REDACTED;
  }
  if (Array.isArray(value)) return value.map((one) => maskValue(one, found, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      if (one === null || !isSecretName(name)) return [name, maskValue(one, found, depth + 1)];
      found.any = true;
      return [name, REDACTED];
    }),
  );
}

/** Never half a character. */
function cutTo(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
