/**
 * Moves delayed events into the stream when they are due.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import type { BeatNews } from "./beat_news.ts";
import { Loop } from "./loop.ts";

/** What a promoter is made of. */
export interface PromoterOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly beatNews: BeatNews;
}

const LIMIT = 500;
/** Another process may have stored one that is due sooner, and died. A delayed event is at most 1 s late. */
const LONGEST_WAIT_MS = 900;
/** So long where the beats would tell of such a one, ms. */
const SELDOM_MS = 120_000;

/** Makes the loop; wake it when an event was delayed. */
export function promoterLoop({ store, clock, random, happenings, beatNews }: PromoterOptions): Loop {
  const step = async (): Promise<number> => {
    const { moved, nextDueInMs } = await store.promoteDelayed(LIMIT);
    if (moved > 0) happenings.emit({ kind: "promoted", stream: store.stream, count: moved });
    if (moved >= LIMIT) return 0;
    const longest = beatNews.pace(() => true, LONGEST_WAIT_MS, SELDOM_MS);
    return Math.max(1, Math.min(longest, nextDueInMs ?? longest));
  };
  const loop = new Loop({ name: `promoter:${store.stream}`, clock, random, happenings, step });
  // Due before the next beat: the step asks for the exact time.
  beatNews.listen((news) => {
    if (news === null || (news.delayedInMs ?? Infinity) <= LONGEST_WAIT_MS) loop.wake();
  });
  return loop;
}
