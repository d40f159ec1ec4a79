/**
 * Loads the module whose exports are handlers and schedules.
 * @module
 */
import { pathToFileURL } from "node:url";
import type { Clock } from "../clock.ts";
import { type Handler, isHandler, isSchedule, type Schedule } from "./define.ts";
import { HandlersInvalidError } from "./registry.ts";

/** A module that awaits for longer than this at its top level never ends, ms. */
const LOAD_MS = 10_000;

/** What a handlers module exports. */
export interface HandlersModule {
  readonly handlers: readonly Handler[];
  readonly schedules: readonly Schedule[];
}

/** Picks handlers and schedules out of exports: single ones, arrays of them, and one object that holds them. */
export function collect(exports: Readonly<Record<string, unknown>>): HandlersModule {
  const handlers = new Set<Handler>();
  const schedules = new Set<Schedule>();
  const visit = (value: unknown): void => {
    if (isHandler(value)) handlers.add(value);
    else if (isSchedule(value)) schedules.add(value);
  };
  for (const value of Object.values(exports)) {
    visit(value);
    if (Array.isArray(value)) value.forEach(visit);
    else if (isPlainObject(value)) Object.values(value).forEach(visit);
  }
  return { handlers: [...handlers], schedules: [...schedules] };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype &&
    !isHandler(value) && !isSchedule(value);
}

/**
 * Imports the handlers module.
 * @param specifier A path relative to `cwd`, an absolute path, or a URL.
 * @throws {HandlersInvalidError} When it cannot be loaded.
 */
export async function loadHandlers(specifier: string, cwd: string, clock: Clock): Promise<HandlersModule> {
  const url = /^(file|https?|npm|jsr|data|blob):/.test(specifier)
    ? specifier
    : new URL(specifier, pathToFileURL(cwd.endsWith("/") ? cwd : `${cwd}/`)).href;
  try {
    return collect(await within(import(url), clock));
  } catch (error) {
    throw new HandlersInvalidError([`module ${specifier}: cannot be loaded: ${why(error)}`], { cause: error });
  }
}

async function within<T>(loading: Promise<T>, clock: Clock): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(LOAD_MS, () => reject(new Error(`it has not finished loading within ${LOAD_MS} ms`)));
  });
  try {
    return await Promise.race([loading, late]);
  } finally {
    cancel();
  }
}

function why(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = /Requires \w+ access/.test(text) ? "; name what it needs in permissions.json beside the module" : "";
  // deno-lint-ignore no-control-regex -- Deno colours the frame that it adds
  return text.replaceAll(/\u001b\[[\d;]*m/g, "").split("\n")[0] + hint;
}
