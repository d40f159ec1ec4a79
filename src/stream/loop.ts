/**
 * A supervised loop: does a step, waits as long as the step says, and cannot be killed by an error.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { sleep } from "../clock.ts";
import { causeOf, StoreUnavailableError } from "../errors.ts";
import type { Happenings } from "../happenings.ts";

/** What a loop is made of. */
export interface LoopOptions {
  /** For logs and health. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  /** One step. @returns Milliseconds until the next one; 0 goes on at once. */
  readonly step: (signal: AbortSignal) => Promise<number>;
  /** Called after a failed step, before the wait. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Longest wait after refusals, ms. Nobody tells when a server has loaded its data or takes writes again, and events must
 * flow within 3 s of it.
 */
const MAX_BACKOFF_MS = 2_000;
/** While Redis is away steps fail locally and cost it nothing, so this cap is shorter. */
const MAX_OFFLINE_BACKOFF_MS = 1_000;

/** Why a wait ends. */
const WOKEN = "woken";

/** See the module's text. */
export class Loop {
  readonly name: string;
  readonly #options: LoopOptions;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #woken = false;
  #running: Promise<void> | null = null;
  #failures = 0;
  #progressAt: number;
  #stepping = false;

  /** @param options See {@link LoopOptions}. Nothing runs before {@link start}. */
  constructor(options: LoopOptions) {
    this.name = options.name;
    this.#options = options;
    this.#progressAt = options.clock.monotonic();
  }

  /** Starts once; further calls do nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the current wait, or skips the next one when a step is under way. */
  wake(): void {
    this.#woken = true;
    // The reason is given, since making one, with its stack, would cost more than all the rest.
    if (!this.#wake.signal.aborted) this.#wake.abort(WOKEN);
  }

  /** Monotonic ms at which the last step ended, well or badly. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** True while a step is under way. */
  get stepping(): boolean {
    return this.#stepping;
  }

  /** Steps that failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Asks the loop to end, and waits until the step under way has. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort(WOKEN);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      const waitMs = await this.#step();
      this.#progressAt = clock.monotonic();
      if (this.#stop.signal.aborted) return;
      if (waitMs > 0 && !this.#woken) await sleep(clock, waitMs, this.#wake.signal);
      this.#woken = false;
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
    }
  }

  async #step(): Promise<number> {
    this.#stepping = true;
    try {
      const waitMs = await this.#options.step(this.#stop.signal);
      this.#failures = 0;
      return waitMs;
    } catch (error) {
      if (this.#stop.signal.aborted) return 0;
      this.#failures++;
      this.#report(error);
      return this.#backoffMs(error);
    } finally {
      this.#stepping = false;
    }
  }

  #report(error: unknown): void {
    const { happenings, name, onError } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    happenings.emit({ kind: "loop_failed", loop: name, message, cause: causeOf(error) });
    onError?.(error);
  }

  #backoffMs(error: unknown): number {
    const cap = error instanceof StoreUnavailableError ? MAX_OFFLINE_BACKOFF_MS : MAX_BACKOFF_MS;
    const full = Math.min(cap, 100 * 2 ** Math.min(this.#failures - 1, 10));
    return Math.round(full * (0.5 + this.#options.random() / 2));
  }
}
