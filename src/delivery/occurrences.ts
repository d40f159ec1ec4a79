/**
 * Which occurrences of a schedule are due.
 *
 * An occurrence that is at most `graceMs` late is on time. Where all that is due is on time, all of it is published,
 * whatever the policy. Otherwise there was a pause, and the policy says what becomes of what was missed.
 * @module
 */

/** After a pause: nothing that is late, the latest only, or everything up to a bound (the newest are kept). */
export type MissedPolicy = "skip" | "last" | "all";

/** The stretch of time to look at, and what to do with what was missed in it. */
export interface DueRange {
  /** Epoch ms; occurrences up to and including it are dealt with. */
  readonly afterMs: number;
  /** Epoch ms, inclusive: now. */
  readonly untilMs: number;
  readonly policy: MissedPolicy;
  /** Most occurrences to give, 1 or more; the oldest are dropped. */
  readonly cap: number;
  /** Default {@link DEFAULT_GRACE_MS}. */
  readonly graceMs?: number;
}

/** How late an occurrence may be and still count as on time, ms. */
export const DEFAULT_GRACE_MS = 2_000;

/** A {@link DueRange} of a schedule with a fixed period. */
export interface IntervalRange extends DueRange {
  /** Period, 1 or more, ms. */
  readonly everyMs: number;
}

/** First multiple of the period, counted from the epoch, after `afterMs`. */
export function nextInterval(everyMs: number, afterMs: number): number {
  return (Math.floor(afterMs / everyMs) + 1) * everyMs;
}

/**
 * Due occurrences of a schedule that fires at multiples of its period since the epoch.
 * @returns Epoch ms, ascending; empty where `untilMs` is before `afterMs` (a clock was set back).
 */
export function intervalOccurrences(range: IntervalRange): readonly number[] {
  const { everyMs, afterMs, untilMs } = range;
  const count = countInterval(range);
  if (count === 0) return [];
  const lastMs = Math.floor(untilMs / everyMs) * everyMs;
  const wanted = keptCount(range, { count, firstMs: nextInterval(everyMs, afterMs), lastMs });
  return Array.from({ length: wanted }, (_, index) => lastMs - (wanted - 1 - index) * everyMs);
}

/** How many multiples of the period lie in the range; what {@link intervalOccurrences} does not give was dropped. */
export function countInterval({ everyMs, afterMs, untilMs }: Omit<IntervalRange, "policy" | "cap">): number {
  if (!(everyMs >= 1) || !(untilMs > afterMs)) return 0;
  return Math.floor(untilMs / everyMs) - Math.floor(afterMs / everyMs);
}

/**
 * How many of the newest due occurrences are to be published.
 * @param due Their number (1 or more), the first and the last of them, epoch ms.
 */
export function keptCount(
  { untilMs, policy, cap, graceMs = DEFAULT_GRACE_MS }: Omit<DueRange, "afterMs">,
  due: { readonly count: number; readonly firstMs: number; readonly lastMs: number },
): number {
  const onTimeFromMs = untilMs - graceMs;
  if (policy === "all" || due.firstMs >= onTimeFromMs) return Math.min(due.count, Math.max(1, cap));
  return policy === "last" || due.lastMs >= onTimeFromMs ? 1 : 0;
}
