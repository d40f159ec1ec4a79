/**
 * Figures of the streams for gauges: asked for when somebody looks, never more often than Redis should be asked, and
 * never waited for longer than a moment.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";

/** What is counted for one stream and group. */
export interface StreamFigures {
  /** Undelivered. */
  readonly lag: number;
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
  readonly delayed: number;
  readonly oldestAgeMs: number;
}

/** Who counts. A `StreamStore` is one. */
export interface FigureSource {
  readonly stream: string;
  readonly group: string;
  stats(): Promise<StreamFigures>;
}

/** What a sampler is made of. */
export interface SamplerOptions {
  readonly clock: Clock;
  /** False while it is known that nobody would answer. */
  readonly usable: () => boolean;
}

/** Two questions a second for all streams together. */
const EVERY_MS = 500;
/** And at most so often however few streams there are. */
const LEAST_MS = 1_000;
/** Who looks waits no longer than this for fresh figures; then the last known ones do. */
const PATIENCE_MS = 250;

/** See the module's text. */
export class StreamSampler {
  readonly #o: SamplerOptions;
  #sources: readonly FigureSource[] = [];
  readonly #latest = new Map<FigureSource, StreamFigures>();
  #nextAt = -Infinity;
  #asking = false;
  /** Resolves when the latest question was answered, or had its time. */
  #answered: Promise<unknown> = Promise.resolve();

  /** @param options See {@link SamplerOptions}. Asks nobody yet. */
  constructor(options: SamplerOptions) {
    this.#o = options;
  }

  /** Whom to ask from now on. */
  watch(sources: readonly FigureSource[]): void {
    this.#sources = sources;
  }

  /** The latest figures there are, refreshed where that is allowed and quick. A source that never answered is absent. */
  async figures(): Promise<ReadonlyMap<FigureSource, StreamFigures>> {
    const now = this.#o.clock.monotonic();
    const due = !this.#asking && now >= this.#nextAt && this.#sources.length > 0;
    if (due && this.#o.usable()) this.#ask(now);
    await this.#answered;
    return this.#latest;
  }

  #ask(now: number): void {
    this.#nextAt = now + Math.max(LEAST_MS, EVERY_MS * this.#sources.length);
    this.#asking = true;
    const done = new AbortController();
    this.#answered = sleep(this.#o.clock, PATIENCE_MS, done.signal);
    // Not awaited: what hangs is waited for once, for a moment, and ends by the bound on its own command.
    void Promise.all(this.#sources.map((source) => this.#askOne(source))).then(() => {
      this.#asking = false;
      done.abort();
    });
  }

  async #askOne(source: FigureSource): Promise<void> {
    try {
      this.#latest.set(source, await source.stats());
    } catch {
      // Redis is away or refuses: what was known stays, and `redis_up` says so.
    }
  }
}
