/**
 * When to try again: decisions only, no clock and no socket.
 * @module
 */
import type { Random } from "../../../clock.ts";

/** A link that was ready for that long was a good one: its loss is answered by an attempt at once. */
export const STABLE_MS = 1_000;
/** Longest wait, before jitter, where somebody answers and refuses: no probe can tell when that ends. */
export const ANSWERED_WAIT_MS = 2_000;
/** First wait after a link that died young, before jitter; doubles with each in a row up to {@link ANSWERED_WAIT_MS}. */
const YOUNG_WAIT_MS = 100;
/** Shortest wait, before jitter, whatever the configuration says. */
const SHORTEST_WAIT_MS = 50;
/** Waits differ by up to this part, so that replicas do not come back in step. */
const JITTER = 0.2;

/** A wait before the next attempt. */
export interface Wait {
  /** Milliseconds, jitter included; 0: at once. */
  readonly delayMs: number;
  /** End it early when the address accepts connections again. */
  readonly probe: boolean;
}

/**
 * Counts failures and says how long to wait. One per channel.
 *
 * The first attempt after the loss of a link that was ready for {@link STABLE_MS} is immediate. A link that dies sooner
 * is answered by a short wait that doubles, so that a server that takes connections and drops them is not asked in a hot
 * loop.
 */
export class RetrySchedule {
  readonly #delaysMs: readonly number[];
  readonly #random: Random;
  #step = 0;
  #failures = 0;
  #diedYoung = 0;
  #readyAtMs = 0;

  /** @param delaysMs At least one; the last repeats. @param random For the jitter. */
  constructor(delaysMs: readonly number[], random: Random) {
    this.#delaysMs = delaysMs;
    this.#random = random;
  }

  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** An attempt failed. @param nobodyAnswered See `nobodyAnswered` in errors.ts. */
  failed(nobodyAnswered: boolean): Wait {
    this.#failures++;
    return this.#next(nobodyAnswered);
  }

  /** An attempt succeeded. @param nowMs Monotonic. */
  ready(nowMs: number): void {
    this.#failures = 0;
    this.#readyAtMs = nowMs;
  }

  /** The link was lost. @param nowMs Monotonic. */
  lost(nowMs: number): Wait {
    if (nowMs - this.#readyAtMs < STABLE_MS) {
      const young = YOUNG_WAIT_MS * 2 ** this.#diedYoung++;
      return { delayMs: this.#jittered(Math.min(young, ANSWERED_WAIT_MS, this.#configured())), probe: false };
    }
    this.#step = 0;
    this.#diedYoung = 0;
    return { delayMs: 0, probe: false };
  }

  #next(probe: boolean): Wait {
    const configured = this.#configured();
    this.#step++;
    return { delayMs: this.#jittered(probe ? configured : Math.min(configured, ANSWERED_WAIT_MS)), probe };
  }

  #configured(): number {
    return this.#delaysMs[Math.min(this.#step, this.#delaysMs.length - 1)] ?? ANSWERED_WAIT_MS;
  }

  #jittered(ms: number): number {
    return Math.round(Math.max(ms, SHORTEST_WAIT_MS) * (1 - JITTER + 2 * JITTER * this.#random()));
  }
}
