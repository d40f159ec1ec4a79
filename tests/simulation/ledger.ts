/**
 * What really happened, seen at the store at the moment at which it did, and checked there and then against what the
 * service promises. What can only be judged at the end is in `verdict.ts`.
 * @module
 */
import { peekRouting } from "../../src/events/codec.ts";
import type { Happening } from "../../src/happenings.ts";
import type { Delivery, History, ParkedRef, Settlement, SettleOutcome, TakeOver } from "../../src/store/port.ts";
import { FRESH } from "../../src/store/port.ts";
import { short, type Way, type Witness } from "./chaos_store.ts";
import { CAP, type Planned } from "./plans.ts";
import type { SimProcess } from "./process.ts";

/** What is true of one entry. */
export interface Fact {
  readonly ref: string;
  /** How it was settled; more than one is a bug. */
  readonly ends: ("done" | "duplicate" | "dead")[];
  readonly tallies: Map<string, number>;
  reason: string;
  deliveries: number;
  starts: number;
  takeOvers: number;
  parks: number;
  /** Crashes that the store blames on it alone. */
  solo: number;
}

/** An entry in a consumer's care: held, or parked by it. */
interface Care {
  readonly key: string | null;
  readonly type: string | null;
  history: History;
  /** First delivered by a read whose answer was not late. */
  readonly inOrder: boolean;
  started: boolean;
  /** Nothing more will be tried in this consumer. */
  concluded: boolean;
}

/** A running attempt. */
interface Running {
  readonly ref: string;
  readonly consumer: string;
  readonly key: string | null;
  readonly type: string;
  readonly alone: boolean;
}

/** A replica, as far as the ledger must know it. */
export interface Watched {
  readonly name: string;
  readonly process: SimProcess;
  /** Its consumer's present name. */
  readonly consumer: () => string;
  readonly concurrency: number;
}

/** See the module's text. */
export class Ledger implements Witness {
  readonly facts = new Map<string, Fact>();
  readonly problems: string[] = [];
  /** How often an event's handler has failed. */
  readonly failuresOf: (eventId: string) => number;
  readonly #planned: ReadonlyMap<string, Planned>;
  readonly #eventOf: (ref: string) => string;
  readonly #heldBy: (consumer: string) => readonly string[];
  readonly #maxDeliveries: number;
  readonly #trace: (line: string) => void;
  readonly #dedup: boolean;
  readonly #care = new Map<string, Map<string, Care>>();
  readonly #fenced = new Set<string>();
  readonly #processes = new Map<string, SimProcess>();
  readonly #running = new Map<SimProcess, Map<string, Running>>();
  /** Consumer name under which a process last heard of a ref. */
  readonly #heardAs = new Map<SimProcess, Map<string, string>>();

  /** @param options `eventOf`: the event id of an entry. `heldBy`: what the store says a consumer holds. */
  constructor(options: {
    planned: ReadonlyMap<string, Planned>;
    eventOf: (ref: string) => string;
    failuresOf: (eventId: string) => number;
    heldBy: (consumer: string) => readonly string[];
    maxDeliveries: number;
    dedup: boolean;
    trace: (line: string) => void;
  }) {
    this.#planned = options.planned;
    this.#eventOf = options.eventOf;
    this.failuresOf = options.failuresOf;
    this.#heldBy = options.heldBy;
    this.#maxDeliveries = options.maxDeliveries;
    this.#dedup = options.dedup;
    this.#trace = options.trace;
  }

  /** A new process; its consumers' names are `base-startId` and `base-startId-n`. */
  enroll(startId: string, process: SimProcess): void {
    this.#processes.set(startId, process);
    this.#running.set(process, new Map());
    this.#heardAs.set(process, new Map());
  }

  /** Notes a broken promise. */
  broken(problem: string): void {
    if (this.problems.length < 20) this.problems.push(problem);
    this.#trace(`BROKEN ${problem}`);
  }

  /** The fact of an entry. */
  fact(ref: string): Fact {
    let fact = this.facts.get(ref);
    if (fact === undefined) {
      fact = {
        ref,
        ends: [],
        tallies: new Map(),
        reason: "",
        deliveries: 0,
        starts: 0,
        takeOvers: 0,
        parks: 0,
        solo: 0,
      };
      this.facts.set(ref, fact);
    }
    return fact;
  }

  // --- Witness ----------------------------------------------------------------------------------------------------
  delivered(consumer: string, way: Way, deliveries: readonly Delivery[], late: boolean): void {
    // What a late command still brings to one that was taken over is nobody's, until others take it too.
    if (deliveries.length === 0 || this.#fenced.has(consumer)) return;
    const care = this.#careOf(consumer);
    for (const { ref, fields, history } of deliveries) {
      const before = care.get(ref);
      const { type, subject } = peekRouting(fields);
      care.set(ref, {
        key: type === "loose" || type === "nobody" ? null : subject,
        type,
        history,
        inOrder: before?.inOrder ?? (way === "read" && !late && !this.#dedup),
        started: before?.started ?? false,
        concluded: false,
      });
      if (this.fact(ref).ends.length > 0) this.broken(`${short(ref)} was delivered after it had been settled`);
    }
  }

  arrived(consumer: string, _way: Way, deliveries: readonly Delivery[]): void {
    const heard = this.#heardAs.get(this.#processOf(consumer));
    for (const { ref } of deliveries) heard?.set(ref, consumer);
  }

  adopted(consumer: string, parked: readonly ParkedRef[]): void {
    // No key: order across replicas is not promised, and what waits for its start here may go first.
    const care = { key: null, type: null, history: FRESH, inOrder: false, started: false, concluded: false };
    for (const { ref } of parked) this.#careOf(consumer).set(ref, { ...care });
  }

  settled(consumer: string, settlements: readonly Settlement[], outcomes: readonly SettleOutcome[]): void {
    settlements.forEach((settlement, index) => {
      const outcome = outcomes[index];
      if (outcome?.kind !== "settled" && outcome?.kind !== "duplicate") return;
      const { ref } = settlement;
      if (this.#fenced.has(consumer)) this.broken(`${consumer} settled ${short(ref)} after its membership had ended`);
      if (!this.#careOf(consumer).has(ref)) this.broken(`${consumer} settled ${short(ref)}, which it did not hold`);
      this.#settledOne(consumer, settlement, outcome.kind);
    });
  }

  tookOver(_by: string, dead: string, result: TakeOver): void {
    if (result.state !== "taken" && result.state !== "retired") return;
    this.#fenced.add(dead);
    this.#care.delete(dead);
    const cause = this.#processOf(dead).causeOfDeath ?? "lease";
    for (const { ref, history } of result.deliveries) {
      const fact = this.fact(ref);
      fact.takeOvers++;
      if (history.soloCrashes <= fact.solo) continue;
      fact.solo = history.soloCrashes;
      if (cause.startsWith("poison:") && cause !== `poison:${ref}`) {
        this.broken(`${short(ref)} alone was blamed for the death of ${dead}, which was ${short(cause)}`);
      }
    }
  }

  retired(consumer: string, pending: number): void {
    const left = this.#heldBy(consumer);
    if (left.length !== pending) {
      this.broken(`${consumer} retired, says ${pending} are left, and holds ${left.map(short).join(",")}`);
    }
    this.#care.delete(consumer);
    this.#fenced.add(consumer);
  }

  trace(line: string): void {
    this.#trace(line);
  }

  // --- what a process says ----------------------------------------------------------------------------------------
  /** Listens to one replica's happenings. */
  hear(replica: Watched, happening: Happening): void {
    if (replica.process.state === "dead") return;
    switch (happening.kind) {
      case "started":
        return this.#started(replica, happening.ref, happening.type);
      case "finished":
        return this.#finished(replica, happening.ref, happening.type, happening.ok);
      case "settled":
        for (const ref of happening.refs) this.#tallied(ref, happening.outcome);
        return this.#trace(`${replica.name} settled ${happening.outcome} ${happening.refs.map(short).join(",")}`);
      case "store_lost":
        return this.broken(`${replica.name} says that the store lost ${happening.count}: ${happening.cause}`);
      case "lease_lost":
      case "loop_failed":
      case "settle_refused":
      case "taken_over":
      case "handed_back":
      case "schedule_fired":
        return this.#trace(`${replica.name} ${JSON.stringify(happening)}`);
    }
  }

  /** The process has died: nothing of it runs. */
  died(process: SimProcess): void {
    this.#running.get(process)?.clear();
  }

  #settledOne(consumer: string, settlement: Settlement, outcome: "settled" | "duplicate"): void {
    const { ref } = settlement;
    const care = this.#careOf(consumer);
    const fact = this.fact(ref);
    if (settlement.kind === "park") {
      fact.parks++;
      const { failures, soloCrashes } = settlement.history;
      if (failures + soloCrashes >= this.#maxDeliveries) {
        this.broken(`${short(ref)} was parked with its budget used up`);
      }
      return;
    }
    care.delete(ref);
    if (settlement.kind === "release") return;
    fact.ends.push(settlement.kind === "dead" ? "dead" : outcome === "duplicate" ? "duplicate" : "done");
    if (fact.ends.length > 1) this.broken(`${short(ref)} was settled more than once: ${fact.ends.join(", ")}`);
    if (settlement.kind !== "dead") return;
    fact.reason = settlement.letter.reason;
    fact.deliveries = settlement.letter.deliveries;
  }

  #started(replica: Watched, ref: string, type: string): void {
    const consumer = replica.consumer();
    const running = this.#running.get(replica.process)!;
    this.fact(ref).starts++;
    const heardAs = this.#heardAs.get(replica.process)?.get(ref);
    this.#trace(`${replica.name} starts ${short(ref)} ${this.#eventOf(ref)} ${type}`);
    if (heardAs !== consumer) {
      this.broken(`${replica.name} started ${short(ref)} as ${consumer}, having it as ${heardAs ?? "nobody"}`);
    }
    const mine = this.#care.get(consumer)?.get(ref);
    if (mine === undefined && !this.#fenced.has(consumer)) {
      this.broken(`${replica.name} started ${short(ref)}, which it does not hold`);
    }
    const alone = mine !== undefined && mustRunAlone(mine.history);
    this.#checkRoom(replica, ref, type, alone);
    if (mine !== undefined) this.#checkOrder(consumer, ref, mine);
    running.set(ref, { ref, consumer, key: mine?.key ?? null, type, alone });
    if (mine !== undefined) mine.started = true;
  }

  #checkRoom(replica: Watched, ref: string, type: string, alone: boolean): void {
    const others = [...this.#running.get(replica.process)!.values()].filter((other) => other.ref !== ref);
    if (others.length >= replica.concurrency) this.broken(`${replica.name} runs more than ${replica.concurrency}`);
    if (type === "capped" && others.filter((other) => other.type === type).length >= CAP) {
      this.broken(`${replica.name} runs more than ${CAP} of the capped handler`);
    }
    if (alone && others.length > 0) this.broken(`${short(ref)} must run alone, and started beside ${others.length}`);
    if (others.some((other) => other.alone)) this.broken(`${short(ref)} started beside one that must run alone`);
  }

  #checkOrder(consumer: string, ref: string, mine: Care): void {
    if (mine.key === null) return;
    for (const [other, care] of this.#careOf(consumer)) {
      if (care.key !== mine.key || care.concluded || !isBefore(other, ref)) continue;
      // A duplicate is done with as soon as it is known to be one.
      if (this.#planned.get(this.#eventOf(other))?.copies === 2) continue;
      if (care.started) this.broken(`${short(ref)} started before ${short(other)} of its key was settled`);
      else if (care.inOrder && mine.inOrder) this.broken(`${short(ref)} started before ${short(other)} of its key`);
    }
  }

  #finished(replica: Watched, ref: string, type: string, ok: boolean): void {
    const { process } = replica;
    const run = this.#running.get(process)?.get(ref);
    this.#running.get(process)?.delete(ref);
    this.#trace(`${replica.name} ends ${short(ref)} ${ok ? "well" : "badly"}`);
    const care = run && this.#care.get(run.consumer)?.get(ref);
    if (!care) return;
    const plan = this.#planned.get(this.#eventOf(ref))?.plan.kind;
    const spent = care.history.failures + care.history.soloCrashes + 1 >= this.#maxDeliveries;
    care.concluded = ok || plan === "fatal" || type === "strict" || (spent && plan !== "later");
  }

  #tallied(ref: string, outcome: string): void {
    const fact = this.fact(ref);
    const count = (fact.tallies.get(outcome) ?? 0) + 1;
    fact.tallies.set(outcome, count);
    if (outcome === "retried") {
      if (count > fact.parks) this.broken(`${short(ref)} was reported as retried more often than it was parked`);
      return;
    }
    const end = { processed: "done", ignored: "done", duplicate: "duplicate", dead_lettered: "dead" }[outcome];
    if (count > 1) this.broken(`${short(ref)} was reported as ${outcome} ${count} times`);
    if (fact.ends[0] === undefined || (fact.ends[0] !== end && !mayBeMistaken(fact, outcome))) {
      this.broken(`${short(ref)} was reported as ${outcome}, and was ${fact.ends[0] ?? "not settled"}`);
    }
  }

  #careOf(consumer: string): Map<string, Care> {
    let care = this.#care.get(consumer);
    if (care === undefined) this.#care.set(consumer, care = new Map());
    return care;
  }

  #processOf(consumer: string): SimProcess {
    return this.#processes.get(consumer.split("-")[1] ?? "")!;
  }
}

function mustRunAlone({ soloCrashes, sharedCrashes, suspicions }: History): boolean {
  return soloCrashes >= 1 || sharedCrashes + suspicions >= 2;
}

/** Found to be a duplicate before it was settled; or when it was, in an answer that was lost. */
function mayBeMistaken({ ends }: Fact, outcome: string): boolean {
  return outcome === "duplicate" || (outcome === "processed" && ends[0] === "duplicate");
}

/** Order of entry ids. */
export function isBefore(a: string, b: string): boolean {
  const [aMs, aSeq] = a.split("-").map(Number);
  const [bMs, bSeq] = b.split("-").map(Number);
  return aMs! < bMs! || (aMs === bMs && aSeq! < bSeq!);
}
