/**
 * What was destroyed on a memory broker, by hand: noted where it happens, told by fates and census.
 * @module
 */
import type { Census, Fate } from "../port.ts";
import type { GroupView } from "./group_view.ts";
import type { Keyspace } from "./keyspace.ts";
import { compare, PARKED, parseId, type StreamLog } from "./log.ts";

/** As {@link StreamStore.fates}. */
export function fates(
  view: GroupView,
  consumer: string,
  entries: readonly { readonly ref: string; readonly heldMs: number }[],
): readonly Fate[] {
  return entries.map(({ ref, heldMs }) => fateOf(view, consumer, ref, heldMs));
}

function fateOf(view: GroupView, consumer: string, ref: string, heldMs: number): Fate {
  const { log, state, side } = view;
  if (side.fenced.has(consumer) || view.pending(ref) !== undefined) return "kept";
  if (ref.startsWith("r:")) return side.lane.some((replay) => replay.ref === ref) ? "kept" : "deleted";
  if (log?.get(ref) === undefined) return "deleted";
  if (state === undefined || state.madeMs > view.monotonic() - heldMs) return "kept";
  return compare(parseId(ref), state.lastDelivered) > 0 ? "kept" : "removed";
}

/** As {@link StreamStore.census}. Everything is noted at once, so that nothing is ever at stake. */
export function census(data: Keyspace, view: GroupView): Census {
  const { deleted, trimmed } = data.takeUnnoticed(view.stream, view.group);
  return { deleted, trimmed, rolledBack: 0, remembered: true, atStake: null };
}

/** Entries of the log that are about to go: notes for each group those that no living consumer will miss. */
export function noteLoss(
  data: Keyspace,
  stream: string,
  log: StreamLog,
  cause: "deleted" | "trimmed",
  goes: (id: string) => boolean,
): void {
  for (const [group, state] of log.groups) {
    const { registered } = data.side(stream, group);
    const ofNobody = [...state.pending.values()].filter(({ owner }) => owner !== PARKED && !registered.has(owner));
    const undelivered = log.after(state.lastDelivered, Infinity).filter(({ id }) => goes(id)).length;
    // What is pending survives the deletion of its entry and is noticed by whoever takes it over.
    const held = cause === "deleted" && log.entries.every(({ id }) => goes(id)) ? ofNobody.length : 0;
    data.note(stream, group, cause, undelivered + held);
  }
}
