/**
 * Settles in batches: what handlers decided is gathered while the previous batch is under way, so that a busy consumer
 * pays one round trip for hundreds of acknowledgements and an idle one waits for nothing.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";
import { causeOf, type RedisCause, StoreUnavailableError } from "../errors.ts";
import type { Settlement, SettleOutcome, StreamStore } from "../store/port.ts";

/** A settlement, and what follows from it. */
export interface PendingSettlement {
  readonly settlement: Settlement;
  /** For the settler alone: true after a call whose answer was lost. `gone` then means that the call had been executed. */
  uncertain: boolean;
  /**
   * Called once, with the final outcome; never with `refused`, which is tried again until the settler stops.
   * `repeated`: it was asked more than once, because an answer was lost.
   */
  done(outcome: SettleOutcome, repeated: boolean): void;
}

/** What a settler is made of. */
export interface SettlerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  /** The consumer's current name. */
  readonly consumer: () => string;
  readonly dedupWindowMs: number;
  /** Told each time the store refuses or does not answer; the settlements are kept and tried again. */
  readonly onRefused: (cause: RedisCause, message: string, count: number) => void;
}

/** Most settlements in one call. A script of this many acknowledgements takes Redis well under a millisecond. */
const MAX_BATCH = 1_000;
/** What is gathered is settled at once where it is so much; a call for less costs nearly as much as one for all. */
const ENOUGH = 200;
/** Wait before trying again what was refused. Nothing else waits meanwhile. */
const RETRY_MS = 500;

/** See the module's text. */
export class Settler {
  readonly #options: SettlerOptions;
  #queue: PendingSettlement[] = [];
  #refused: PendingSettlement[] = [];
  #inFlight = 0;
  #flushing: Promise<void> | null = null;
  #retry: (() => void) | null = null;
  #idle: (() => void)[] = [];
  #stopped = false;

  /** @param options See {@link SettlerOptions}. */
  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Settlements not yet confirmed. */
  get size(): number {
    return this.#queue.length + this.#refused.length + this.#inFlight;
  }

  /** Settles as soon as the batch under way is done. */
  add(pending: PendingSettlement): void {
    this.#queue.push(pending);
    if (!this.#stopped) this.#flushing ??= this.#flush();
  }

  /** Forgets everything of a consumer that was fenced: each settlement ends as `fenced`. */
  abandon(): void {
    const all = [...this.#queue.splice(0), ...this.#refused.splice(0)];
    for (const kept of all) kept.done({ kind: "fenced" }, kept.uncertain);
    this.#signalIdle();
  }

  /** Waits until nothing is left, at most until the signal aborts. @returns What is left. */
  async drained(signal: AbortSignal): Promise<number> {
    while (this.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return this.size;
  }

  /** Stops trying again; what is left stays with the store. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.();
    this.#retry = null;
  }

  async #flush(): Promise<void> {
    for (;;) {
      // One turn of the event loop gathers what handlers of the same batch decide.
      if (this.#queue.length < ENOUGH) await sleep(this.#options.clock, 0);
      if (this.#queue.length === 0 || this.#stopped) break;
      const batch = this.#next();
      this.#inFlight = batch.length;
      const kept = await this.#settle(batch);
      this.#inFlight = 0;
      if (kept.length > 0) this.#keep(kept);
    }
    this.#flushing = null;
    this.#signalIdle();
  }

  #next(): readonly PendingSettlement[] {
    if (this.#queue.length > MAX_BATCH) return this.#queue.splice(0, MAX_BATCH);
    const all = this.#queue;
    this.#queue = [];
    return all;
  }

  async #settle(batch: readonly PendingSettlement[]): Promise<PendingSettlement[]> {
    const { store, consumer, dedupWindowMs } = this.#options;
    const name = consumer();
    const kept = await this.#try(store.settle(name, batch.map((kept) => kept.settlement), dedupWindowMs), batch);
    if (name === consumer()) return kept;
    // Fenced meanwhile: under the new name they would settle what may have come back to us in another attempt.
    for (const one of kept) one.done({ kind: "fenced" }, one.uncertain);
    return [];
  }

  async #try(
    settling: Promise<readonly SettleOutcome[]>,
    batch: readonly PendingSettlement[],
  ): Promise<PendingSettlement[]> {
    try {
      return this.#sort(batch, await settling);
    } catch (error) {
      const uncertain = !(error instanceof StoreUnavailableError) || error.outcomeUnknown;
      for (const kept of batch) kept.uncertain ||= uncertain;
      this.#options.onRefused(causeOf(error), error instanceof Error ? error.message : String(error), batch.length);
      return [...batch];
    }
  }

  #sort(batch: readonly PendingSettlement[], outcomes: readonly SettleOutcome[]): PendingSettlement[] {
    const again: PendingSettlement[] = [];
    let refusal: Extract<SettleOutcome, { kind: "refused" }> | null = null;
    batch.forEach((kept, index) => {
      const outcome = outcomes[index] ?? { kind: "gone" };
      if (outcome.kind === "refused") {
        refusal = outcome;
        again.push(kept);
      } else {
        kept.done(outcome.kind === "gone" && kept.uncertain ? { kind: "settled" } : outcome, kept.uncertain);
      }
    });
    if (refusal !== null) this.#tell(refusal, again.length);
    return again;
  }

  #tell(refusal: Extract<SettleOutcome, { kind: "refused" }>, count: number): void {
    this.#options.onRefused(refusal.reason, refusal.message, count);
  }

  #keep(kept: readonly PendingSettlement[]): void {
    this.#refused.push(...kept);
    this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#retry = null;
      this.#queue.push(...this.#refused.splice(0));
      if (!this.#stopped && this.#queue.length > 0) this.#flushing ??= this.#flush();
    });
  }

  #signalIdle(): void {
    if (this.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
