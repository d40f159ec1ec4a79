/**
 * Cron schedules: which instants a pattern means in a time zone.
 *
 * Patterns have five fields (minute, hour, day of month, month, day of week) or six (seconds first), with what croner
 * reads in them. Daylight saving neither doubles nor drops:
 *
 * - A pattern that names hours (`30 2 * * *`, `*\/10 2,14 * * *`, `0 *\/2 * * *`) means *times of the day*. A time that
 *   the clock skips in spring fires at the first instant after the gap (once, however many fall into it); a time that
 *   it shows twice in autumn fires the first time only.
 * - A pattern for every hour (`*\/15 * * * *`) means *elapsed time*: it goes on through the change, each quarter once.
 *
 * croner takes any step or wildcard, in minutes too, as a sign of the second kind. So the time fields of a pattern that
 * names hours are spelled out as lists before it sees them.
 * @module
 */
import { Cron, CronPattern } from "croner";
import { DEFAULT_GRACE_MS, type DueRange, keptCount } from "./occurrences.ts";

/** A {@link DueRange} of a cron schedule. */
export interface CronRange extends DueRange {
  /** A pattern that {@link checkCron} accepts. */
  readonly pattern: string;
  /** IANA name. */
  readonly timezone: string;
}

/** Start of the search for any occurrence at all: a pattern that has none after it is a mistake. */
const ANY_TIME = new Date("2000-01-01T00:00:00Z");

/**
 * Says what is wrong with a pattern.
 * @param pattern Five or six fields.
 * @param timezone IANA name. Default `UTC`.
 * @returns Null when it is good; else found and wanted, for people.
 */
export function checkCron(pattern: string, timezone = "UTC"): string | null {
  const wanted = "want 5 fields (minute hour day month weekday), or 6 with seconds first";
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) return `cron "${pattern}" has ${fieldCount(pattern)}, ${wanted}`;
  try {
    if (makeCron(pattern, timezone).nextRun(ANY_TIME) !== null) return null;
    return `cron "${pattern}" never fires, want a date that exists`;
  } catch (error) {
    return `cron "${pattern}" cannot be read (${error instanceof Error ? error.message : String(error)}), ${wanted}`;
  }
}

/**
 * First occurrence after an instant.
 * @param afterMs Epoch ms, exclusive.
 * @returns Epoch ms, or null when there is none.
 * @throws {TypeError} For a pattern that {@link checkCron} refuses.
 */
export function cronNext(pattern: string, timezone: string, afterMs: number): number | null {
  return nextMs(makeCron(pattern, timezone), afterMs);
}

/**
 * Due occurrences of a cron schedule, by the rules of `occurrences.ts`.
 * @returns Epoch ms, ascending; empty where `untilMs` is before `afterMs`.
 * @throws {TypeError} For a pattern that {@link checkCron} refuses.
 */
export function cronOccurrences(range: CronRange): readonly number[] {
  const { pattern, timezone, afterMs, untilMs, policy, cap, graceMs = DEFAULT_GRACE_MS } = range;
  const cron = makeCron(pattern, timezone);
  const firstMs = nextMs(cron, afterMs);
  if (firstMs === null || firstMs > untilMs) return [];
  const all = policy === "all" || firstMs >= untilMs - graceMs;
  const due = newest(cron, { firstMs, untilMs, most: all ? Math.max(1, cap) : 1 });
  return due.slice(due.length - keptCount(range, { count: due.length, firstMs, lastMs: due.at(-1) ?? firstMs }));
}

/** The newest occurrences in [`firstMs`, `untilMs`], at most `most` (1 or more), ascending. */
function newest(
  cron: Cron,
  { firstMs, untilMs, most }: { readonly firstMs: number; readonly untilMs: number; readonly most: number },
): readonly number[] {
  // Looking back costs about 0.1 ms for each, so the first look is a short one.
  for (let count = Math.min(8, most);; count = Math.min(count * 8, most)) {
    const found = cron.previousRuns(count, new Date(untilMs + 1)).map((date) => date.getTime());
    const inRange = found.filter((atMs) => atMs >= firstMs);
    if (inRange.length < found.length || found.length < count || count === most) return inRange.reverse();
  }
}

function nextMs(cron: Cron, afterMs: number): number | null {
  return cron.nextRun(new Date(afterMs))?.getTime() ?? null;
}

/** Reads a pattern. Without a function croner starts no timer. */
function makeCron(pattern: string, timezone: string): Cron {
  return new Cron(spellOut(pattern.trim()), { timezone, mode: "5-or-6-parts", fixedTimeRule: "no-wildcard" });
}

/** Turns the time fields of a pattern that names hours into lists; leaves one for every hour as it is. */
function spellOut(pattern: string): string {
  const fields = pattern.split(/\s+/);
  const { second, minute, hour } = new CronPattern(pattern, undefined, { mode: "5-or-6-parts" });
  const hours = listOf(hour);
  const everyHour = hours.length === 24;
  // `0-23` is every hour too, though it has no wildcard.
  return [listOf(second), listOf(minute), everyHour ? "*" : hours, ...fields.slice(-3)].map(String).join(" ");
}

/** Positions that are set. */
function listOf(flags: readonly number[]): readonly number[] {
  return flags.flatMap((flag, index) => flag ? [index] : []);
}

function fieldCount(pattern: string): string {
  const count = pattern.trim() === "" ? 0 : pattern.trim().split(/\s+/).length;
  return `${count} field${count === 1 ? "" : "s"}`;
}
