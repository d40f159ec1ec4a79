/**
 * Who holds what on a memory broker: leases, parked entries, takeover, retirement.
 * @module
 */
import type { Beat, Claimed, Delivery, ParkedRef, Peer } from "../port.ts";
import type { GroupView } from "./group_view.ts";
import type { Fence } from "./keyspace.ts";
import { compare, PARKED, parseId, type Pending } from "./log.ts";

/** Consumers that were taken over and left nothing behind are forgotten beyond this many. */
const MOST_FENCES = 1_000;

/** Fence of a consumer that left nothing behind. */
export const NOTHING_HELD: Fence = Object.freeze({ marks: new Set<string>(), exact: true, heldCount: 0 });

/** @throws {RangeError} The name was used before: what its namesake left behind would pass for its own. */
export function register(view: GroupView, consumer: string, leaseMs: number): void {
  const { registered, fenced } = view.side;
  if (consumer === PARKED || registered.has(consumer) || fenced.has(consumer)) {
    throw new RangeError(`Cannot register consumer ${consumer}: the name was used before; wanted a new one`);
  }
  registered.set(consumer, { leaseUntilMs: view.monotonic() + leaseMs, marks: new Set(), exact: false });
}

/** Renews the lease of a consumer that was not taken over. */
export function renew(view: GroupView, consumer: string | null, leaseMs: number): Beat["lease"] {
  if (consumer === null) return "none";
  const registration = view.side.registered.get(consumer);
  if (registration === undefined) return "fenced";
  registration.leaseUntilMs = view.monotonic() + leaseMs;
  return "held";
}

/** Remembers what runs; of no effect once the consumer was taken over. */
export function mark(view: GroupView, consumer: string, running: readonly string[], exact: boolean): void {
  const registration = view.side.registered.get(consumer);
  if (registration !== undefined) Object.assign(registration, { marks: new Set(running), exact });
}

/** As {@link StreamStore.adopt}: what is due first comes first. */
export function adopt(view: GroupView, consumer: string, limit: number): readonly ParkedRef[] {
  if (!view.isRegistered(consumer)) return [];
  const orphans = [...view.side.parked].filter(([, parked]) => parked.owner === null).sort(byDue).slice(0, limit);
  return orphans.map(([ref, parked]) => {
    parked.owner = consumer;
    const { dueMs, orderKey } = parked;
    return orderKey === undefined ? { ref, dueMs } : { ref, dueMs, orderKey };
  });
}

/** As {@link StreamStore.claimDue}. */
export function claimDue(view: GroupView, consumer: string, limit: number): Claimed {
  if (!view.isRegistered(consumer)) {
    return { state: "fenced", deliveries: [], nextDueInMs: null, lost: 0, lostRefs: [] };
  }
  const now = view.now();
  const mine = [...view.side.parked].filter(([, parked]) => parked.owner === consumer).sort(byDue);
  const due = mine.filter(([, parked]) => parked.dueMs <= now).slice(0, limit);
  const deliveries: Delivery[] = [];
  const lostRefs: string[] = [];
  let lost = 0;
  for (const [ref] of due) {
    const delivery = claimParked(view, ref, consumer);
    if (delivery !== undefined) deliveries.push(delivery);
    else {
      lostRefs.push(ref);
      if (!comesAgain(view, ref)) lost++;
    }
  }
  const next = mine[due.length]?.[1];
  const nextDueInMs = next === undefined ? null : Math.max(0, next.dueMs - now);
  return { state: "held", deliveries, nextDueInMs, lost, lostRefs };
}

/** As {@link StreamStore.astray}. */
export function astray(view: GroupView, consumer: string, refs: readonly string[]): readonly string[] {
  const comes = (ref: string): boolean => view.pending(ref)?.owner === consumer && view.content(ref) !== undefined;
  return refs.filter((ref) => view.side.parked.get(ref)?.owner !== consumer && !comes(ref));
}

/** As {@link StreamStore.peers}. */
export function peers(view: GroupView, consumer: string): readonly Peer[] {
  const held = new Map<string, number>();
  for (const { owner } of view.everyPending()) held.set(owner, (held.get(owner) ?? 0) + 1);
  const names = new Set([...view.side.registered.keys(), ...held.keys(), ...view.state?.consumers.keys() ?? []]);
  names.delete(consumer);
  names.delete(PARKED);
  return [...names].map((name) => peer(view, name, held.get(name) ?? 0));
}

/** As {@link StreamStore.recover}. What the store lost is left to {@link StreamStore.audit}. */
export function recover(
  view: GroupView,
  consumer: string,
  known: ReadonlySet<string>,
  limit: number,
): readonly Delivery[] {
  if (!view.isRegistered(consumer)) return [];
  const unknown = view.heldBy(consumer).filter(({ ref }) => !known.has(ref)).map((pending) => view.deliveryOf(pending));
  return unknown.filter((delivery) => delivery !== undefined).slice(0, limit);
}

/** As {@link StreamStore.retire}. */
export function retire(view: GroupView, consumer: string): { handedBack: number; pending: number } {
  const held = view.heldBy(consumer);
  if (!view.isRegistered(consumer)) return { handedBack: 0, pending: held.length };
  const back = held.filter((pending) => view.park(pending, null, 0, undefined)).length;
  const parked = view.orphanParked(consumer);
  endRegistration(view, consumer, NOTHING_HELD);
  view.state?.consumers.delete(consumer);
  return { handedBack: back + parked, pending: 0 };
}

/** Ends a registration for good; the fence says what is known of what the consumer left behind. */
export function endRegistration(view: GroupView, consumer: string, fence: Fence): void {
  const { registered, fenced } = view.side;
  registered.delete(consumer);
  fenced.set(consumer, fence);
  for (const name of fenced.keys()) {
    if (fenced.size <= MOST_FENCES) break;
    if (view.heldBy(name).length === 0) fenced.delete(name);
  }
}

/** Time since the consumer last read or claimed; infinite when the group does not know it. */
export function idleOf(view: GroupView, consumer: string): number {
  const seenMs = view.state?.consumers.get(consumer);
  return seenMs === undefined ? Infinity : Math.max(0, view.monotonic() - seenMs);
}

/** Time that a lease has left; 0 when it ran out or there is none. */
export function leaseLeftOf(view: GroupView, consumer: string): number {
  const untilMs = view.side.registered.get(consumer)?.leaseUntilMs ?? 0;
  return Math.max(0, Math.ceil(untilMs - view.monotonic()));
}

function peer(view: GroupView, consumer: string, pending: number): Peer {
  const leaseLeftMs = leaseLeftOf(view, consumer);
  const idle = idleOf(view, consumer);
  const idleMs = Number.isFinite(idle) ? idle : 0;
  return { consumer, pending, state: stateOf(view, consumer, leaseLeftMs), leaseLeftMs, idleMs };
}

function stateOf(view: GroupView, consumer: string, leaseLeftMs: number): Peer["state"] {
  if (view.isRegistered(consumer)) return leaseLeftMs > 0 ? "alive" : "expired";
  return view.side.fenced.has(consumer) ? "fenced" : "foreign";
}

/** An index entry whose entry is not parked any more (its group was destroyed) is dropped and claims nothing. */
function claimParked(view: GroupView, ref: string, consumer: string): Delivery | undefined {
  const pending: Pending | undefined = view.pending(ref);
  if (pending?.owner === PARKED) return view.claim(pending, consumer);
  view.side.parked.delete(ref);
  return undefined;
}

/** True when the group will get the entry in another way, or has it: it was recreated at the start. */
function comesAgain(view: GroupView, ref: string): boolean {
  if (view.pending(ref) !== undefined) return true;
  const { log, state } = view;
  if (log?.get(ref) === undefined) return false;
  return state === undefined || compare(parseId(ref), state.lastDelivered) > 0;
}

function byDue(a: readonly [string, { dueMs: number }], b: readonly [string, { dueMs: number }]): number {
  return a[1].dueMs - b[1].dueMs;
}
