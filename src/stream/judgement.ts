/**
 * May this process judge others? Only after a full lease in which nothing disturbed its own view: a process that has
 * just been cut off or asleep sees everybody's lease run out, its own included.
 * @module
 */
import type { Clock } from "../clock.ts";

/** See the module's text. */
export class Judgement {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #disturbedAt: number;
  #beatAt: number;

  /** @param clock Monotonic time. @param leaseMs `LEASE_MS`. A fresh judge is disturbed until {@link trustStart}. */
  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#disturbedAt = clock.monotonic();
    this.#beatAt = this.#disturbedAt;
  }

  /** The connection was lost or came back, a beat failed, or the process slept. */
  disturb(): void {
    this.#disturbedAt = this.#clock.monotonic();
    this.#beatAt = this.#disturbedAt;
  }

  /**
   * The store has been up for longer than a lease and the first connection succeeded at once: leases that have run out
   * did so under its eyes, and a fresh process need not wait.
   */
  trustStart(): void {
    this.#disturbedAt = -Infinity;
  }

  /** A beat was answered. A gap of half a lease since the one before counts as a disturbance. */
  beat(): void {
    const now = this.#clock.monotonic();
    if (now - this.#beatAt > this.#leaseMs / 2) this.#disturbedAt = now;
    this.#beatAt = now;
  }

  /** Milliseconds until this process may judge; 0: now. */
  waitMs(): number {
    const now = this.#clock.monotonic();
    if (now - this.#beatAt > this.#leaseMs / 2) return this.#leaseMs;
    return Math.max(0, this.#disturbedAt + this.#leaseMs - now);
  }
}
