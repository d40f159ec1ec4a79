/**
 * StreamStore in memory: the same semantics as on Redis, for the test kit. Passes the same conformance suite.
 * @module
 */
import { StoreRefusedError } from "../../errors.ts";
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
} from "../port.ts";
import { census, fates } from "./accounting.ts";
import type { MemoryBroker } from "./broker.ts";
import type { Need } from "./faults.ts";
import type { GroupView } from "./group_view.ts";
import { adopt, astray, claimDue, mark, peers, recover, register, renew, retire } from "./holding.ts";
import { audit, replay, type Retention, stats, trim } from "./keeping.ts";
import { START } from "./log.ts";
import { append, fire, promoteDelayed } from "./publishing.ts";
import { seen, settleOne } from "./settling.ts";
import { takeOver } from "./takeover.ts";

/** What a {@link MemoryStreamStore} is made of. */
export interface MemoryStoreOptions {
  readonly broker: MemoryBroker;
  readonly stream: string;
  readonly group: string;
  /** Where effects go. Default: `stream`. */
  readonly publishStream?: string;
}

/**
 * One stream and one group on a {@link MemoryBroker}. Any {@link Durability} counts as reached: a process's memory is
 * one copy. Every operation is synchronous inside, hence atomic.
 */
export class MemoryStreamStore implements StreamStore {
  /** @inheritdoc */
  readonly stream: string;
  /** @inheritdoc */
  readonly group: string;
  readonly #publishStream: string;
  readonly #broker: MemoryBroker;
  readonly #view: GroupView;

  /** Stores on the same broker share its data. */
  constructor({ broker, stream, group, publishStream = stream }: MemoryStoreOptions) {
    this.stream = stream;
    this.group = group;
    this.#publishStream = publishStream;
    this.#broker = broker;
    this.#view = broker.view(stream, group);
  }

  /** @inheritdoc */
  append(items: readonly AppendItem[], options?: AppendOptions): Promise<readonly Appended[]> {
    return this.#do("append", "room", () => append(this.#broker, this.stream, items, options));
  }

  /** @inheritdoc */
  promoteDelayed(limit: number): Promise<{ moved: number; nextDueInMs: number | null }> {
    return this.#do("promote delayed events", "room", () => promoteDelayed(this.#broker, this.stream, limit));
  }

  /** @inheritdoc */
  lastOccurrence(schedule: string): Promise<number | null> {
    const last = (): number | null => this.#view.side.schedules.get(schedule) ?? null;
    return this.#do("last occurrence", "answer", last);
  }

  /** @inheritdoc */
  fire(schedule: string, occurrences: readonly Occurrence[], seenMs?: number): Promise<number> {
    return this.#do("fire", "room", () => fire(this.#broker, this.#view, schedule, occurrences, seenMs));
  }

  /** @inheritdoc */
  time(): Promise<number> {
    return this.#do("time", "answer", () => this.#broker.now());
  }

  /** @inheritdoc */
  ensureGroup(): Promise<{ created: boolean }> {
    return this.#do("create group", "answer", () => {
      if (this.#view.state !== undefined) return { created: false };
      this.#broker.faults.check("create group", "room");
      const madeMs = this.#view.monotonic();
      const state = { lastDelivered: START, pending: new Map(), consumers: new Map(), madeMs };
      this.#broker.data.makeLog(this.stream).groups.set(this.group, state);
      this.#view.hastenLost();
      return { created: true };
    });
  }

  /** @inheritdoc */
  register(consumer: string, leaseMs: number): Promise<void> {
    return this.#do("register", "change", () => register(this.#view, consumer, leaseMs));
  }

  /** @inheritdoc */
  beat(consumer: string | null, leaseMs: number): Promise<Beat> {
    return this.#do("beat", "answer", () => {
      const writeRefused = this.#broker.faults.writeRefused;
      // Where nothing can be written the lease cannot be renewed either, and nobody can take it over.
      const kept = consumer !== null && this.#view.isRegistered(consumer);
      const stuck = this.#broker.faults.refusalOf("change") !== null && kept;
      return { lease: stuck ? "held" : renew(this.#view, consumer, leaseMs), writeRefused };
    });
  }

  /** @inheritdoc */
  read(
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal,
    replays = true,
  ): Promise<readonly Delivery[]> {
    return this.#do<readonly Delivery[] | Promise<readonly Delivery[]>>("read", "change", () => {
      if (signal.aborted) return [];
      const { log, state } = this.#view;
      if (log === undefined || state === undefined) {
        throw new StoreRefusedError("no_group", `read of ${this.stream}: there is no group ${this.group}; wanted it`);
      }
      const found = this.#view.deliverNew(state, log, consumer, count, replays);
      if (found.length > 0 || blockMs <= 0) return found;
      return this.#broker.blocked.wait(this.#view, consumer, count, blockMs, signal);
    });
  }

  /** @inheritdoc */
  settle(
    consumer: string,
    settlements: readonly Settlement[],
    dedupWindowMs = 0,
  ): Promise<readonly SettleOutcome[]> {
    const publishStream = this.#publishStream;
    const context = { broker: this.#broker, view: this.#view, publishStream, consumer, dedupWindowMs };
    return this.#do("settle", "answer", () => settlements.map((settlement) => settleOne(context, settlement)));
  }

  /** @inheritdoc */
  seen(dedupKeys: readonly string[]): Promise<readonly boolean[]> {
    return this.#do("look for dedup marks", "answer", () => seen(this.#view, dedupKeys));
  }

  /** @inheritdoc */
  mark(consumer: string, running: readonly string[], exact: boolean): Promise<void> {
    return this.#do("mark", "change", () => mark(this.#view, consumer, running, exact));
  }

  /** @inheritdoc */
  adopt(consumer: string, limit: number): Promise<readonly ParkedRef[]> {
    return this.#do("adopt", "change", () => adopt(this.#view, consumer, limit));
  }

  /** @inheritdoc */
  claimDue(consumer: string, limit: number): Promise<Claimed> {
    return this.#do("claim due entries", "change", () => claimDue(this.#view, consumer, limit));
  }

  /** @inheritdoc */
  astray(consumer: string, refs: readonly string[]): Promise<readonly string[]> {
    return this.#do("look for parked entries", "answer", () => astray(this.#view, consumer, refs));
  }

  /** @inheritdoc */
  peers(consumer: string): Promise<readonly Peer[]> {
    return this.#do("list consumers", "answer", () => peers(this.#view, consumer));
  }

  /** @inheritdoc */
  takeOver(consumer: string, dead: string, leaseMs: number, limit: number, crashed = true): Promise<TakeOver> {
    return this.#do("take over", "change", () => takeOver(this.#view, consumer, dead, { leaseMs, limit, crashed }));
  }

  /** @inheritdoc */
  recover(consumer: string, known: ReadonlySet<string>, limit: number): Promise<readonly Delivery[]> {
    return this.#do("recover", "answer", () => recover(this.#view, consumer, known, limit));
  }

  /** @inheritdoc */
  retire(consumer: string): Promise<{ handedBack: number; pending: number }> {
    return this.#do("retire", "change", () => retire(this.#view, consumer));
  }

  /** @inheritdoc */
  trim(retention: Retention): Promise<Trimmed> {
    return this.#do("trim", "change", () => trim(this.#broker, this.#view, retention));
  }

  /** @inheritdoc */
  audit(): Promise<{ repaired: number; lost: number }> {
    return this.#do("audit", "change", () => audit(this.#view));
  }

  /** @inheritdoc */
  fates(
    consumer: string,
    entries: readonly { readonly ref: string; readonly heldMs: number }[],
  ): Promise<readonly Fate[]> {
    return this.#do("look for entries", "answer", () => fates(this.#view, consumer, entries));
  }

  census(): Promise<Census> {
    return this.#do("census", "change", () => census(this.#broker.data, this.#view));
  }

  stats(): Promise<GroupStats> {
    return this.#do("stats", "answer", () => stats(this.#broker, this.#view));
  }

  /** @inheritdoc */
  replay(letterId: string): Promise<boolean> {
    return this.#do("replay", "room", () => replay(this.#broker, this.#view, letterId));
  }

  /** Answers one turn later, as anything over a network does at the earliest. */
  async #do<T>(operation: string, need: Need, work: () => T): Promise<Awaited<T>> {
    await Promise.resolve();
    this.#broker.faults.check(operation, need);
    return await work();
  }
}
