/**
 * The checker: what was published, what handlers saw and what Redis holds at the end go in; every event comes out in
 * exactly one class. Pure, so that its teeth can be tested with histories that no real run would make.
 * @module
 */
import type { EventPlan } from "./plan.ts";

/**
 * - `ok`: exactly one end: all its effects once, or one dead letter
 * - `lost`: its publishing was confirmed, and it has no end, or only a part of its effects
 * - `phantom`: nobody published it, or Redis refused it, and yet it is there
 * - `corrupt`: somewhere its body differs from what was published
 * - `duplicate`: an effect, a letter or the entry itself is there twice
 * - `both`: handled and dead
 * - `unknown`: the answer to its publishing was lost, and so was the event: that is allowed
 *
 * What Redis refused and does not hold is no event.
 */
export type EventClass = "ok" | "lost" | "phantom" | "corrupt" | "duplicate" | "both" | "unknown";

/** Classes in the order in which one is chosen where several fit. */
export const CLASSES = ["phantom", "corrupt", "both", "duplicate", "lost", "unknown", "ok"] as const;

/** One event in the producers' ledger. */
export interface PublishedEvent {
  readonly sha: string;
  readonly plan: EventPlan;
  /** `unknown`: the answer was lost. `refused`: Redis said no. */
  readonly outcome: "ok" | "unknown" | "refused";
}

/** One line of a handler's ledger. */
export interface HandledLine {
  readonly at: number;
  readonly step: "start" | "end";
  readonly id: string;
  readonly attempt: number;
  /** The process, by a name that no other start has; the system gives process ids again. */
  readonly who: string;
  readonly sha: string;
}

/** One entry of the stream that handlers emitted. */
export interface EffectEntry {
  /** Its own event id. */
  readonly id: string;
  readonly type: string;
  /** Event that caused it, as the handler named it. */
  readonly of: string;
  /** Which of the effects of that event, from 0. */
  readonly number: number;
  /** Digest of the body that the handler had seen. */
  readonly sha: string;
  /** Digest of its own body. */
  readonly bodySha: string;
}

/** An entry of the stream or of the dead letters. */
export interface StoredEvent {
  readonly id: string;
  readonly sha: string;
}

/** Everything that is known after a run. */
export interface CampaignHistory {
  readonly published: ReadonlyMap<string, PublishedEvent>;
  readonly entries: readonly StoredEvent[];
  readonly effects: readonly EffectEntry[];
  readonly letters: readonly StoredEvent[];
  readonly handled: readonly HandledLine[];
  /** A failover may take back what was there: an event that only handlers have seen is lost then, not made up. */
  readonly mayVanish?: boolean;
}

/** The verdict. */
export interface Verdict {
  /** Ids by class. */
  readonly classes: Readonly<Record<EventClass, readonly string[]>>;
  /** Ended once, but not as planned: a letter instead of effects, or the other way round. */
  readonly strays: readonly string[];
  /** What Redis refused to take, and did not. */
  readonly refused: number;
  /** Events whose publishing went unanswered and that were there all the same. */
  readonly recovered: number;
  /** Starts beyond the first, planned failures included. */
  readonly redeliveries: number;
  /** Attempts that emitted, as their handler saw it, without being the one that settled: fenced or cut off. */
  readonly discarded: number;
}

/** What was found of one event. */
interface Traces {
  entries: number;
  letters: number;
  starts: number;
  ends: number;
  readonly effects: number[];
  readonly shas: Set<string>;
}

/** Sorts every event. */
export function judge(history: CampaignHistory): Verdict {
  const found = tracesOf(history);
  const classes: Record<EventClass, string[]> = {
    ok: [],
    lost: [],
    phantom: [],
    corrupt: [],
    duplicate: [],
    both: [],
    unknown: [],
  };
  const strays: string[] = [];
  let [refused, recovered, redeliveries, discarded] = [0, 0, 0, 0];
  const expected = new Map([...history.published, ...loudEffects(history)]);
  for (const id of new Set([...expected.keys(), ...found.keys()])) {
    const event = expected.get(id);
    const traces = found.get(id) ?? noTraces();
    const verdict = vanished(history, event, traces) ?? classOf(event, traces);
    if (verdict === null) {
      refused++;
      continue;
    }
    classes[verdict].push(id);
    if (verdict === "ok" && event !== undefined && strayed(event.plan, traces)) strays.push(id);
    if (event?.outcome === "unknown" && traces.entries > 0) recovered++;
    redeliveries += Math.max(0, traces.starts - 1);
    discarded += Math.max(0, traces.ends - 1);
  }
  return { classes, strays, refused, recovered, redeliveries, discarded };
}

/** Null: it is there. `unknown`: nobody was told that it was written. */
function vanished(
  { mayVanish }: CampaignHistory,
  event: PublishedEvent | undefined,
  { entries, letters, effects, starts }: Traces,
): EventClass | null {
  if (mayVanish !== true || starts === 0 || entries + letters + effects.length > 0) return null;
  return event === undefined || event.outcome === "ok" ? "lost" : "unknown";
}

/** Null: there is no such event. */
function classOf(event: PublishedEvent | undefined, traces: Traces): EventClass | null {
  const { entries, letters, starts, effects, shas } = traces;
  const present = entries + letters + starts + effects.length > 0;
  if (event === undefined || event.outcome === "refused") return present ? "phantom" : null;
  if ([...shas].some((sha) => sha !== event.sha)) return "corrupt";
  if (letters > 0 && effects.length > 0) return "both";
  const distinct = new Set(effects).size;
  if (entries > 1 || letters > 1 || distinct < effects.length || distinct > event.plan.effects) return "duplicate";
  if (!present && event.outcome === "unknown") return "unknown";
  if (entries === 0) return "lost";
  if (letters === 1) return "ok";
  const complete = distinct === event.plan.effects && (event.plan.effects > 0 || starts > 0);
  return complete && event.plan.end === "effects" ? "ok" : "lost";
}

function strayed(plan: EventPlan, traces: Traces): boolean {
  return (plan.end === "letter") !== (traces.letters > 0);
}

/** Effects that have a handler are events too: they must have been handled, and emit nothing. */
function* loudEffects({ effects }: CampaignHistory): Generator<[string, PublishedEvent]> {
  const plan = {
    end: "effects",
    failures: 0,
    workMs: 0,
    deaf: false,
    effects: 0,
    subject: null,
    binary: false,
  } as const;
  for (const { id, type, bodySha } of effects) {
    if (type === "effect.loud") {
      yield [id, { sha: bodySha, outcome: "ok", plan: { ...plan, effectType: "effect.loud" } }];
    }
  }
}

function tracesOf({ entries, effects, letters, handled }: CampaignHistory): Map<string, Traces> {
  const found = new Map<string, Traces>();
  const of = (id: string): Traces => {
    const traces = found.get(id) ?? noTraces();
    found.set(id, traces);
    return traces;
  };
  for (const { id, sha } of entries) of(id).entries++, of(id).shas.add(sha);
  for (const { id, sha } of letters) of(id).letters++, of(id).shas.add(sha);
  for (const effect of effects) {
    of(effect.of).effects.push(effect.number);
    of(effect.of).shas.add(effect.sha);
    if (effect.type === "effect.loud") of(effect.id).entries++;
  }
  for (const { id, step, sha } of handled) {
    if (step === "start") of(id).starts++;
    else of(id).ends++;
    of(id).shas.add(sha);
  }
  return found;
}

function noTraces(): Traces {
  return { entries: 0, letters: 0, starts: 0, ends: 0, effects: [], shas: new Set() };
}
