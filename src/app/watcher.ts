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
/** The server is asked about itself at every so many looks: its settings rarely change. */
const FACTS_EVERY = 4;
/** Dead letters that came within this time are news. */
const NEWS_MS = 300_000;
/** Lag that grew in this many looks in a row is growing. */
const GROWING_LOOKS = 3;
const NOTABLE_LAG = 1_000;
/** A refused settling step is tried again much sooner than this; so long after the last refusal it is over. */
const REFUSED_MS = 10_000;
/** Refusals that do not pass by themselves; what does makes the service not ready meanwhile, and is told by that. */
const LASTING: readonly string[] = ["wrong_type", "permission", "unknown"];

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
  /** When settling was last refused, by stream, monotonic ms. */
  readonly #refused = new Map<string, number>();
  #warnings: readonly string[] = [];
  #facts: ServerFacts | null = null;
  #looks = 0;

  /** @param options See {@link WatcherOptions}. */
  constructor(options: WatcherOptions) {
    this.#o = options;
    const { clock, random, happenings } = options;
    this.loop = new Loop({ name: "watcher", clock, random, happenings, step: () => this.#step() });
    happenings.listen((happening) => {
      if (happening.kind !== "settle_refused" || !LASTING.includes(happening.cause)) return;
      this.#refused.set(happening.stream, clock.monotonic());
    }, ["settle_refused"]);
  }

  /** Cause codes with the stream they concern: `dead_letters_growing:orders`. */
  get warnings(): readonly string[] {
    const since = this.#o.clock.monotonic() - REFUSED_MS;
    const refused = [...this.#refused].filter(([, at]) => at > since).map(([stream]) => `settling_refused:${stream}`);
    return [...this.#warnings, ...refused];
  }

  async #step(): Promise<number> {
    const warnings: string[] = [];
    // Unknown is asked for again at the next look.
    if (this.#facts === null || this.#looks++ % FACTS_EVERY === 0) this.#facts = await this.#o.serverFacts();
    const facts = this.#facts;
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
