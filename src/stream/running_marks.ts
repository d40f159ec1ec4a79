/**
 * Tells the store which entries are running, as far as it takes to tell, after a crash, who was at it.
 *
 * Fresh entries start unmarked: a mark for each would cost the hot path a round trip. Two things make marks:
 * - *suspects* (entries that were held by a consumer that died): while one is held, every start is marked first, and the
 *   mark is exact;
 * - *slow* handlers: what has been running for a while is marked in passing, inexactly.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";

/** What marks are made of. */
export interface MarkOptions {
  readonly clock: Clock;
  /** True while something runs in this process that these marks do not cover (another stream's). */
  readonly foreignRunning: () => boolean;
  /** Writes the mark. May reject. */
  readonly mark: (refs: readonly string[], exact: boolean) => Promise<void>;
}

/** What can be marked. */
export interface Markable {
  /** As the store calls it. */
  readonly entryRef: string;
  /** For {@link RunningMarks} alone: its place among those that run, -1 for none, and since when, monotonic ms. */
  markSlot: number;
  markedSince: number;
}

/** A handler that has run for this long is worth a mark, ms. */
const SLOW_MS = 50;
/** Stands for what runs elsewhere in the process, so that no crash is blamed on one alone. */
const FOREIGN = "-";
/** Wait before a mark that must be written is tried again, ms. */
const RETRY_MS = 200;

/** See the module's text. */
export class RunningMarks {
  readonly #options: MarkOptions;
  /** An array: see `deadlines.ts`. */
  readonly #running: Markable[] = [];
  readonly #suspects = new Set<string>();
  readonly #marked = new Set<string>();
  /** True while an exact mark stands in the store, or may: it vouches that nothing else runs. */
  #exact = false;
  #epoch = 0;
  #cancelTimer: (() => void) | null = null;
  #stopped = false;

  /** @param options See {@link MarkOptions}. */
  constructor(options: MarkOptions) {
    this.#options = options;
  }

  /** Entries running. */
  get running(): number {
    return this.#running.length;
  }

  /** A suspect is held. */
  suspect(ref: string): void {
    this.#suspects.add(ref);
  }

  /**
   * These are about to start. @returns A promise to wait for first, or null. It never rejects, and lasts as long as the
   * store takes no mark, at most until {@link reset} or {@link release}.
   */
  starting(items: readonly Markable[]): Promise<void> | null {
    const now = Math.floor(this.#options.clock.monotonic());
    for (const item of items) {
      item.markedSince = now;
      item.markSlot = this.#running.push(item) - 1;
    }
    const careful = this.#suspects.size > 0;
    if (!careful && !this.#exact) {
      this.#armTimer();
      return null;
    }
    return this.#writeFirst(careful);
  }

  /** It no longer runs. */
  ended(item: Markable): void {
    const slot = item.markSlot;
    if (slot < 0) return;
    item.markSlot = -1;
    const last = this.#running.pop()!;
    if (last === item) return;
    this.#running[slot] = last;
    last.markSlot = slot;
  }

  /** It is no longer held. */
  forget(ref: string): void {
    if (this.#suspects.size > 0) this.#suspects.delete(ref);
  }

  /** Nothing is held any more. */
  reset(): void {
    for (const item of this.#running.splice(0)) item.markSlot = -1;
    this.#suspects.clear();
    this.#marked.clear();
    this.#exact = false;
    this.#epoch++;
  }

  /** Starts that still wait for their mark wait no longer; the consumer does not let them begin. */
  release(): void {
    this.#epoch++;
  }

  /** No further marks. */
  stop(): void {
    this.#stopped = true;
    this.release();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /**
   * Writes before a start, until it is written: a start that nobody knows of would be blamed on what an earlier mark
   * names, or on nobody. While the store is away nothing could be settled either.
   */
  async #writeFirst(exact: boolean): Promise<void> {
    const epoch = this.#epoch;
    this.#exact = true;
    while (!await this.#write(exact)) {
      await sleep(this.#options.clock, RETRY_MS);
      if (epoch !== this.#epoch) return;
    }
    if (epoch === this.#epoch) this.#exact = exact;
  }

  /** @returns True when the mark is written. */
  async #write(exact: boolean): Promise<boolean> {
    const refs = this.#running.map((item) => item.entryRef);
    this.#marked.clear();
    for (const ref of refs) this.#marked.add(ref);
    try {
      await this.#options.mark(this.#options.foreignRunning() ? [...refs, FOREIGN] : refs, exact);
      return true;
    } catch {
      return false;
    }
  }

  #armTimer(): void {
    if (this.#cancelTimer !== null || this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(SLOW_MS, () => {
      this.#cancelTimer = null;
      if (this.#running.length === 0) return;
      if (this.#hasUnmarkedSlow()) this.#write(this.#exact);
      this.#armTimer();
    }, true);
  }

  #hasUnmarkedSlow(): boolean {
    const now = this.#options.clock.monotonic();
    return this.#running.some((one) => now - one.markedSince >= SLOW_MS && !this.#marked.has(one.entryRef));
  }
}
