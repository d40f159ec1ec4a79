/**
 * Publishing on a memory broker: append, delayed events, schedules. Synchronous, so that each is atomic.
 * @module
 */
import type { Fields } from "../../events/event.ts";
import type { Appended, AppendItem, AppendOptions, Occurrence } from "../port.ts";
import type { MemoryBroker } from "./broker.ts";
import type { GroupView } from "./group_view.ts";
import type { DelayedEvent, PublishSide } from "./keyspace.ts";

const encoder = new TextEncoder();

/** Appends all or none, in order. @throws {RangeError} An item has no fields, or a name without a value. */
export function append(
  broker: MemoryBroker,
  stream: string,
  items: readonly AppendItem[],
  options: AppendOptions = {},
): readonly Appended[] {
  const now = broker.now();
  const windowMs = options.dedupWindowMs ?? 0;
  const side = broker.data.publishing(stream);
  dropExpired(side, now);
  const known = options.batchKey !== undefined && windowMs > 0 ? side.batches.get(options.batchKey) : undefined;
  if (known !== undefined) return known.answer.map(({ entryId }) => ({ entryId, deduplicated: true }));
  const encoded = items.map((item) => encodeFields(item.fields));
  const answer = items.map((item, index) => appendOne(broker, stream, item, encoded[index] ?? [], windowMs));
  if (options.batchKey !== undefined && windowMs > 0) {
    side.batches.set(options.batchKey, { answer, untilMs: now + windowMs });
  }
  broker.blocked.serve(stream);
  return answer;
}

/** Moves at most `limit` delayed events that are due into the stream. */
export function promoteDelayed(
  broker: MemoryBroker,
  stream: string,
  limit: number,
): { moved: number; nextDueInMs: number | null } {
  const now = broker.now();
  const { delayed } = broker.data.publishing(stream);
  const waiting = delayed.findIndex((event) => event.dueMs > now);
  const due = delayed.splice(0, Math.min(limit, waiting < 0 ? delayed.length : waiting));
  for (const { fields, answer } of due) answer.entryId = broker.data.makeLog(stream).append(now, fields).id;
  broker.blocked.serve(stream);
  const next = delayed[0];
  return { moved: due.length, nextDueInMs: next === undefined ? null : Math.max(0, next.dueMs - now) };
}

/** As {@link StreamStore.fire}. */
export function fire(
  broker: MemoryBroker,
  { stream, side: { schedules } }: GroupView,
  schedule: string,
  occurrences: readonly Occurrence[],
  seenMs?: number,
): number {
  if (seenMs !== undefined && !schedules.has(schedule)) schedules.set(schedule, seenMs);
  let fired = 0;
  for (const { atMs, item } of occurrences.toSorted((a, b) => a.atMs - b.atMs)) {
    const last = schedules.get(schedule);
    if (last !== undefined && atMs <= last) continue;
    append(broker, stream, [item]);
    schedules.set(schedule, atMs);
    fired++;
  }
  return fired;
}

function appendOne(
  broker: MemoryBroker,
  stream: string,
  item: AppendItem,
  fields: Fields,
  windowMs: number,
): Appended {
  const now = broker.now();
  const side = broker.data.publishing(stream);
  const key = windowMs > 0 ? item.dedupKey : undefined;
  const first = key === undefined ? undefined : side.published.get(key);
  if (first !== undefined) return { entryId: first.answer.entryId, deduplicated: true };
  const answer: { entryId: string | null } = { entryId: null };
  if ((item.deliverAtMs ?? 0) > now) delay(side, { dueMs: item.deliverAtMs ?? 0, fields, answer });
  else answer.entryId = broker.data.makeLog(stream).append(now, fields).id;
  if (key !== undefined) side.published.set(key, { answer, untilMs: now + windowMs });
  return { entryId: answer.entryId, deduplicated: false };
}

/** Keeps the order in which events are due; of the same time, the earlier one first. */
function delay(side: PublishSide, event: DelayedEvent): void {
  const later = side.delayed.findIndex((other) => other.dueMs > event.dueMs);
  side.delayed.splice(later < 0 ? side.delayed.length : later, 0, event);
}

/** So that what is remembered does not grow without end. */
function dropExpired(side: PublishSide, now: number): void {
  for (const map of [side.published, side.batches]) {
    for (const [key, { untilMs }] of map) if (untilMs <= now) map.delete(key);
  }
}

function encodeFields(fields: AppendItem["fields"]): Fields {
  if (fields.length === 0 || fields.length % 2 !== 0) {
    throw new RangeError(
      `Cannot append an entry of ${fields.length} words: wanted names and values, at least one pair`,
    );
  }
  // A copy: the caller may use its buffer again.
  return fields.map((word) => typeof word === "string" ? encoder.encode(word) : word.slice());
}
