/**
 * Everything at a glance.
 * @module
 */
import { compareIds } from "../delivery/ids.ts";
import { rfc3339 } from "../events/time.ts";
import type { ConsumerFacts, GroupFacts, StreamFacts } from "../store/admin_port.ts";
import type { GroupStats } from "../store/port.ts";
import type { AdminStream } from "./letters.ts";
import type { ConsumerOverview, Counts, GroupOverview, StreamOverview } from "./shapes.ts";

/** One stream, and since when its group is paused. */
export interface StreamLook {
  readonly overview: StreamOverview;
  readonly pausedSinceMs: number | null;
  readonly stats: GroupStats;
}

/** Asks the store about one stream. @param options `consumers: false` costs less. */
export async function lookAt(
  { store, admin }: AdminStream,
  options: { readonly consumers?: boolean } = {},
): Promise<StreamLook> {
  const [stats, facts] = await Promise.all([store.stats(), admin.facts(options)]);
  const trimFloor = floorOf(facts.groups);
  return {
    overview: {
      stream: store.stream,
      group: store.group,
      ...countsOf(stats, facts),
      paused: facts.pausedSinceMs !== null,
      trimFloor: trimFloor && { group: trimFloor.name, entryId: trimFloor.needs },
      groups: facts.groups.map((group) => groupOverview(group, group.name === store.group ? stats : null, trimFloor)),
      consumers: facts.consumers.map(consumerOverview),
    },
    pausedSinceMs: facts.pausedSinceMs,
    stats,
  };
}

/** All streams together; the age is that of the oldest. */
export function totalsOf(streams: readonly Counts[]): Counts {
  const sum = (count: (one: Counts) => number): number => streams.reduce((total, one) => total + count(one), 0);
  return {
    length: sum((one) => one.length),
    lag: sum((one) => one.lag),
    pending: sum((one) => one.pending),
    parked: sum((one) => one.parked),
    due: sum((one) => one.due),
    deadLetters: sum((one) => one.deadLetters),
    delayed: sum((one) => one.delayed),
    oldestAgeSeconds: Math.max(0, ...streams.map((one) => one.oldestAgeSeconds)),
  };
}

function countsOf(stats: GroupStats, { due }: StreamFacts): Counts {
  const { length, lag, pending, parked, deadLetters, delayed, oldestAgeMs } = stats;
  return { length, lag, pending, parked, due, deadLetters, delayed, oldestAgeSeconds: oldestAgeMs / 1_000 };
}

function floorOf(groups: readonly GroupFacts[]): GroupFacts | null {
  return groups.reduce<GroupFacts | null>(
    (floor, group) => floor === null || compareIds(group.needs, floor.needs) < 0 ? group : floor,
    null,
  );
}

/** Our own lag is right even where Redis cannot tell. */
function groupOverview(group: GroupFacts, ours: GroupStats | null, floor: GroupFacts | null): GroupOverview {
  const { name, consumers, pending, lag, lastDelivered } = group;
  return { name, consumers, pending, lag: ours?.lag ?? lag, lastDelivered, holdsTrimFloor: name === floor?.name };
}

/** A consumer as people read it. */
export function consumerOverview(consumer: ConsumerFacts): ConsumerOverview {
  const { consumer: name, state, pending, parked, holdsSinceMs, leaseLeftMs, idleMs } = consumer;
  const holdsSince = holdsSinceMs === null ? null : rfc3339(holdsSinceMs);
  return { name, state, pending, parked, holdsSince, leaseLeftMs, idleMs };
}
