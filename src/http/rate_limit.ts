/**
 * A token bucket.
 * @module
 */

/** Lets through `perSecond` a second on average, and as many at once. One process, no Redis. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #monotonic: () => number;
  #tokens: number;
  #filledAtMs: number;

  /** @param perSecond Rate and burst; 0 lets everything through. @param monotonic Monotonic ms. */
  constructor(perSecond: number, monotonic: () => number) {
    this.#perSecond = perSecond;
    this.#monotonic = monotonic;
    this.#tokens = perSecond;
    this.#filledAtMs = monotonic();
  }

  /** Takes one token. @returns 0 when there was one, else whole seconds (1 or more) until there will be. */
  take(): number {
    if (this.#perSecond === 0) return 0;
    const nowMs = this.#monotonic();
    const gained = ((nowMs - this.#filledAtMs) / 1_000) * this.#perSecond;
    // At least one fits, so that a rate below one a second lets something through at all.
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + gained);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perSecond));
    this.#tokens -= 1;
    return 0;
  }
}
