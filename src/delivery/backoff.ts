/**
 * How long a failed entry waits for its next attempt.
 * @module
 */

/** Input of {@link retryDelayMs}. */
export interface Backoff {
  /** The attempt that failed, 1 for the first. */
  readonly attempt: number;
  /** Wait after the first failure, ms. */
  readonly baseMs: number;
  /** Longest wait, ms. */
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/**
 * Exponential with jitter: a random time in [½, 1] of min(`maxMs`, `baseMs`·2^(`attempt`−1)), so that what failed
 * together does not come back together.
 * @returns Whole ms, 0 or more; finite for every attempt number.
 */
export function retryDelayMs({ attempt, baseMs, maxMs, random }: Backoff): number {
  // 2^1023 is the largest power that a number holds; the ceiling is reached long before.
  const doublings = Math.min(Math.max(0, Math.floor(attempt) - 1), 1023);
  const ceiling = Math.max(0, Math.min(maxMs, baseMs * 2 ** doublings));
  const least = Math.ceil(ceiling / 2);
  return least + Math.floor((Math.floor(ceiling) - least + 1) * Math.min(Math.max(random, 0), 1 - Number.EPSILON));
}
