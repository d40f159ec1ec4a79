/**
 * Keeping a memory broker in order: trimming, repairs, counts, replay.
 * @module
 */
import { FRESH, type GroupStats, type Trimmed } from "../port.ts";
import type { MemoryBroker } from "./broker.ts";
import type { GroupView } from "./group_view.ts";
import { deadLetterStream } from "./keyspace.ts";
import { openLetter } from "./letters.ts";
import { compare, type GroupState, type LogEntry, PARKED, START, type StreamLog } from "./log.ts";

/** Bounds of a stream. */
export interface Retention {
  readonly maxLength: number;
  readonly maxAgeMs: number;
}

/** As {@link StreamStore.trim}. */
export function trim(broker: MemoryBroker, view: GroupView, retention: Retention): Trimmed {
  const now = broker.now();
  const letters = broker.data.log(deadLetterStream(view.stream, view.group));
  const lettersRemoved = letters === undefined ? 0 : allowed(letters, retention, now);
  letters?.removeOldest(lettersRemoved);
  const { log } = view;
  if (log === undefined) return { removed: 0, lettersRemoved, heldBackBy: null, quietMs: 0 };
  const floor = neededFloor(log);
  const wanted = allowed(log, retention, now);
  // Our group was destroyed and will be made again at the start: everything is still needed.
  if (view.state === undefined) return { removed: 0, lettersRemoved, heldBackBy: null, quietMs: 0 };
  const free = floor === null ? log.length : log.length - log.countAfter(floor.entry) - 1;
  const removed = Math.min(wanted, free);
  log.removeOldest(removed);
  const heldBackBy = floor !== null && wanted > free ? { group: floor.group, entryId: floor.entry.id } : null;
  const quietMs = heldBackBy !== null ? 0 : quietFor(log, letters, now - retention.maxAgeMs);
  return { removed, lettersRemoved, heldBackBy, quietMs };
}

function quietFor(log: StreamLog, letters: StreamLog | undefined, tooOldMs: number): number {
  const [first] = log.entries;
  if (first === undefined) return 0;
  return Math.max(0, Math.min(first.ms, letters?.entries[0]?.ms ?? Infinity) - tooOldMs);
}

/** As {@link StreamStore.audit}. */
export function audit(view: GroupView): { repaired: number; lost: number } {
  let repaired = 0;
  let lost = 0;
  for (const pending of [...view.everyPending()]) {
    const kept = view.content(pending.ref) !== undefined;
    if (pending.owner !== PARKED || (kept && view.side.parked.has(pending.ref))) continue;
    if (kept) {
      view.park(pending, null, pending.parkedAs?.dueMs ?? 0, pending.parkedAs?.orderKey);
      repaired++;
    } else {
      view.forget(pending.ref);
      lost++;
    }
  }
  return { repaired, lost };
}

/** As {@link StreamStore.stats}. Right also while stream or group is gone. */
export function stats(broker: MemoryBroker, view: GroupView): GroupStats {
  const { log, state, side } = view;
  const pending = [...view.everyPending()];
  const parked = pending.filter(({ owner }) => owner === PARKED).length;
  const consumers = new Set([...side.registered.keys(), ...state?.consumers.keys() ?? []]);
  const oldest = log === undefined ? undefined : state === undefined ? log.entries[0] : oldestNeeded(log, state);
  const since = [...side.replays.values(), ...side.lane].map(({ sinceMs }) => sinceMs);
  if (oldest !== undefined) since.push(oldest.ms);
  return {
    length: log?.length ?? 0,
    lag: (log?.countAfter(state?.lastDelivered ?? START) ?? 0) + side.lane.length,
    pending: pending.length - parked,
    parked,
    deadLetters: broker.deadLetters(view.stream, view.group).length,
    delayed: broker.data.publishing(view.stream).delayed.length,
    consumers: consumers.size,
    oldestAgeMs: since.length === 0 ? 0 : Math.max(0, broker.now() - Math.min(...since)),
    added: log?.added ?? 0,
  };
}

/** As {@link StreamStore.replay}: the letter leaves the dead letters and waits for the group's next read. */
export function replay(broker: MemoryBroker, view: GroupView, letterId: string): boolean {
  const letters = broker.data.log(deadLetterStream(view.stream, view.group));
  const entry = letters?.get(letterId);
  const letter = entry && openLetter(entry.fields);
  if (!letter) return false;
  const { entryId, fields, replays } = letter;
  const ref = `r:${letterId}`;
  view.side.records.set(ref, { ...FRESH, replays: replays + 1 });
  view.side.lane.push({ ref, entryId, fields, owner: "", deliveries: 0, deliveredMs: 0, sinceMs: broker.now() });
  letters?.remove(letterId);
  broker.blocked.serve(view.stream);
  return true;
}

/** How many of the oldest entries retention would let go. */
function allowed(log: StreamLog, { maxLength, maxAgeMs }: Retention, now: number): number {
  const tooMany = Math.max(0, log.length - maxLength);
  const young = log.entries.findIndex((entry) => entry.ms >= now - maxAgeMs);
  return Math.max(tooMany, young < 0 ? log.length : young);
}

/** The oldest entry that a group still needs, over all groups. */
function neededFloor(log: StreamLog): { group: string; entry: LogEntry } | null {
  let floor: { group: string; entry: LogEntry } | null = null;
  for (const [group, state] of log.groups) {
    const entry = oldestNeeded(log, state);
    if (entry !== undefined && (floor === null || compare(entry, floor.entry) < 0)) floor = { group, entry };
  }
  return floor;
}

/** The group's oldest entry that is pending or was never delivered. */
function oldestNeeded(log: StreamLog, state: GroupState): LogEntry | undefined {
  for (const ref of state.pending.keys()) {
    const entry = log.get(ref);
    if (entry !== undefined) return entry;
  }
  return log.after(state.lastDelivered, 1)[0];
}
