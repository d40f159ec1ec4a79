/**
 * How a held entry ends on a memory broker. Each settlement checks, writes, then acknowledges.
 * @module
 */
import type { Settlement, SettleOutcome } from "../port.ts";
import type { MemoryBroker } from "./broker.ts";
import { type Need, refusedMessage } from "./faults.ts";
import type { GroupView } from "./group_view.ts";
import { deadLetterStream } from "./keyspace.ts";
import { letterFields } from "./letters.ts";
import type { Pending } from "./log.ts";
import { append } from "./publishing.ts";

type Of<K extends Settlement["kind"]> = Extract<Settlement, { kind: K }>;

/** What a settlement happens in. */
export interface SettleContext {
  readonly broker: MemoryBroker;
  readonly view: GroupView;
  /** Where effects go. */
  readonly publishStream: string;
  readonly consumer: string;
  /** 0: no deduplication. */
  readonly dedupWindowMs: number;
}

/** Settles one entry. */
export function settleOne(context: SettleContext, settlement: Settlement): SettleOutcome {
  const { broker, view, consumer } = context;
  if (!view.isRegistered(consumer)) return { kind: "fenced" };
  const pending = view.pending(settlement.ref);
  if (pending === undefined || pending.owner !== consumer) return { kind: "gone" };
  const reason = broker.faults.refusalOf(needOf(settlement, context.dedupWindowMs));
  if (reason !== null) return { kind: "refused", reason, message: refusedMessage(settlement.kind, reason) };
  switch (settlement.kind) {
    case "done":
      return done(context, settlement);
    case "dead":
      return dead(context, settlement);
    case "park":
      return park(context, settlement, pending);
    case "release":
      return view.park(pending, null, 0, settlement.orderKey) ? { kind: "settled" } : { kind: "gone" };
  }
}

/** Which of these dedup keys are marked. */
export function seen(view: GroupView, dedupKeys: readonly string[]): readonly boolean[] {
  const now = view.now();
  return dedupKeys.map((key) => (view.side.handled.get(key) ?? 0) > now);
}

function needOf(settlement: Settlement, dedupWindowMs: number): Need {
  if (settlement.kind === "release") return "change";
  if (settlement.kind !== "done") return "room";
  const marks = settlement.dedupKey !== undefined && dedupWindowMs > 0;
  return marks || (settlement.effects?.length ?? 0) > 0 ? "room" : "change";
}

function done(context: SettleContext, { ref, effects = [], dedupKey }: Of<"done">): SettleOutcome {
  const { broker, view, publishStream, dedupWindowMs } = context;
  const key = dedupWindowMs > 0 ? dedupKey : undefined;
  if (key !== undefined && seen(view, [key])[0]) {
    view.forget(ref);
    return { kind: "duplicate" };
  }
  // A malformed effect throws here, before anything has changed.
  const appended = effects.length > 0 ? append(broker, publishStream, effects) : undefined;
  if (key !== undefined) markHandled(view, key, dedupWindowMs);
  view.forget(ref);
  return appended === undefined ? { kind: "settled" } : { kind: "settled", appended };
}

function dead(context: SettleContext, { ref, entryId, fields, letter }: Of<"dead">): SettleOutcome {
  const { broker, view, consumer } = context;
  const { stream, group } = view;
  const now = broker.now();
  const full = letterFields(fields, { entryId, stream, group, consumer }, letter, now);
  broker.data.makeLog(deadLetterStream(stream, group)).append(now, full);
  view.forget(ref);
  return { kind: "settled" };
}

function park({ view, consumer }: SettleContext, settlement: Of<"park">, pending: Pending): SettleOutcome {
  const dueMs = view.now() + settlement.delayMs;
  if (!view.park(pending, consumer, dueMs, settlement.orderKey)) return { kind: "gone" };
  view.side.records.set(settlement.ref, settlement.history);
  return { kind: "settled", dueMs };
}

function markHandled(view: GroupView, key: string, windowMs: number): void {
  const now = view.now();
  const { handled } = view.side;
  for (const [old, untilMs] of handled) if (untilMs <= now) handled.delete(old);
  handled.set(key, now + windowMs);
}
