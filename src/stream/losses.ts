/**
 * What became of entries that a consumer had and no longer has: asks the store, and counts what was destroyed.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Fate, StreamStore } from "../store/port.ts";

/** What losses are made of. */
export interface LossesOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  /** Entries were destroyed. */
  readonly onLost: (cause: string, count: number) => void;
}

/** An entry that is missed. */
interface Missing {
  readonly ref: string;
  /** Since when it was held, monotonic ms. */
  readonly sinceMs: number;
}

/** Wait before the store is asked again, ms. */
const RETRY_MS = 500;
/** Longer than anything is held, ms. */
const FOREVER_MS = 1e12;
/** Most that wait for an answer: more than a consumer can hold and have parked. */
const MOST = 100_000;

/** See the module's text. */
export class Losses {
  readonly #o: LossesOptions;
  /** By consumer name: what it misses. */
  readonly #missing = new Map<string, Missing[]>();
  #waiting = 0;
  #cancel: (() => void) | null = null;
  #asking = false;
  #stopped = false;

  /** @param options See {@link LossesOptions}. */
  constructor(options: LossesOptions) {
    this.#o = options;
  }

  /** The consumer of that name no longer has this entry. @param sinceMs Since when it was held, monotonic. */
  add(consumer: string, ref: string, sinceMs: number): void {
    if (this.#stopped || this.#waiting >= MOST) return;
    this.#waiting++;
    const missing = this.#missing.get(consumer);
    if (missing) missing.push({ ref, sinceMs });
    else this.#missing.set(consumer, [{ ref, sinceMs }]);
    // One turn later all that one event of the store destroyed has been told.
    this.#arm(0);
  }

  /** Asks no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(ms: number): void {
    if (this.#cancel !== null || this.#asking || this.#stopped) return;
    this.#cancel = this.#o.clock.after(ms, () => {
      this.#cancel = null;
      this.#ask();
    }, true);
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    let answered = true;
    for (const [consumer, missing] of [...this.#missing]) {
      this.#missing.delete(consumer);
      if (!await this.#look(consumer, missing)) {
        this.#missing.set(consumer, [...missing, ...this.#missing.get(consumer) ?? []]);
        answered = false;
      }
    }
    this.#asking = false;
    if (this.#missing.size > 0) this.#arm(answered ? 0 : RETRY_MS);
  }

  async #look(consumer: string, missing: readonly Missing[]): Promise<boolean> {
    const { store, clock, onLost } = this.#o;
    const now = clock.monotonic();
    try {
      const fates = await store.fates(
        consumer,
        missing.map(({ ref, sinceMs }) => ({ ref, heldMs: Math.min(Math.max(0, now - sinceMs), FOREVER_MS) })),
      );
      this.#waiting -= missing.length;
      for (const cause of ["deleted", "removed"] satisfies Fate[]) {
        const count = fates.filter((fate) => fate === cause).length;
        if (count > 0) onLost(cause, count);
      }
      return true;
    } catch {
      return false;
    }
  }
}
