/**
 * Where is it: one entry, its state, and what is kept of its attempts.
 * @module
 */
import type { History } from "../delivery/history.ts";
import { idTimeMs } from "../delivery/ids.ts";
import { attemptOf } from "../delivery/settle.ts";
import { rfc3339 } from "../events/time.ts";
import type { StoredPlace } from "../store/admin_port.ts";
import { AdminError } from "./errors.ts";
import { eventItem } from "./events.ts";
import { entryIdOf, type Params, streamOf } from "./input.ts";
import { type AdminStream, letterOf } from "./letters.ts";
import type { Attempts, EventItem, Place } from "./shapes.ts";

/** States from what says most to what says least, for an id that several streams have. */
const TELLING = ["held", "parked", "dead", "waiting", "done", "trimmed"] as const;

/**
 * Looks in every stream, or in the one that is named.
 * @throws {AdminError} `invalid`, `not_found`
 */
export async function whereIs(streams: readonly AdminStream[], text: string, params: Params): Promise<Place> {
  const entryId = entryIdOf(text, "entryId");
  const stream = streamOf(params, streams.map(({ admin }) => admin.stream));
  const asked = streams.filter(({ admin }) => stream === null || admin.stream === stream);
  const found = await Promise.all(asked.map((one) => placeIn(one, entryId)));
  const places = found.filter((place) => place !== null);
  for (const state of TELLING) {
    const place = places.find((one) => one.state === state);
    if (place !== undefined) return place;
  }
  throw new AdminError("not_found", "No stream of this service has, or had, an entry of this id");
}

async function placeIn({ admin }: AdminStream, entryId: string): Promise<Place | null> {
  const place = await admin.where(entryId);
  if (place === null) return null;
  const bound = { id: entryId };
  const { entries: [entry] } = await admin.range({ of: "entries", from: bound, to: bound, limit: 1 });
  const event = entry === undefined ? null : eventItem(admin.stream, entry);
  return { stream: admin.stream, entryId, ...described(admin.stream, entryId, place, event) };
}

function described(
  stream: string,
  entryId: string,
  place: StoredPlace,
  event: EventItem | null,
): Omit<Place, "stream" | "entryId"> {
  const { state } = place;
  switch (state) {
    case "waiting":
      return { state, replay: place.replay, since: rfc3339(idTimeMs(entryId)), event };
    case "held": {
      const { replay, owner, sinceMs, leaseLeftMs, history } = place;
      const left = leaseLeftMs === null ? null : Math.max(0, leaseLeftMs);
      return { state, replay, owner, since: rfc3339(sinceMs), leaseLeftMs: left, ...attemptsOf(history), event };
    }
    case "parked": {
      const { replay, owner, dueMs, history } = place;
      return { state, replay, owner, until: dueMs === null ? null : rfc3339(dueMs), ...attemptsOf(history), event };
    }
    case "dead":
      return { state, ...deadPlace(stream, place.letter), event };
    case "done":
      return { state, certain: place.certain, event };
    case "trimmed":
      return { state, delivered: place.delivered, certain: place.certain, event };
  }
}

function deadPlace(
  stream: string,
  stored: Extract<StoredPlace, { state: "dead" }>["letter"],
): Omit<Place, "stream" | "entryId" | "state" | "event"> {
  const letter = letterOf(stream, stored);
  const { deliveries, reason, time, error, first, last, replays } = letter;
  return {
    since: time,
    reason,
    letter,
    attempts: deliveries,
    errors: [{ time: last, message: error }],
    firstFailure: first,
    lastFailure: last,
    replays,
  };
}

function attemptsOf(history: History): Attempts {
  const { firstMs, lastMs, error, replays, earlier = [] } = history;
  const latest = error === "" ? [] : [{ atMs: lastMs, error }];
  const errors = [...earlier, ...latest].toSorted((a, b) => a.atMs - b.atMs);
  const timeOf = (ms: number): string | null => ms === 0 ? null : rfc3339(ms);
  return {
    attempts: attemptOf(history) - 1,
    errors: errors.map(({ atMs, error }) => ({ time: timeOf(atMs), message: error })),
    firstFailure: timeOf(firstMs),
    lastFailure: timeOf(lastMs),
    replays,
  };
}
