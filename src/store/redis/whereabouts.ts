/**
 * The state that `admin_where.lua` tells, as a place.
 * @module
 */
import type { StoredEntry, StoredPlace } from "../admin_port.ts";
import { FRESH } from "../port.ts";
import type { Reply } from "./channel.ts";
import { decodeRecord, number, REPLAY_PREFIX, text, textOrNull } from "./codec.ts";
import { PARKED_CONSUMER } from "./keys.ts";

/**
 * @param state As the script describes it. @param letter What was found among the dead letters.
 * @param certain Every replay and letter that could be its own was looked at.
 * @returns Null when there never was such an entry.
 */
export function placeOf(
  state: readonly Reply[],
  letter: StoredEntry | null,
  certain: boolean,
  nowMs: number,
): StoredPlace | null {
  const kind = text(state[0]);
  if (kind === "waiting") return { state: "waiting", replay: text(state[1]).startsWith(REPLAY_PREFIX) };
  if (kind === "pending") return pendingPlace(state, nowMs);
  if (letter !== null) return { state: "dead", letter };
  if (kind === "there") return { state: "done", certain };
  return kind === "removed" ? { state: "trimmed", delivered: number(state[1]) === 1, certain } : null;
}

function pendingPlace(state: readonly Reply[], nowMs: number): StoredPlace {
  const [, ref, owner, idle, due, record, left, by] = state;
  const history = { ...FRESH, ...decodeRecord(record).history };
  const replay = text(ref).startsWith(REPLAY_PREFIX);
  if (text(owner) === PARKED_CONSUMER) {
    const dueMs = number(due) > 0 ? number(due) : null;
    return { state: "parked", replay, owner: textOrNull(by), dueMs, history };
  }
  const leaseLeftMs = textOrNull(left) === null ? null : number(left);
  return { state: "held", replay, owner: text(owner), sinceMs: nowMs - number(idle), leaseLeftMs, history };
}
