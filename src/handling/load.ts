/**
 * Loads the module whose exports are handlers and schedules.
 * @module
 */
import { pathToFileURL } from "node:url";
import { type Handler, isHandler, isSchedule, type Schedule } from "./define.ts";
import { HandlersInvalidError } from "./registry.ts";

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
export async function loadHandlers(specifier: string, cwd: string): Promise<HandlersModule> {
  const url = /^(file|https?|npm|jsr|data|blob):/.test(specifier)
    ? specifier
    : new URL(specifier, pathToFileURL(cwd.endsWith("/") ? cwd : `${cwd}/`)).href;
  try {
    return collect(await import(url));
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new HandlersInvalidError([`module ${specifier}: cannot be loaded: ${text}`], { cause: error });
  }
}
