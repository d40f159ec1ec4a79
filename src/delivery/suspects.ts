/**
 * Who killed the process: what a crash says of each entry that it held.
 *
 * A crash is blamed on an entry alone only where no other can have done it. Entries that were near a crash are suspects:
 * their starts are marked first, and after the second time they run alone, so that the next crash names the culprit.
 * @module
 */
import type { History } from "./history.ts";

/** The earlier crashes of an entry; any {@link History} fits. */
export type CrashRecord = Pick<History, "soloCrashes" | "sharedCrashes" | "suspicions">;

/** True after the second crash that it may have caused, or the first that it surely did: nothing may run beside it. */
export function mustRunAlone({ soloCrashes, sharedCrashes, suspicions }: CrashRecord): boolean {
  return soloCrashes >= 1 || sharedCrashes + suspicions >= 2;
}

/** True after any crash near it: its start is marked before it happens. */
export function isSuspect({ soloCrashes, sharedCrashes, suspicions }: CrashRecord): boolean {
  return soloCrashes + sharedCrashes + suspicions >= 1;
}

/**
 * What a crash counts as, for one entry.
 *
 * - `solo`: it ran alone. Costs one of the budget
 * - `shared`: it ran beside others. Counts as an attempt, costs nothing
 * - `suspicion`: nobody can tell whether it ran. Costs nothing
 * - `none`: it surely did not run
 */
export type CrashVerdict = "solo" | "shared" | "suspicion" | "none";

/** What a dead consumer left behind, seen from one of its entries. */
export interface CrashScene {
  readonly ref: string;
  /** Refs that the consumer said were running; null when it said nothing. */
  readonly marked: readonly string[] | null;
  /** True when it vouched that no other ran. */
  readonly exact: boolean;
  /** Entries that it held when it died, 1 or more. */
  readonly heldCount: number;
}

/**
 * | the entry is in the marks | exact | marks | held | verdict |
 * | --- | --- | --- | --- | --- |
 * | yes | yes | only it | any | `solo` |
 * | yes | any | any | only it | `solo` |
 * | yes | otherwise | | | `shared` |
 * | no, and there are marks | yes | any | any | `none` |
 * | no | otherwise | | only it | `solo` |
 * | no | otherwise | | more | `suspicion` |
 */
export function crashVerdict({ ref, marked, exact, heldCount }: CrashScene): CrashVerdict {
  if (marked !== null && marked.includes(ref)) {
    return (exact && marked.length === 1) || heldCount === 1 ? "solo" : "shared";
  }
  if (marked !== null && exact) return "none";
  return heldCount === 1 ? "solo" : "suspicion";
}
