/**
 * Registration, leases, and what becomes of other consumers.
 * @module
 */
import { ServiceError, StoreRefusedError } from "../../errors.ts";
import type { Beat, Claimed, Delivery, News, ParkedRef, Peer, TakeOver } from "../port.ts";
import { runBulkOne } from "./bulk.ts";
import type { Reply } from "./channel.ts";
import { deliveriesOf, list, number, REPLAY_PREFIX, text, textOrNull } from "./codec.ts";
import { type CallContext, callGroup, groupCall, type StoreContext } from "./context.ts";
import { LEASE_HORIZON_MS } from "./keys.ts";

/** Entries asked for at once when the pending list is read, and handed back at once. */
const PAGE = 500;

/** Most parked entries claimed at once, 15 µs each where they are small. */
const CLAIM = 200;
/** Where the fields of an entry stand in the reply: rows, {ref, fields, record}, fields. */
const FIELDS_DEPTH = 3;

/** Bound on the calls of one hand-back: far more than a consumer may hold. */
const RETIRE_CALLS = 1_000;

/** See {@link StreamStore.beat}. One script tells all that would else be asked for, every second, one by one. */
export async function beat(context: StoreContext, consumer: string | null, leaseMs: number): Promise<Beat> {
  const { keys, scripts, outbox, clock, storeClock } = context;
  const lease = consumer === null ? "" : String(Math.round(leaseMs));
  const args = [lease, keys.base, outbox === null ? "" : "1"];
  const askedAt = clock.monotonic();
  try {
    const reply = list(await callGroup(context, scripts.beat, consumer ?? "", args));
    storeClock.saw(number(reply[1]), askedAt);
    return { lease: text(reply[0]) as Beat["lease"], writeRefused: null, news: newsOf(reply) };
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
    const held = consumer === null ? "none" : "held";
    if (consumer === null || error.reason !== "out_of_memory") return { lease: held, writeRefused: error.reason };
    return { lease: await extend(context, consumer), writeRefused: error.reason };
  }
}

function newsOf(reply: readonly Reply[]): News {
  const [, , paused, delayed, adoptable, parked, pending, mark, replays, length, letters, made, alone] = reply;
  return {
    paused: paused === 1,
    delayedInMs: delayed === -1 ? null : number(delayed),
    adoptable: number(adoptable),
    parked: parked === 1,
    pending: pending === -1 ? null : number(pending),
    mark: text(mark),
    replays: replays === 1,
    kept: length === "" || letters === ""
      ? null
      : { length: number(length), letters: number(letters), made: text(made) },
    alone: alone === 1,
  };
}

/** PEXPIRE needs no memory. */
async function extend(context: StoreContext, consumer: string): Promise<Beat["lease"]> {
  try {
    const reply = await context.command.send(["PEXPIRE", context.keys.lease(consumer), String(LEASE_HORIZON_MS)]);
    return reply === 0 ? "fenced" : "held";
  } catch (error) {
    // Refused as well: nothing is known of the lease, and whoever was taken over is told at the next settling step.
    if (error instanceof StoreRefusedError) return "held";
    throw error;
  }
}

/** See {@link StreamStore.adopt}. */
export async function adopt(context: StoreContext, consumer: string, limit: number): Promise<readonly ParkedRef[]> {
  if (limit <= 0) return [];
  return list(await callGroup(context, context.scripts.adopt, consumer, [String(limit)])).map((row) => {
    const [ref, due, orderKey] = list(row);
    const key = textOrNull(orderKey);
    return { ref: text(ref), dueMs: number(due), ...(key === null ? {} : { orderKey: key }) };
  });
}

/** See {@link StreamStore.claimDue}. */
export async function claimDue(context: StoreContext, consumer: string, limit: number): Promise<Claimed> {
  const call = groupCall(context, context.scripts.claimDue, consumer, [String(Math.min(limit, CLAIM))]);
  const reply = await runBulkOne(context, call, { bytes: true, packAt: FIELDS_DEPTH });
  const [state, rows, next, lost, lostRefs, claimed] = list(reply);
  const kept = await takeKept(context, consumer, list(claimed));
  return {
    state: text(state) === "held" ? "held" : "fenced",
    deliveries: [...kept.deliveries, ...deliveriesOf(rows)],
    nextDueInMs: next === -1 ? null : number(next),
    lost: number(lost) + kept.lost,
    lostRefs: [...list(lostRefs).map(text), ...kept.lostRefs],
  };
}

type Taken = Pick<Claimed, "deliveries" | "lost" | "lostRefs">;

/** What was kept of entries that are ours now; what is not kept any more is fetched. */
async function takeKept(context: StoreContext, consumer: string, claimed: readonly Reply[]): Promise<Taken> {
  const deliveries: Delivery[] = [];
  const missing: string[] = [];
  for (const one of claimed) {
    const ref = text(one);
    const kept = context.kept.take(consumer, ref);
    if (kept !== null) deliveries.push(kept);
    else missing.push(ref);
  }
  if (missing.length === 0) return { deliveries, lost: 0, lostRefs: [] };
  const fetched = await fetchMissing(context, consumer, missing);
  return { ...fetched, deliveries: deliveries.concat(fetched.deliveries) };
}

/** Also tells which of them will not come: destroyed since they were claimed, or settled by hand. */
async function fetchMissing(context: StoreContext, consumer: string, missing: readonly string[]): Promise<Taken> {
  const call = groupCall(context, context.scripts.recover, consumer, missing);
  try {
    const [rows, gone] = list(await runBulkOne(context, call, { bytes: true, packAt: FIELDS_DEPTH }));
    // Fenced.
    if (rows === undefined) return NOTHING;
    const deliveries = deliveriesOf(rows);
    const found = new Set(deliveries.map(({ ref }) => ref));
    return { deliveries, lost: list(gone).length, lostRefs: missing.filter((ref) => !found.has(ref)) };
  } catch (error) {
    // They are pending under our name, and are found there; what is at hand must not wait for them.
    if (error instanceof ServiceError) return NOTHING;
    throw error;
  }
}

const NOTHING: Taken = { deliveries: [], lost: 0, lostRefs: [] };

/** See {@link StreamStore.astray}. */
export async function astray(
  context: StoreContext,
  consumer: string,
  refs: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let from = 0; from < refs.length; from += PAGE) {
    const page = refs.slice(from, from + PAGE);
    found.push(...list(await callGroup(context, context.scripts.astray, consumer, page)).map(text));
  }
  return found;
}

/** See {@link StreamStore.peers}. */
export async function peers(context: CallContext, consumer: string): Promise<readonly Peer[]> {
  return list(await callGroup(context, context.scripts.peers, consumer)).map((row) => {
    const [name, pending, idle, state, left] = list(row);
    return {
      consumer: text(name),
      pending: number(pending),
      state: text(state) as Peer["state"],
      leaseLeftMs: number(left),
      idleMs: number(idle),
    };
  });
}

/** See {@link StreamStore.takeOver}. */
export async function takeOver(
  context: StoreContext,
  consumer: string,
  dead: string,
  { leaseMs, limit, crashed }: { readonly leaseMs: number; readonly limit: number; readonly crashed: boolean },
): Promise<TakeOver> {
  const args = [dead, String(Math.round(leaseMs)), String(limit), crashed ? "1" : "0"];
  const reply = await callGroup(context, context.scripts.takeOver, consumer, args, { bytes: true });
  const [state, rows, remaining, lost] = list(reply);
  return {
    state: text(state) as TakeOver["state"],
    deliveries: deliveriesOf(rows),
    remaining: number(remaining),
    lost: number(lost),
  };
}

/** See {@link StreamStore.recover}. */
export async function recover(
  context: StoreContext,
  consumer: string,
  known: ReadonlySet<string>,
  limit: number,
): Promise<readonly Delivery[]> {
  const refs = await unknownRefs(context, context.stream, "", consumer, known, limit);
  refs.push(...await unknownRefs(context, context.keys.replays, REPLAY_PREFIX, consumer, known, limit - refs.length));
  if (refs.length === 0) return [];
  const [rows] = list(await callGroup(context, context.scripts.recover, consumer, refs, { bytes: true }));
  return deliveriesOf(rows);
}

async function unknownRefs(
  context: StoreContext,
  stream: string,
  prefix: string,
  consumer: string,
  known: ReadonlySet<string>,
  limit: number,
): Promise<string[]> {
  const refs: string[] = [];
  let start = "-";
  while (refs.length < limit) {
    const page = await pendingPage(context, stream, start, consumer);
    for (const row of page) {
      const ref = prefix + text(list(row)[0]);
      if (!known.has(ref) && refs.length < limit) refs.push(ref);
    }
    if (page.length < PAGE) break;
    start = `(${text(list(page.at(-1))[0])}`;
  }
  return refs;
}

async function pendingPage(
  context: StoreContext,
  stream: string,
  start: string,
  consumer: string,
): Promise<readonly Reply[]> {
  try {
    return list(
      await context.command.send(["XPENDING", stream, context.group, start, "+", String(PAGE), consumer]),
    );
  } catch (error) {
    if (error instanceof StoreRefusedError && error.reason === "no_group") return [];
    throw error;
  }
}

/** See {@link StreamStore.retire}. */
export async function retire(
  context: StoreContext,
  consumer: string,
): Promise<{ handedBack: number; pending: number }> {
  let handedBack = 0;
  let pending = 0;
  for (let call = 0; call < RETIRE_CALLS; call++) {
    const row = list(await callGroup(context, context.scripts.retire, consumer, [String(PAGE)]));
    handedBack += number(row[0]);
    pending = number(row[1]);
    if (pending === 0 || row[2] === 1) break;
  }
  return { handedBack, pending };
}
