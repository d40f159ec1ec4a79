/**
 * Takeover on a memory broker: check, fence, account for the crash, claim; one step.
 * @module
 */
import { type Delivery, FRESH, type History, type TakeOver } from "../port.ts";
import type { GroupView } from "./group_view.ts";
import { endRegistration, idleOf, leaseLeftOf, NOTHING_HELD } from "./holding.ts";
import type { Fence } from "./keyspace.ts";
import type { Pending } from "./log.ts";

/** What a crash means for an entry that the dead consumer held. */
export type Verdict = "solo" | "shared" | "suspicion" | "nothing";

/** The numbers of a {@link StreamStore.takeOver}. */
export interface TakeOverTerms {
  readonly leaseMs: number;
  readonly limit: number;
  readonly crashed: boolean;
}

/** As {@link StreamStore.takeOver}. */
export function takeOver(view: GroupView, consumer: string, dead: string, terms: TakeOverTerms): TakeOver {
  const { leaseMs, limit } = terms;
  if (!view.isRegistered(consumer)) return nothing("fenced", 0);
  if (!fence(view, dead, terms)) return nothing("alive", view.heldBy(dead).length);
  const deliveries: Delivery[] = [];
  let lost = 0;
  for (const pending of claimable(view, dead, leaseMs).slice(0, limit)) {
    account(view, pending.ref, verdictOn(pending.ref, view.side.fenced.get(dead)));
    const delivery = view.claim(pending, consumer);
    if (delivery === undefined) lost++;
    else deliveries.push(delivery);
  }
  const remaining = view.heldBy(dead).length;
  if (remaining > 0) return { state: "taken", deliveries, remaining, lost };
  view.state?.consumers.delete(dead);
  // Nothing ran of what a read that was blocked at that moment may still pull in.
  if (view.side.fenced.has(dead)) view.side.fenced.set(dead, NOTHING_HELD);
  return { state: "retired", deliveries, remaining, lost };
}

/**
 * Who is to blame for the crash: the only one that ran is; one of several that ran may be; where nobody knows what ran,
 * whatever was held may be, and the only one that was held is.
 * @param fence Undefined for a consumer that never registered: nothing is known, nothing is held against the entry.
 */
export function verdictOn(ref: string, fence: Fence | undefined): Verdict {
  if (fence === undefined) return "nothing";
  const alone = fence.heldCount === 1;
  if (fence.marks.has(ref)) return alone || (fence.exact && fence.marks.size === 1) ? "solo" : "shared";
  if (fence.exact) return "nothing";
  return alone ? "solo" : "suspicion";
}

/** @returns False when the consumer may not be taken over: it is alive. */
function fence(view: GroupView, dead: string, { leaseMs, crashed }: TakeOverTerms): boolean {
  const { registered, fenced } = view.side;
  const registration = registered.get(dead);
  // Names of foreign clients come again, so they are not remembered as fenced.
  if (registration === undefined) {
    const idle = claimable(view, dead, leaseMs).length > 0 || idleOf(view, dead) >= leaseMs;
    return fenced.has(dead) || idle;
  }
  if (leaseLeftOf(view, dead) > 0) return false;
  const { marks, exact } = registration;
  endRegistration(view, dead, crashed ? { marks, exact, heldCount: view.heldBy(dead).length } : NOTHING_HELD);
  view.orphanParked(dead);
  return true;
}

/** What may be claimed: all that a fenced consumer holds; of a foreign one, what it has held for too long. */
function claimable(view: GroupView, dead: string, leaseMs: number): readonly Pending[] {
  const held = view.heldBy(dead);
  if (view.side.fenced.has(dead)) return held;
  return held.filter(({ deliveredMs }) => view.monotonic() - deliveredMs >= leaseMs);
}

function account(view: GroupView, ref: string, verdict: Verdict): void {
  if (verdict === "nothing") return;
  const { records } = view.side;
  records.set(ref, blamed(records.get(ref) ?? FRESH, verdict, view.now()));
}

function blamed(history: History, verdict: Verdict, now: number): History {
  if (verdict === "suspicion") return { ...history, suspicions: history.suspicions + 1 };
  const times = { firstMs: history.firstMs || now, lastMs: now };
  return verdict === "solo"
    ? { ...history, ...times, soloCrashes: history.soloCrashes + 1 }
    : { ...history, ...times, sharedCrashes: history.sharedCrashes + 1 };
}

function nothing(state: TakeOver["state"], remaining: number): TakeOver {
  return { state, deliveries: [], remaining, lost: 0 };
}
