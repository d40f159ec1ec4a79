/**
 * A store as one replica sees it over bad connections: every call goes over a {@link Wire}. What is really executed is
 * told to a witness, at the moment at which it is.
 * @module
 */
import type {
  Appended,
  AppendItem,
  AppendOptions,
  Beat,
  Census,
  Claimed,
  Delivery,
  Fate,
  GroupStats,
  Occurrence,
  ParkedRef,
  Peer,
  Settlement,
  SettleOutcome,
  StreamStore,
  TakeOver,
  Trimmed,
} from "../../src/store/port.ts";
import type { Command, Wire } from "./wire.ts";

/** How entries come to a consumer. */
export type Way = "read" | "claim" | "takeOver" | "recover";

/** Sees what the store executes, whoever hears of it. */
export interface Witness {
  /** Entries are the consumer's from now on. */
  delivered(consumer: string, way: Way, deliveries: readonly Delivery[], late: boolean): void;
  /** The consumer's process has heard of them. */
  arrived(consumer: string, way: Way, deliveries: readonly Delivery[]): void;
  /** Parked entries of others are in the consumer's care. */
  adopted(consumer: string, parked: readonly ParkedRef[]): void;
  settled(consumer: string, settlements: readonly Settlement[], outcomes: readonly SettleOutcome[]): void;
  tookOver(consumer: string, dead: string, result: TakeOver): void;
  /** `pending`: how much it still holds, by its own account. */
  retired(consumer: string, pending: number): void;
  trace(line: string): void;
}

/** What a chaos store is made of. */
export interface ChaosStoreOptions {
  readonly inner: StreamStore;
  readonly command: Wire;
  readonly reader: Wire;
  readonly witness: Witness;
}

/** See the module's text. Reads have a connection of their own, as in the service. */
export class ChaosStore implements StreamStore {
  readonly stream: string;
  readonly group: string;
  readonly #o: ChaosStoreOptions;

  /** @param options See {@link ChaosStoreOptions}. */
  constructor(options: ChaosStoreOptions) {
    this.#o = options;
    this.stream = options.inner.stream;
    this.group = options.inner.group;
  }

  append(items: readonly AppendItem[], options?: AppendOptions): Promise<readonly Appended[]> {
    return this.#call("append", () => this.#o.inner.append(items, options));
  }

  promoteDelayed(limit: number): Promise<{ moved: number; nextDueInMs: number | null }> {
    return this.#call("promoteDelayed", () => this.#o.inner.promoteDelayed(limit));
  }

  lastOccurrence(schedule: string): Promise<number | null> {
    return this.#call("lastOccurrence", () => this.#o.inner.lastOccurrence(schedule));
  }

  fire(schedule: string, occurrences: readonly Occurrence[], seenMs?: number): Promise<number> {
    return this.#call("fire", () => this.#o.inner.fire(schedule, occurrences, seenMs));
  }

  time(): Promise<number> {
    return this.#call("time", () => this.#o.inner.time());
  }

  ensureGroup(): Promise<{ created: boolean }> {
    return this.#call("ensureGroup", () => this.#o.inner.ensureGroup());
  }

  register(consumer: string, leaseMs: number): Promise<void> {
    return this.#call(`register ${consumer}`, () => this.#o.inner.register(consumer, leaseMs));
  }

  beat(consumer: string | null, leaseMs: number): Promise<Beat> {
    return this.#call("beat", () => this.#o.inner.beat(consumer, leaseMs));
  }

  read(
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal,
    replays?: boolean,
  ): Promise<readonly Delivery[]> {
    const { inner, reader, witness } = this.#o;
    const ended = new AbortController();
    return reader.call({
      name: "read",
      mayBeLate: true,
      execute: async (late) => {
        const read = await inner.read(consumer, count, blockMs, AbortSignal.any([signal, ended.signal]), replays);
        if (read.length > 0) witness.trace(`exec read ${consumer} ${refs(read)}${late() ? " (late)" : ""}`);
        witness.delivered(consumer, "read", read, late());
        return read;
      },
      answered: (read) => witness.arrived(consumer, "read", read),
      endServerSide: () => ended.abort(),
    });
  }

  settle(
    consumer: string,
    settlements: readonly Settlement[],
    dedupWindowMs?: number,
  ): Promise<readonly SettleOutcome[]> {
    const { inner, witness } = this.#o;
    const name = `settle ${consumer} ${settlements.map(({ kind, ref }) => `${kind}:${short(ref)}`).join(",")}`;
    return this.#call(name, async () => {
      const outcomes = await inner.settle(consumer, settlements, dedupWindowMs);
      witness.settled(consumer, settlements, outcomes);
      witness.trace(`  outcomes ${outcomes.map(({ kind }) => kind).join(",")}`);
      return outcomes;
    });
  }

  seen(dedupKeys: readonly string[]): Promise<readonly boolean[]> {
    return this.#call("seen", () => this.#o.inner.seen(dedupKeys));
  }

  mark(consumer: string, running: readonly string[], exact: boolean): Promise<void> {
    const name = `mark ${consumer} ${running.map(short).join(",")}${exact ? " exact" : ""}`;
    return this.#call(name, () => this.#o.inner.mark(consumer, running, exact));
  }

  adopt(consumer: string, limit: number): Promise<readonly ParkedRef[]> {
    const { inner, witness } = this.#o;
    return this.#call("adopt", async () => {
      const parked = await inner.adopt(consumer, limit);
      if (parked.length > 0) witness.trace(`exec adopt ${consumer} ${refs(parked)}`);
      witness.adopted(consumer, parked);
      return parked;
    });
  }

  claimDue(consumer: string, limit: number): Promise<Claimed> {
    const { inner, witness } = this.#o;
    return this.#call("claimDue", async (late) => {
      const claimed = await inner.claimDue(consumer, limit);
      if (claimed.deliveries.length > 0) witness.trace(`exec claim ${consumer} ${refs(claimed.deliveries)}`);
      witness.delivered(consumer, "claim", claimed.deliveries, late());
      return claimed;
    }, ({ deliveries }) => witness.arrived(consumer, "claim", deliveries));
  }

  peers(consumer: string): Promise<readonly Peer[]> {
    return this.#call("peers", () => this.#o.inner.peers(consumer));
  }

  takeOver(consumer: string, dead: string, leaseMs: number, limit: number, crashed?: boolean): Promise<TakeOver> {
    const { inner, witness } = this.#o;
    return this.#call(`takeOver ${dead} by ${consumer}`, async (late) => {
      const taken = await inner.takeOver(consumer, dead, leaseMs, limit, crashed);
      witness.trace(`  takeOver ${taken.state} ${taken.deliveries.map(blame).join(",")}`);
      witness.tookOver(consumer, dead, taken);
      witness.delivered(consumer, "takeOver", taken.deliveries, late());
      return taken;
    }, ({ deliveries }) => witness.arrived(consumer, "takeOver", deliveries));
  }

  recover(consumer: string, known: ReadonlySet<string>, limit: number): Promise<readonly Delivery[]> {
    const { inner, witness } = this.#o;
    return this.#call("recover", async () => {
      const found = await inner.recover(consumer, known, limit);
      if (found.length > 0) witness.trace(`exec recover ${consumer} ${refs(found)}`);
      return found;
    }, (found) => witness.arrived(consumer, "recover", found));
  }

  retire(consumer: string): Promise<{ handedBack: number; pending: number }> {
    const { inner, witness } = this.#o;
    return this.#call(`retire ${consumer}`, async () => {
      const retired = await inner.retire(consumer);
      witness.retired(consumer, retired.pending);
      witness.trace(`  handed back ${retired.handedBack}, pending ${retired.pending}`);
      return retired;
    });
  }

  trim(retention: { readonly maxLength: number; readonly maxAgeMs: number }): Promise<Trimmed> {
    return this.#call("trim", () => this.#o.inner.trim(retention));
  }

  audit(): Promise<{ repaired: number; lost: number }> {
    return this.#call("audit", () => this.#o.inner.audit());
  }

  fates(
    consumer: string,
    entries: readonly { readonly ref: string; readonly heldMs: number }[],
  ): Promise<readonly Fate[]> {
    return this.#call(`fates ${refs(entries)}`, () => this.#o.inner.fates(consumer, entries));
  }

  astray(consumer: string, refs: readonly string[]): Promise<readonly string[]> {
    return this.#call("astray", () => this.#o.inner.astray(consumer, refs));
  }

  census(): Promise<Census> {
    return this.#call("census", () => this.#o.inner.census());
  }

  stats(): Promise<GroupStats> {
    return this.#call("stats", () => this.#o.inner.stats());
  }

  replay(letterId: string): Promise<boolean> {
    return this.#call("replay", () => this.#o.inner.replay(letterId));
  }

  #call<T>(name: string, work: (late: () => boolean) => Promise<T>, answered?: (answer: T) => void): Promise<T> {
    const { command, witness } = this.#o;
    const traced: Command<T> = {
      name,
      // What is sent again until it is answered: the first copy, executed after the second, would undo what came after.
      mayBeLate: !/^(settle|mark) /.test(name),
      execute: (late) => {
        if (!IDLE_CALLS.has(name)) witness.trace(`exec ${name}${late() ? " (late)" : ""}`);
        return work(late);
      },
      ...(answered === undefined ? {} : { answered }),
    };
    return command.call(traced);
  }
}

/** Calls that are made all the time and say nothing. */
const IDLE_CALLS: ReadonlySet<string> = new Set([
  "beat",
  "peers",
  "adopt",
  "claimDue",
  "promoteDelayed",
  "time",
  "recover",
  "census",
]);

/** The part of a ref that tells entries of one simulation apart. */
export function short(ref: string): string {
  return ref.replace(/^170000/, "~");
}

/** A ref, and what the crashes near it are blamed on: alone, shared, suspicion. */
function blame({ ref, history: { soloCrashes, sharedCrashes, suspicions } }: Delivery): string {
  return `${short(ref)} (${soloCrashes} ${sharedCrashes} ${suspicions})`;
}

function refs(items: readonly { readonly ref: string }[]): string {
  return items.map(({ ref }) => short(ref)).join(",");
}
