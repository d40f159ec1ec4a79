/**
 * Runs the conformance suite against an adapter.
 * @module
 */
import { adminClauses } from "./admin.ts";
import { batchClauses } from "./batches.ts";
import { findClauses } from "./find.ts";
import type { Clause, Harness } from "./harness.ts";
import { fencingClauses } from "./fencing.ts";
import { letterClauses } from "./letters.ts";
import { lossClauses } from "./losses.ts";
import { overviewClauses } from "./overview.ts";
import { parkingClauses } from "./parking.ts";
import { publishingClauses } from "./publishing.ts";
import { readingClauses } from "./reading.ts";
import { refusalClauses } from "./refusals.ts";
import { replayClauses } from "./replays.ts";
import { scheduleClauses } from "./schedules.ts";
import { settlingClauses } from "./settling.ts";
import { takeoverClauses } from "./takeover.ts";
import { trimmingClauses } from "./trimming.ts";
import { verdictClauses } from "./verdicts.ts";

/** Every promise of the port that can be tried from outside. */
export const conformanceClauses: readonly Clause[] = [
  ...publishingClauses,
  ...readingClauses,
  ...settlingClauses,
  ...refusalClauses,
  ...parkingClauses,
  ...batchClauses,
  ...fencingClauses,
  ...takeoverClauses,
  ...verdictClauses,
  ...letterClauses,
  ...replayClauses,
  ...scheduleClauses,
  ...trimmingClauses,
  ...lossClauses,
  ...overviewClauses,
  ...adminClauses,
  ...findClauses,
];

/** Those of them in which much is parked. */
export const parkedConformance: readonly Clause[] = [
  ...parkingClauses,
  ...batchClauses,
  ...fencingClauses,
  ...takeoverClauses,
  ...lossClauses,
];

/** A clause that an adapter does not keep, and why that is right. */
export interface Skip {
  readonly clause: string;
  readonly reason: string;
}

/** An adapter under test. */
export interface Conformance {
  /** For the test names: `conformance(name): clause`. */
  readonly name: string;
  /** Gives fresh, empty data. */
  readonly open: () => Promise<Harness>;
  /** What {@link Harness.can} of such a harness will hold. */
  readonly can: Harness["can"];
  readonly skip?: readonly Skip[];
  /** Default: {@link conformanceClauses}. */
  readonly only?: readonly Clause[];
}

/**
 * Registers one test a clause. A clause that is skipped, or needs what the adapter cannot do, is shown as ignored with
 * its reason.
 * @throws {RangeError} A skip names no clause: it would hide nothing and pass for care.
 */
export function runConformance({ name, open, can, skip = [], only = conformanceClauses }: Conformance): void {
  const unknown = skip.find(({ clause }) => conformanceClauses.every((other) => other.name !== clause));
  if (unknown) throw new RangeError(`Cannot skip "${unknown.clause}": there is no such clause`);
  for (const clause of only) {
    const lacking = clause.needs !== undefined && !can.has(clause.needs) ? `needs ${clause.needs}` : undefined;
    const reason = skip.find((one) => one.clause === clause.name)?.reason ?? lacking;
    Deno.test({
      name: `conformance(${name}): ${clause.name}${reason === undefined ? "" : ` (${reason})`}`,
      ignore: reason !== undefined,
      async fn(): Promise<void> {
        await using harness = await open();
        await clause.run(harness);
      },
    });
  }
}
