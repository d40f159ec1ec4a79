/**
 * The handlers and schedules of one service: checked once, looked up per event.
 * @module
 */
import { ServiceError } from "../errors.ts";
import type { Handler, Schedule } from "./define.ts";

/** Handlers or schedules that cannot be used; every problem at once. Exit code 2. */
export class HandlersInvalidError extends ServiceError {
  /** One sentence each. */
  readonly problems: readonly string[];
  /** @param problems At least one. @param options `cause`. */
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super("handlers_invalid", `Cannot use the handlers:\n${problems.map((p) => `  ${p}`).join("\n")}`, options);
    this.problems = problems;
  }
}

/** Looks handlers up by event type; the most exact match wins. */
export class Registry {
  /** As given. */
  readonly handlers: readonly Handler[];
  /** As given. */
  readonly schedules: readonly Schedule[];
  readonly #exact = new Map<string, Handler>();
  readonly #prefixes: readonly { prefix: string; handler: Handler }[];
  readonly #any: Handler | undefined;
  readonly #resolved = new Map<string, Handler | null>();

  /**
   * @param handlers Distinct types. @param schedules Distinct names.
   * @param checkCron Says what is wrong with a pattern, or null.
   * @throws {HandlersInvalidError} With every problem.
   */
  constructor(
    handlers: readonly Handler[],
    schedules: readonly Schedule[],
    checkCron: (pattern: string) => string | null,
  ) {
    const problems = [...handlerProblems(handlers), ...scheduleProblems(schedules, checkCron)];
    if (problems.length > 0) throw new HandlersInvalidError(problems);
    this.handlers = handlers;
    this.schedules = schedules;
    for (const handler of handlers) if (!handler.type.endsWith("*")) this.#exact.set(handler.type, handler);
    this.#prefixes = handlers.filter((h) => h.type.endsWith(".*"))
      .map((handler) => ({ prefix: handler.type.slice(0, -1), handler }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    this.#any = handlers.find((h) => h.type === "*");
  }

  /** @returns The most exact handler, or null when none matches. */
  find(type: string): Handler | null {
    const exact = this.#exact.get(type);
    if (exact) return exact;
    const known = this.#resolved.get(type);
    if (known !== undefined) return known;
    const found = this.#prefixes.find(({ prefix }) => type.startsWith(prefix))?.handler ?? this.#any ?? null;
    // Types come from strangers: bound what is remembered.
    if (this.#resolved.size < 10_000) this.#resolved.set(type, found);
    return found;
  }
}

function handlerProblems(handlers: readonly Handler[]): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const handler of handlers) {
    const name = JSON.stringify(handler.type);
    if (typeof handler.type !== "string" || !/^(\*|[^*\s]+\.\*|[^*\s]+)$/u.test(handler.type)) {
      problems.push(`handler type ${name}: want an exact type, "prefix.*" or "*"`);
    }
    if (seen.has(handler.type)) problems.push(`handler type ${name}: defined twice, want one handler for one type`);
    seen.add(handler.type);
    if (typeof handler.handle !== "function") problems.push(`handler ${name}: has no function "handle"`);
    if (handler.schema !== undefined && typeof handler.schema?.["~standard"]?.validate !== "function") {
      problems.push(`handler ${name}: schema is no Standard Schema`);
    }
    if (handler.ordering !== undefined && handler.ordering !== "key" && handler.ordering !== "none") {
      problems.push(`handler ${name}: ordering ${JSON.stringify(handler.ordering)}, want "key" or "none"`);
    }
    for (
      const [field, max] of [["maxDeliveries", 1_000], ["timeoutMs", 86_400_000], ["concurrency", 100_000]] as const
    ) {
      const value = handler[field];
      if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= max)) {
        problems.push(`handler ${name}: ${field} is ${value}, want an integer from 1 to ${max}`);
      }
    }
  }
  return problems;
}

function scheduleProblems(schedules: readonly Schedule[], checkCron: (pattern: string) => string | null): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const schedule of schedules) {
    const name = JSON.stringify(schedule.name);
    if (typeof schedule.name !== "string" || !/^[\w.:-]{1,128}$/.test(schedule.name)) {
      problems.push(`schedule name ${name}: want 1 to 128 letters, digits, ".", "_", "-", ":"`);
    }
    if (seen.has(schedule.name)) problems.push(`schedule name ${name}: defined twice, want one schedule for one name`);
    seen.add(schedule.name);
    problems.push(...timingProblems(schedule, name, checkCron));
    if (typeof schedule.event?.type !== "string" || schedule.event.type === "") {
      problems.push(`schedule ${name}: has no event type`);
    }
    if (schedule.missed !== undefined && !["skip", "last", "all"].includes(schedule.missed)) {
      problems.push(`schedule ${name}: missed is ${JSON.stringify(schedule.missed)}, want "skip", "last" or "all"`);
    }
  }
  return problems;
}

function timingProblems(schedule: Schedule, name: string, checkCron: (pattern: string) => string | null): string[] {
  if ((schedule.cron === undefined) === (schedule.everyMs === undefined)) {
    return [`schedule ${name}: want either cron or everyMs`];
  }
  if (schedule.cron !== undefined) {
    const problem = checkCron(schedule.cron);
    return problem === null ? [] : [`schedule ${name}: cron ${JSON.stringify(schedule.cron)}: ${problem}`];
  }
  const every = schedule.everyMs!;
  if (Number.isInteger(every) && every >= 100 && every <= 31_536_000_000) return [];
  return [`schedule ${name}: everyMs is ${every}, want an integer from 100 to 31536000000`];
}
