/**
 * The clock of Redis, as the latest beat saw it: so that a schedule need not ask for it each time.
 * @module
 */
import type { Clock } from "../../clock.ts";

/** Seen longer ago than this it is asked for, ms: the server's clock may have been set meanwhile. */
const FRESH_MS = 2_000;

/** See the module's text. */
export class StoreClock {
  readonly #clock: Clock;
  #seenMs = 0;
  #at = -Infinity;

  /** @param clock Carries on from where it was seen. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It was that late a moment ago. @param nowMs Epoch ms. */
  saw(nowMs: number): void {
    this.#seenMs = nowMs;
    this.#at = this.#clock.monotonic();
  }

  /** Epoch ms, at most a round trip behind; null where it has to be asked for. */
  get now(): number | null {
    const passedMs = this.#clock.monotonic() - this.#at;
    return passedMs < FRESH_MS ? Math.floor(this.#seenMs + passedMs) : null;
  }
}
