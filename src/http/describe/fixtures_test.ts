/**
 * What the tests of this folder share.
 * @module
 */
import { cronNext } from "../../delivery/cron.ts";
import type { Handler, Schedule } from "../../handling/define.ts";
import { Registry } from "../../handling/registry.ts";
import type { ServiceFacts } from "./facts.ts";

/** A service that does everything. */
export const FACTS: ServiceFacts = {
  service: { name: "svc", version: "1.2.3" },
  streams: ["orders"],
  group: "g",
  consuming: true,
  tokens: { api: true, admin: true },
};

/** As the service has it. */
export function registry(handlers: readonly Handler[], schedules: readonly Schedule[] = []): Registry {
  return new Registry(handlers, schedules, (pattern) => cronNext(pattern, "UTC", 0) === null ? "never" : null);
}

/** The value that a pointer within the document names; fails where there is none. */
export function follow(document: unknown, pointer: string): unknown {
  const steps = pointer.slice(2).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce<unknown>((found, step) => {
    const next = typeof found === "object" && found !== null ? Reflect.get(found, step) : undefined;
    if (next === undefined) throw new Error(`${pointer} leads nowhere`);
    return next;
  }, document);
}

/** Every reference of a document, wherever it stands. */
export function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Reflect.get(value, "$ref");
  return [...(typeof own === "string" ? [own] : []), ...Object.values(value).flatMap(refsIn)];
}
