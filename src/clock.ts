/**
 * Time and chance come in as arguments, so that tests own them.
 * @module
 */
import { setImmediate } from "node:timers";

/** What the service knows of time. Implemented by {@link systemClock} and by the test kit's fake. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May step. For what people see and what is stored. */
  now(): number;
  /** Monotonic milliseconds. For durations and deadlines. */
  monotonic(): number;
  /**
   * Calls back once after `ms`. Never keeps the process alive by itself when `unref` is true.
   * @returns A function that cancels; harmless when called late or twice.
   */
  after(ms: number, callback: () => void, unref?: boolean): () => void;
}

/** A source of uniform random numbers in [0, 1). */
export type Random = () => number;

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback, unref = false) {
    // Longer than 2^31-1 ms would fire at once.
    const id = setTimeout(callback, Math.min(Math.max(0, ms), 0x7fffffff));
    if (unref) Deno.unrefTimer(Number(id));
    return () => clearTimeout(id);
  },
};

/**
 * Waits, unless the signal aborts first; never throws.
 * @param ms Milliseconds, 0 or more.
 * @returns `true` when the time passed, `false` when the signal ended it.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onAbort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(true);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Lets everything be heard that has come by now; takes no time of any clock, and some 20 µs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The real source of chance. Nothing secret is made from it. */
export const systemRandom: Random = () => Math.random();
