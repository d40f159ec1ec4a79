/**
 * A clock that stands still until a test moves it.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../src/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Start of a fake clock's wall time: 2023-11-14T22:13:20Z. */
const START_MS = 1_700_000_000_000;
/** More timers than this without time moving on is a loop that never ends. */
const MOST_AT_ONCE = 10_000;
/** Turns of the event loop that let promises settle which need more than microtasks (streams, crypto). */
const SETTLE_TURNS = 2;

/**
 * Time that moves only by {@link FakeClock.advance} and {@link FakeClock.step}.
 *
 * @example
 * ```ts
 * const clock = new FakeClock();
 * let fired = false;
 * clock.after(1_000, () => fired = true);
 * await clock.advance(1_000); // fired
 * ```
 */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs: number;
  /** In the order in which they were set; timers due at the same time fire in that order. */
  readonly #timers = new Set<Timer>();

  /** @param start `nowMs`: wall clock, default 1,700,000,000,000. `monotonicMs`: default 0. */
  constructor(start: { readonly nowMs?: number; readonly monotonicMs?: number } = {}) {
    this.#nowMs = start.nowMs ?? START_MS;
    this.#monotonicMs = start.monotonicMs ?? 0;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Wall clock, epoch ms. */
  now(): number {
    return this.#nowMs;
  }

  /** Monotonic ms. */
  monotonic(): number {
    return this.#monotonicMs;
  }

  /** As {@link Clock.after}; fires only inside {@link FakeClock.advance}. */
  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#monotonicMs + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /**
   * Moves time on, firing timers in the order in which they are due and letting promises settle after each.
   * @param ms 0 or more; 0 fires what is already due.
   * @throws {RangeError} `ms` is negative, or timers re-arm themselves without end.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance a clock by ${ms} ms: wanted 0 or more; step() goes back`);
    const endMs = this.#monotonicMs + ms;
    await settle();
    let atOnce = 0;
    for (let timer = this.#next(endMs); timer !== undefined; timer = this.#next(endMs)) {
      atOnce = timer.dueMs > this.#monotonicMs ? 1 : atOnce + 1;
      if (atOnce > MOST_AT_ONCE) {
        throw new RangeError(
          `Cannot advance by ${ms} ms: ${MOST_AT_ONCE} timers fired at one time; wanted an end of them`,
        );
      }
      this.#timers.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.callback();
      await settle();
    }
    this.#moveTo(endMs);
  }

  /** Steps the wall clock, as an operator or NTP would: no timer fires, monotonic time stays. May be negative. */
  step(ms: number): void {
    this.#nowMs += ms;
  }

  #next(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await setImmediate();
}
