/**
 * Keeping: trimming, repairing, counting and giving back dead letters. Each call to Redis does a bounded part.
 * @module
 */
import type { GroupStats, Trimmed } from "../port.ts";
import { list, number, text, textOrNull } from "./codec.ts";
import { callGroup, type StoreContext } from "./context.ts";
import { replayGiant } from "./giant.ts";

/** Entries that one call trims, and calls of one trim. */
const TRIM_BUDGET = 20_000;
const TRIM_CALLS = 50;

/** Parked entries that one call looks at, and calls of one audit. */
const AUDIT_PAGE = 200;
const AUDIT_CALLS = 50;

/** Calls that count entries, of at most 1,000 each, before the rest is estimated. */
const COUNT_CALLS = 40;

/** Where the next audit goes on. */
export interface AuditCursor {
  readonly stream: string;
  readonly replays: string;
  readonly records: string;
}

/** Where an audit begins. */
export const AUDIT_START: AuditCursor = Object.freeze({ stream: "-", replays: "-", records: "0" });

/** See {@link StreamStore.trim}. */
export async function trim(
  context: StoreContext,
  retention: { readonly maxLength: number; readonly maxAgeMs: number },
): Promise<Trimmed> {
  const args = [retention.maxLength, retention.maxAgeMs, TRIM_BUDGET].map((value) => String(Math.round(value)));
  let removed = 0;
  let lettersRemoved = 0;
  for (let call = 1;; call++) {
    const row = list(await callGroup(context, context.scripts.trim, "", args));
    removed += number(row[0]);
    lettersRemoved += number(row[1]);
    if (row[2] === 1 && call < TRIM_CALLS) continue;
    const group = textOrNull(row[3]);
    const heldBackBy = group === null ? null : { group, entryId: text(row[4]) };
    return { removed, lettersRemoved, heldBackBy, quietMs: number(row[5]) };
  }
}

/** See {@link StreamStore.audit}. Goes on where the last one stopped. */
export async function audit(
  context: StoreContext,
  from: AuditCursor,
): Promise<{ repaired: number; lost: number; next: AuditCursor }> {
  const stream = await auditStream(context, "s", from.stream);
  const replays = await auditStream(context, "r", from.replays);
  let records = from.records;
  for (let call = 0; call < AUDIT_CALLS; call++) {
    records = text(await callGroup(context, context.scripts.sweep, "", [records, context.keys.base]));
    if (records === "0") break;
  }
  return {
    repaired: stream.repaired + replays.repaired,
    lost: stream.lost + replays.lost,
    next: { stream: stream.next, replays: replays.next, records },
  };
}

async function auditStream(
  context: StoreContext,
  which: "s" | "r",
  from: string,
): Promise<{ repaired: number; lost: number; next: string }> {
  let start = from;
  let repaired = 0;
  let lost = 0;
  for (let call = 0; call < AUDIT_CALLS; call++) {
    const row = list(await callGroup(context, context.scripts.audit, "", [which, start, String(AUDIT_PAGE)]));
    repaired += number(row[0]);
    lost += number(row[1]);
    start = text(row[2]) || "-";
    if (start === "-") break;
  }
  return { repaired, lost, next: start };
}

/** See {@link StreamStore.stats}. */
export async function stats(context: StoreContext): Promise<GroupStats> {
  const row = list(await callGroup(context, context.scripts.stats, "", [context.keys.base]));
  const [length, lag, delivered, , pending, parked, deadLetters, delayed, consumers, oldest, now, replayLag, added] =
    row;
  const known = number(lag) >= 0;
  return {
    length: number(length),
    lag: known ? number(lag) : number(replayLag) + await countUndelivered(context, text(delivered), number(length)),
    pending: number(pending),
    parked: number(parked),
    deadLetters: number(deadLetters),
    delayed: number(delayed),
    consumers: number(consumers),
    oldestAgeMs: oldest === -1 ? 0 : Math.max(0, number(now) - number(oldest)),
    added: number(added),
  };
}

/**
 * Counts what lies behind an id, where Redis lost count (an undelivered entry was deleted, the group was made in the
 * middle). From both ends at once, so that the shorter side decides; when neither ends soon, half of the uncounted
 * entries are taken to be undelivered.
 */
async function countUndelivered(context: StoreContext, delivered: string, length: number): Promise<number> {
  let behind = 0;
  let before = 0;
  let behindFrom = delivered;
  let beforeFrom = "";
  for (let call = 0; call < COUNT_CALLS; call += 2) {
    const ahead = list(await callGroup(context, context.scripts.count, "", ["+", behindFrom, "+"]));
    behind += number(ahead[0]);
    behindFrom = text(ahead[1]);
    if (ahead[2] === 1) return behind;
    const back = list(await callGroup(context, context.scripts.count, "", ["-", beforeFrom, delivered]));
    before += number(back[0]);
    beforeFrom = text(back[1]);
    if (back[2] === 1) return Math.max(0, length - before);
  }
  return behind + Math.floor(Math.max(0, length - before - behind) / 2);
}

/** See {@link StreamStore.replay}. */
export async function replay(context: StoreContext, letterId: string): Promise<boolean> {
  // Anything else than a full id would be an error of Redis, or a range.
  if (!/^\d{1,19}-\d{1,19}$/.test(letterId)) return false;
  const state = number(await callGroup(context, context.scripts.replay, "", [letterId]));
  return state === -1 ? await replayGiant(context, letterId) : state === 1;
}
