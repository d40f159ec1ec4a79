/**
 * Recoveries: how long after a fault was healed the service did what it owes, and whether that is within the bound.
 *
 * The bounds are the contract's. A test machine that is busy with other things adds to what is measured, so each bound
 * is widened by {@link SLACK_MS} and by the time for which this process itself got no processor meanwhile. Both the
 * measured time and the slack are reported.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";

/** One recovery. */
export interface Recovery {
  readonly round: number;
  /** `broker kill`, `worker stop` … */
  readonly fault: string;
  /** What was owed. */
  readonly owed: string;
  /** Null: there was nothing to recover, say because the dead replica held nothing. */
  readonly ms: number | null;
  readonly boundMs: number;
  /** By how much the bound is widened for entries that run alone. */
  readonly loneMs: number;
  readonly slackMs: number;
}

/** Constant part of the slack: polling, and starting to read what another process wrote. */
export const SLACK_MS = 250;

/** True where the bound was kept. */
export function kept({ ms, boundMs, loneMs, slackMs }: Recovery): boolean {
  return ms === null || ms <= boundMs + loneMs + slackMs;
}

/** Measures how much later than asked for this process is woken: the machine's share of every measured time. */
export class StallMeter implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #work: Promise<void>;
  readonly #stalls: { at: number; ms: number }[] = [];

  /** Starts to measure. */
  constructor() {
    this.#work = this.#measure();
  }

  /** Milliseconds of stalls since a moment, epoch ms. */
  since(from: number): number {
    let total = 0;
    for (let index = this.#stalls.length - 1; index >= 0; index--) {
      const { at, ms } = this.#stalls[index]!;
      if (at < from) break;
      total += ms;
    }
    return Math.round(total);
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #measure(): Promise<void> {
    const periodMs = 20;
    for (let before = performance.now(); !this.#stopping.signal.aborted;) {
      await sleep(systemClock, periodMs, this.#stopping.signal);
      const now = performance.now();
      const late = now - before - periodMs;
      if (late > 20) this.#stalls.push({ at: Date.now(), ms: late });
      before = now;
    }
  }
}

/** Waits until something is there, looking every 10 ms. @returns What was found, or null when the time is over. */
export async function lookFor<T>(look: () => T | null, timeoutMs: number): Promise<T | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== null || performance.now() >= deadline) return found;
    await sleep(systemClock, 10);
  }
}
