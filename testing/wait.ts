/**
 * Bounded waiting for tests: for a condition, or for a promise. No test sleeps for a fixed time.
 * @module
 */
import { sleep, systemClock } from "../src/clock.ts";

/** How long and how often. */
export interface WaitOptions {
  /** Milliseconds until the wait fails. Default 15000: for what no promise bounds, on a machine that does much else. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks. Default 10. */
  readonly everyMs?: number;
  /** What is waited for, for the error text. Default: the source of the condition. */
  readonly what?: string;
}

/** What a condition may answer. Anything truthy ends the wait. */
type Answer<T> = T | false | null | undefined | 0 | "";

const DEFAULT_MS = 15_000;
/** The last look, begun when the time is over, may take so long: a process that was held up must not fail unheard. */
const LAST_LOOK_MS = 500;

/**
 * Looks until the condition holds, for the last time when the time is over. A condition that throws counts as not yet; its last error is told on failure.
 * @returns What the condition answered.
 * @throws {Error} When the time is over: what was waited for, for how long, and what was last found.
 * @example
 * ```ts
 * import { waitFor } from "./wait.ts";
 * let n = 0;
 * await waitFor(() => ++n > 3, { what: "the counter to pass 3" });
 * ```
 */
export async function waitFor<T>(
  condition: () => Answer<T> | Promise<Answer<T>>,
  options: WaitOptions = {},
): Promise<T> {
  const { timeoutMs = DEFAULT_MS, everyMs = 10, what = condition.toString().slice(0, 120) } = options;
  const deadline = systemClock.monotonic() + timeoutMs;
  let last: unknown;
  for (let left = timeoutMs;;) {
    try {
      const answer = await until(Promise.resolve(condition()), { timeoutMs: Math.max(left, LAST_LOOK_MS), what });
      if (answer) return answer as T;
      last = answer;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    if (left <= 0) break;
    await sleep(systemClock, Math.max(1, Math.min(everyMs, deadline - systemClock.monotonic())));
    left = deadline - systemClock.monotonic();
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}: last found ${Deno.inspect(last)}`);
}

/**
 * Bounds a promise.
 * @returns What the promise gives.
 * @throws {Error} When the time is over. The promise goes on; its later rejection is swallowed.
 */
export function until<T>(promise: Promise<T>, options: Omit<WaitOptions, "everyMs"> = {}): Promise<T> {
  const { timeoutMs = DEFAULT_MS, what = "a promise to settle" } = options;
  return new Promise((resolve, reject) => {
    const cancel = systemClock.after(
      timeoutMs,
      () => reject(new Error(`waited ${timeoutMs} ms for ${what}: still pending`)),
    );
    promise.then(resolve, reject).finally(cancel);
  });
}
