/**
 * Moves delayed events into the stream when they are due.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import { Loop } from "./loop.ts";

/** What a promoter is made of. */
export interface PromoterOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
}

const LIMIT = 500;
/** Another process may have stored one that is due sooner, and died. A delayed event is at most 1 s late. */
const LONGEST_WAIT_MS = 900;

/** Makes the loop; wake it when an event was delayed. */
export function promoterLoop({ store, clock, random, happenings }: PromoterOptions): Loop {
  const step = async (): Promise<number> => {
    const { moved, nextDueInMs } = await store.promoteDelayed(LIMIT);
    if (moved > 0) happenings.emit({ kind: "promoted", stream: store.stream, count: moved });
    if (moved >= LIMIT) return 0;
    return Math.max(1, Math.min(LONGEST_WAIT_MS, nextDueInMs ?? LONGEST_WAIT_MS));
  };
  return new Loop({ name: `promoter:${store.stream}`, clock, random, happenings, step });
}
