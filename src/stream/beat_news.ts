/**
 * What the keeper's beats saw last. While they tell that nothing waits, the loops whose work that would be ask for it
 * only now and then: an idle service costs Redis next to nothing. Without news (a store that does not look, a beat that
 * was refused) they ask for themselves.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { News } from "../store/port.ts";

/** News older than this are none, ms: two beats may be late. */
const FRESH_MS = 3_000;

/** See the module's text. */
export class BeatNews {
  readonly #clock: Clock;
  readonly #listeners: ((news: News | null) => void)[] = [];
  #latest: News | null = null;
  #at = -Infinity;

  /** @param clock Says how old news are. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The latest, where they are fresh. */
  get latest(): News | null {
    return this.#clock.monotonic() - this.#at < FRESH_MS ? this.#latest : null;
  }

  /** A beat saw this; null: it could not look. */
  saw(news: News | null): void {
    const hadNone = this.#latest === null;
    this.#latest = news;
    this.#at = this.#clock.monotonic();
    if (news === null && hadNone) return;
    for (const listener of this.#listeners) listener(news);
  }

  /** Tells of each, and with null, once, that there are none any more. For as long as this lives. */
  listen(listener: (news: News | null) => void): void {
    this.#listeners.push(listener);
  }

  /** How long to wait before asking: `often`, or `seldom` where fresh news say that nothing of it waits. */
  pace(idle: (news: News) => boolean, often: number, seldom: number): number {
    const { latest } = this;
    return latest !== null && idle(latest) ? seldom : often;
  }
}
