/**
 * What is remembered of an entry: its earlier attempts while it lives, and its letter once it is dead.
 * @module
 */

/** How an attempt before the latest failure ended; for people. */
export interface PastFailure {
  /** Store time, ms. */
  readonly atMs: number;
  /** At most 300 characters. */
  readonly error: string;
}

/** What is known of an entry's earlier attempts, durable in the store. Absent fields of a fresh entry are zero. */
export interface History {
  /** Throws and timeouts that counted. */
  readonly failures: number;
  /** Crashes while this entry alone was running: they use up the budget. */
  readonly soloCrashes: number;
  /** Crashes while it ran beside others: they count as attempts, and make it a suspect, but use up no budget. */
  readonly sharedCrashes: number;
  /** Takeovers while held by a consumer that died, where nobody can tell whether it was running. Makes it a suspect. */
  readonly suspicions: number;
  /** How often it was given back from the dead letters. */
  readonly replays: number;
  /** Store time of the first counted failure; 0 when none. */
  readonly firstMs: number;
  /** Store time of the latest counted failure; 0 when none. */
  readonly lastMs: number;
  /** Message of the latest failure, at most 2,000 characters. */
  readonly error: string;
  /** Failures before that one, and attempts that asked to be tried later; the newest few, oldest first. Absent: none. */
  readonly earlier?: readonly PastFailure[];
}

/** The history of an entry that was never tried. Shared, so that the hot path allocates none. */
export const FRESH: History = Object.freeze({
  failures: 0,
  soloCrashes: 0,
  sharedCrashes: 0,
  suspicions: 0,
  replays: 0,
  firstMs: 0,
  lastMs: 0,
  error: "",
});

/** Why an entry is given up on. */
export type DeadReason = "max_deliveries" | "non_retryable" | "invalid" | "undecodable" | "crash_loop";

/** What a dead letter says besides the original fields. */
export interface LetterInfo {
  readonly reason: DeadReason;
  /** At most 2,000 characters. */
  readonly error: string;
  /** Attempts that counted. */
  readonly deliveries: number;
  /** Store time of the first and the last counted attempt; 0: now. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly replays: number;
}
