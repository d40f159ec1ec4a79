/**
 * The clock of Redis, as the latest beat saw it: so that a schedule need not ask for it each time.
 * @module
 */
import type { Clock } from "../../clock.ts";

/** Seen longer ago than this it is asked for, ms: the server's clock may have been set meanwhile. */
const FRESH_MS = 2_000;
/** An answer that took longer, ms, may have been lying about for as long. */
const LONGEST_TRIP_MS = 100;

/** See the module's text. */
export class StoreClock {
  readonly #clock: Clock;
  #seenMs = 0;
  #at = -Infinity;

  /** @param clock Carries on from where it was seen. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It was that late a moment ago. @param nowMs Epoch ms. @param askedAt When it was asked for, monotonic ms. */
  saw(nowMs: number, askedAt: number): void {
    const now = this.#clock.monotonic();
    if (now - askedAt > LONGEST_TRIP_MS) return;
    this.#seenMs = nowMs;
    this.#at = now;
  }

  /** Epoch ms, at most a round trip behind; null where it has to be asked for. */
  get now(): number | null {
    const passedMs = this.#clock.monotonic() - this.#at;
    return passedMs < FRESH_MS ? Math.floor(this.#seenMs + passedMs) : null;
  }
}
