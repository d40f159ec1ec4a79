/**
 * Looks now and then at what probes cannot see, for the warnings that make the state `degraded`.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { GroupStats, StreamStore } from "../store/port.ts";
import { Loop } from "../stream/loop.ts";
import type { ServerFacts } from "./redis_parts.ts";

/** What a watcher is made of. */
export interface WatcherOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly stores: readonly StreamStore[];
  /** Null where the server may not be asked. */
  readonly serverFacts: () => Promise<ServerFacts | null>;
}

const PERIOD_MS = 15_000;
/** Dead letters that came within this time are news. */
const NEWS_MS = 300_000;
/** Lag that grew in this many looks in a row is growing. */
const GROWING_LOOKS = 3;
const NOTABLE_LAG = 1_000;

interface Seen {
  letters: number;
  lettersGrewAt: number;
  lag: number;
  lagGrew: number;
}

/** See the module's text. */
export class Watcher {
  readonly loop: Loop;
  readonly #o: WatcherOptions;
  readonly #seen = new Map<string, Seen>();
  #warnings: readonly string[] = [];

  /** @param options See {@link WatcherOptions}. */
  constructor(options: WatcherOptions) {
    this.#o = options;
    const { clock, random, happenings } = options;
    this.loop = new Loop({ name: "watcher", clock, random, happenings, step: () => this.#step() });
  }

  /** Cause codes with the stream they concern: `dead_letters_growing:orders`. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  async #step(): Promise<number> {
    const warnings: string[] = [];
    const facts = await this.#o.serverFacts();
    if (facts !== null && facts.evictionPolicy !== null) warnings.push(`eviction_policy:${facts.evictionPolicy}`);
    for (const store of this.#o.stores) {
      const figures = await store.stats();
      this.#o.happenings.emit({ kind: "counted", stream: store.stream, figures });
      warnings.push(...this.#judge(store.stream, figures));
    }
    this.#warnings = warnings;
    return PERIOD_MS;
  }

  #judge(stream: string, { deadLetters, lag }: GroupStats): string[] {
    const now = this.#o.clock.monotonic();
    const seen = this.#seen.get(stream) ?? { letters: deadLetters, lettersGrewAt: -Infinity, lag, lagGrew: 0 };
    if (deadLetters > seen.letters) seen.lettersGrewAt = now;
    seen.lagGrew = lag > seen.lag && lag > NOTABLE_LAG ? seen.lagGrew + 1 : 0;
    seen.letters = deadLetters;
    seen.lag = lag;
    this.#seen.set(stream, seen);
    const warnings: string[] = [];
    if (now - seen.lettersGrewAt < NEWS_MS) warnings.push(`dead_letters_growing:${stream}`);
    if (seen.lagGrew >= GROWING_LOOKS) warnings.push(`lag_growing:${stream}`);
    return warnings;
  }
}
