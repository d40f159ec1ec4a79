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

/** What an accountant is made of. */
export interface AccountantOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
}

/** How old at most the knowledge is that a sudden loss is counted by, ms. */
const PERIOD_MS = 1_000;

/** Makes the loop; wake it when the group was made. */
export function accountantLoop({ store, clock, random, happenings }: AccountantOptions): Loop {
  let atStake = 0;
  const tell = (cause: string, count: number): void => {
    if (count > 0) happenings.emit({ kind: "store_lost", stream: store.stream, cause, count });
  };
  const step = async (): Promise<number> => {
    const census = await store.census();
    tell("trimmed", census.trimmed);
    tell("rolled_back", census.rolledBack);
    tell("deleted", census.deleted + (census.remembered ? 0 : atStake));
    atStake = census.atStake ?? (census.remembered ? atStake : 0);
    return PERIOD_MS;
  };
  return new Loop({ name: `accountant:${store.stream}`, clock, random, happenings, step });
}
