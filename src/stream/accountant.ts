/**
 * Counts what the store destroyed and no consumer had in its care: undelivered entries, and what dead consumers held.
 *
 * The store keeps the books, so that each loss is told once across replicas. When the books are gone with everything
 * else, the replica that opens new ones tells what it saw last.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import { Loop } from "./loop.ts";
import type { BeatNews } from "./beat_news.ts";

/** What an accountant is made of. */
export interface AccountantOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly beatNews: BeatNews;
}

/** How old at most the knowledge is that a sudden loss is counted by, ms. */
const PERIOD_MS = 1_000;
/** How seldom it counts, ms, where the beats tell that nothing has changed. */
const SELDOM_MS = 30_000;

/** Makes the loop; wake it when the group was made. */
export function accountantLoop({ store, clock, random, happenings, beatNews }: AccountantOptions): Loop {
  let atStake = 0;
  /** What the beat before the last census saw. */
  let counted: string | null = null;
  const tell = (cause: string, count: number): void => {
    if (count > 0) happenings.emit({ kind: "store_lost", stream: store.stream, cause, count });
  };
  const step = async (): Promise<number> => {
    // Taken before: what changes meanwhile is counted next time.
    counted = beatNews.latest?.mark ?? null;
    const census = await store.census();
    tell("trimmed", census.trimmed);
    tell("rolled_back", census.rolledBack);
    tell("deleted", census.deleted + (census.remembered ? 0 : atStake));
    atStake = census.atStake ?? (census.remembered ? atStake : 0);
    return beatNews.pace(({ mark }) => mark === counted, PERIOD_MS, SELDOM_MS);
  };
  const loop = new Loop({ name: `accountant:${store.stream}`, clock, random, happenings, step });
  beatNews.listen((news) => {
    if (counted !== null && news?.mark !== counted) loop.wake();
  });
  return loop;
}
