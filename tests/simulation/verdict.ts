/**
 * What can only be judged once everything is quiet: nothing lost, nothing twice, nothing left behind.
 * @module
 */
import { decodeEntry } from "../../src/events/codec.ts";
import type { MemoryBroker } from "../../src/store/memory/broker.ts";
import type { LogEntry } from "../../src/store/memory/log.ts";
import { short } from "./chaos_store.ts";
import type { Fact, Ledger } from "./ledger.ts";
import { EFFECT, type Planned, TICK } from "./plans.ts";
import { GROUP, STREAM } from "./replica.ts";

/** What the judge looks at. */
export interface Case {
  readonly broker: MemoryBroker;
  readonly ledger: Ledger;
  /** Everything whose publishing was acknowledged, by event id. */
  readonly published: ReadonlyMap<string, Planned>;
  readonly maxDeliveries: number;
  readonly tickMs: number;
  /** True when no process died and no lease was lost: then the numbers add up exactly. */
  readonly undisturbed: boolean;
  /** How often each poison killed a process, by entry. */
  readonly kills: ReadonlyMap<string, number>;
}

/** Id of the event in an entry. */
export function eventIdOf({ id, fields }: LogEntry): string {
  const decoded = decodeEntry({ stream: STREAM, id, fields });
  if (decoded.ok) return decoded.event.id;
  const words = fields.map((bytes) => new TextDecoder().decode(bytes));
  return words[words.indexOf("id") + 1] ?? id;
}

/** Adds what is wrong to the ledger's problems. */
export function judge(it: Case): void {
  checkStream(it);
  checkEnds(it);
  checkLeftovers(it);
  checkTicks(it);
}

/** Lost 0, phantom 0, effects exactly once. */
function checkStream({ broker, ledger, published }: Case): void {
  const seen = new Map<string, number>();
  const effects = new Map<string, number>();
  for (const entry of broker.entries(STREAM)) {
    const decoded = decodeEntry({ stream: STREAM, id: entry.id, fields: entry.fields });
    const type = decoded.ok ? decoded.event.type : null;
    if (type === TICK) continue;
    if (decoded.ok && type === EFFECT) {
      const { of, n } = decoded.event.data as { of: string; n: number };
      effects.set(`${of}/${n}`, (effects.get(`${of}/${n}`) ?? 0) + 1);
      continue;
    }
    const id = eventIdOf(entry);
    if (!published.has(id)) ledger.broken(`phantom: ${short(entry.id)} carries ${id}, which nobody published`);
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  for (const [id, { plan, copies }] of published) {
    if (seen.get(id) !== copies) ledger.broken(`${id} is ${seen.get(id) ?? 0} times in the stream`);
    const done = [...ledger.facts.values()].some((fact) => fact.ends[0] === "done" && eventOf(broker, fact) === id);
    const wanted = done && plan.kind === "effects" ? plan.count : 0;
    for (let n = 0; n < wanted; n++) {
      const count = effects.get(`${id}/${n}`) ?? 0;
      if (count !== 1) ledger.broken(`effect ${n} of ${id} is ${count} times in the stream`);
      effects.delete(`${id}/${n}`);
    }
  }
  for (const effect of effects.keys()) ledger.broken(`effect ${effect} is in the stream, and its event was not done`);
}

/** Every entry ended once, in the way that its plan allows. */
function checkEnds(it: Case): void {
  const { broker, ledger, published } = it;
  const letters = new Map<string, number>();
  for (const { fields } of broker.deadLetters(STREAM, GROUP)) {
    const words = fields.map((bytes) => new TextDecoder().decode(bytes));
    const ref = words[words.lastIndexOf("dlq.entry") + 1] ?? "";
    letters.set(ref, (letters.get(ref) ?? 0) + 1);
  }
  for (const entry of broker.entries(STREAM)) {
    const fact = ledger.fact(entry.id);
    const [end] = fact.ends;
    const name = `${short(entry.id)} (${eventIdOf(entry)})`;
    if (end === undefined) ledger.broken(`${name} was never settled`);
    if ((letters.get(entry.id) ?? 0) !== (end === "dead" ? 1 : 0)) {
      ledger.broken(`${name} ended as ${end} and has ${letters.get(entry.id) ?? 0} dead letters`);
    }
    const planned = published.get(eventIdOf(entry));
    if (planned !== undefined && end !== undefined) checkOne(it, planned, fact, name);
    if (it.undisturbed && end !== undefined && [...fact.tallies].filter(([kind]) => kind !== "retried").length !== 1) {
      ledger.broken(`${name} was settled and reported ${fact.tallies.size} times`);
    }
  }
}

function checkOne(it: Case, planned: Planned, fact: Fact, name: string): void {
  const { ledger, maxDeliveries, kills } = it;
  const failed = ledger.failuresOf(planned.id);
  const mayBeSpent = failed + fact.solo >= maxDeliveries;
  const reasons = reasonsOf(planned, mayBeSpent);
  const end = fact.ends[0] === "dead" ? fact.reason : "done";
  if (!reasons.includes(end)) {
    ledger.broken(`${name}, ${planned.plan.kind}, ended as ${end}: failed ${failed}, blamed ${fact.solo}`);
  }
  if (end === "max_deliveries" && fact.deliveries !== maxDeliveries) {
    ledger.broken(`${name} was given up on after ${fact.deliveries} of ${maxDeliveries} attempts`);
  }
  // After two crashes that others may have caused it runs alone.
  const allowed = maxDeliveries + 2;
  const killed = kills.get(fact.ref) ?? 0;
  if (killed > allowed) ledger.broken(`${name} killed ${killed} processes, at most ${allowed} are allowed`);
}

function reasonsOf({ plan }: Planned, mayBeSpent: boolean): readonly string[] {
  const spent = mayBeSpent ? ["crash_loop", "max_deliveries"] : [];
  switch (plan.kind) {
    case "poison":
      return ["crash_loop"];
    case "doomed":
      return spent;
    case "fatal":
      return ["non_retryable", ...spent];
    case "invalid":
      return ["invalid", ...spent];
    case "garbage":
      return ["undecodable"];
    case "ignored":
      return ["done"];
    default:
      return ["done", ...spent];
  }
}

function checkLeftovers({ broker, ledger }: Case): void {
  const { state, side } = broker.view(STREAM, GROUP);
  const left = { pending: state?.pending, parked: side.parked, records: side.records, replays: side.replays };
  for (const [what, map] of Object.entries(left)) {
    if (map !== undefined && map.size > 0) {
      ledger.broken(`${map.size} ${what} left behind: ${[...map.keys()].slice(0, 5).map(short).join(", ")}`);
    }
  }
}

/** Each occurrence once, none left out: the schedule catches up on all that it missed. */
function checkTicks({ broker, ledger, tickMs }: Case): void {
  const ticks = broker.entries(STREAM).map(eventIdOf).filter((id) => id.startsWith(`${TICK}@`))
    .map((id) => Number(id.slice(TICK.length + 1)));
  ticks.forEach((atMs, index) => {
    const before = ticks[index - 1];
    if (before !== undefined && atMs !== before + tickMs) ledger.broken(`tick ${atMs} came after tick ${before}`);
  });
}

function eventOf(broker: MemoryBroker, { ref }: Fact): string {
  const entry = broker.data.log(STREAM)?.get(ref);
  return entry === undefined ? "" : eventIdOf(entry);
}
