/**
 * The Redis adapter of the StreamStore port: Redis Streams, one lease key a consumer, and scripts for what must be one
 * step. See docs of the port for what it guarantees; each part lies in a file of its own.
 * @module
 */
import { type Clock, systemClock } from "../../clock.ts";
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
import * as accounting from "./accounting.ts";
import { AckGuard } from "./ack_guard.ts";
import type { RedisChannel } from "./channel.ts";
import { list, number, textOrNull } from "./codec.ts";
import { callGroup, type StoreContext } from "./context.ts";
import { DurableAppends } from "./durable.ts";
import { GatheredAppends } from "./gathered.ts";
import { KeptEntries } from "./kept.ts";
import { keysOf } from "./keys.ts";
import * as leases from "./leases.ts";
import { Outbox } from "./outbox.ts";
import { ItemPacker } from "./packed_items.ts";
import * as publishing from "./publishing.ts";
import { readNew } from "./reader.ts";
import { SCRIPTS } from "./scripts.ts";
import { Sightings } from "./sightings.ts";
import { settle } from "./settle.ts";
import { StoreClock } from "./store_clock.ts";
import * as upkeep from "./upkeep.ts";

/** What the adapter is built from. */
export interface RedisStreamStoreOptions {
  readonly stream: string;
  readonly group: string;
  /** Where effects go. Default: `stream`. */
  readonly publishStream?: string;
  /** To the node of `publishStream`, where that is another one than the stream's: effects take the way over an outbox. */
  readonly relay?: RedisChannel;
  /**
   * Told of each effect that appeared, by its entry id; the store of `publishStream` wants to know. Default: this one,
   * where that is its own stream.
   */
  readonly onEffect?: (entryId: string) => void;
  /** For short commands. */
  readonly command: RedisChannel;
  /** For the blocked read, alone: whoever else used it would wait. */
  readonly blocking: RedisChannel;
  /** For appends that wait for a confirmation. Default: `command`, which then waits too. */
  readonly publish?: RedisChannel;
  /** Bound on that wait, milliseconds. Default 3000. */
  readonly durabilityTimeoutMs?: number;
  /**
   * For settling, and for bringing back what was parked; alone: it keeps a WATCH, under which many acknowledgements are
   * one transaction. Default, and while it is away: all that goes by script over `command`, which costs Redis about half
   * as much again.
   */
  readonly settling?: RedisChannel;
  /** How much longer than its block time a read may take before its client is given up, milliseconds. Default 1000. */
  readonly readMarginMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the embedded scripts. */
  readonly loadScript?: typeof SCRIPTS;
}

/**
 * See {@link StreamStore}; errors are those that its text names.
 *
 * @example
 * ```ts ignore
 * const store = new RedisStreamStore({ stream: "orders", group: "billing", command, blocking });
 * await store.ensureGroup();
 * ```
 */
export class RedisStreamStore implements StreamStore {
  /** @inheritdoc */
  readonly stream: string;
  /** @inheritdoc */
  readonly group: string;
  readonly #sightings = new Sightings();
  readonly #context: StoreContext;
  #auditCursor = upkeep.AUDIT_START;

  /** Does no I/O. */
  constructor(options: RedisStreamStoreOptions) {
    const { stream, group, command, blocking, settling } = options;
    const clock = options.clock ?? systemClock;
    const keys = keysOf(stream, group);
    const own = (options.publishStream ?? stream) === stream;
    this.stream = stream;
    this.group = group;
    this.#context = {
      stream,
      group,
      publishStream: options.publishStream ?? stream,
      outbox: outboxOf(options),
      sightings: this.#sightings,
      onEffect: options.onEffect ?? ((entryId) => own && this.saw(entryId)),
      keys,
      scripts: options.loadScript ?? SCRIPTS,
      command,
      blocking,
      gathered: new GatheredAppends(
        (items, windowMs, waitedMs) => publishing.appendTogether(this.#context, items, windowMs, waitedMs),
        clock,
      ),
      packer: new ItemPacker(),
      durable: new DurableAppends(options.publish ?? command, options.durabilityTimeoutMs ?? 3_000),
      ackGuard: settling === undefined ? null : new AckGuard({ channel: settling, stream, group, keys, clock }),
      kept: new KeptEntries(clock),
      readMarginMs: options.readMarginMs ?? 1_000,
      clock,
      storeClock: new StoreClock(clock),
    };
  }

  /** An entry of the stream was seen in another way than over this store: it is missed if the server loses it. */
  saw(entryId: string): void {
    this.#sightings.note(entryId);
  }

  /** @inheritdoc */
  append(items: readonly AppendItem[], options: AppendOptions = {}): Promise<readonly Appended[]> {
    return publishing.append(this.#context, items, options);
  }

  /** Sends what was published and still waits to go together with others. For the end: nothing is sent after it. */
  flushAppends(): void {
    this.#context.gathered.flush();
  }

  /** @inheritdoc */
  async promoteDelayed(limit: number): Promise<{ moved: number; nextDueInMs: number | null }> {
    // What a settling step could not relay itself; beats tell the loop that promotes while something waits.
    await this.#context.outbox?.flushSoon();
    return await publishing.promoteDelayed(this.#context, limit);
  }

  /** @inheritdoc */
  async lastOccurrence(schedule: string): Promise<number | null> {
    const { command, keys } = this.#context;
    const value = textOrNull(await command.send(["HGET", keys.schedules, schedule]));
    return value === null ? null : number(value);
  }

  /** @inheritdoc */
  fire(schedule: string, occurrences: readonly Occurrence[], seenMs?: number): Promise<number> {
    return publishing.fire(this.#context, schedule, occurrences, seenMs);
  }

  /** @inheritdoc */
  time(): Promise<number> {
    return publishing.time(this.#context);
  }

  /** @inheritdoc */
  async ensureGroup(): Promise<{ created: boolean }> {
    const created = await callGroup(this.#context, this.#context.scripts.ensureGroup, "");
    return { created: created === 1 };
  }

  /** @inheritdoc */
  async register(consumer: string, leaseMs: number): Promise<void> {
    await callGroup(this.#context, this.#context.scripts.register, consumer, [String(Math.round(leaseMs))]);
  }

  /** @inheritdoc */
  beat(consumer: string | null, leaseMs: number): Promise<Beat> {
    return leases.beat(this.#context, consumer, leaseMs);
  }

  /** @inheritdoc */
  read(
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal,
    replays = true,
  ): Promise<readonly Delivery[]> {
    return readNew(this.#context, { consumer, count, blockMs, replays }, signal);
  }

  /** @inheritdoc */
  settle(
    consumer: string,
    settlements: readonly Settlement[],
    dedupWindowMs = 0,
  ): Promise<readonly SettleOutcome[]> {
    return settle(this.#context, consumer, settlements, dedupWindowMs);
  }

  /** @inheritdoc */
  async seen(dedupKeys: readonly string[]): Promise<readonly boolean[]> {
    if (dedupKeys.length === 0) return [];
    const { command, keys } = this.#context;
    const marks = list(await command.send(["MGET", ...dedupKeys.map((key) => keys.done(key))]));
    return marks.map((mark) => mark !== null);
  }

  /** @inheritdoc */
  async mark(consumer: string, running: readonly string[], exact: boolean): Promise<void> {
    const marks = JSON.stringify({ r: running, x: exact });
    await callGroup(this.#context, this.#context.scripts.mark, consumer, [marks]);
  }

  /** @inheritdoc */
  adopt(consumer: string, limit: number): Promise<readonly ParkedRef[]> {
    return leases.adopt(this.#context, consumer, limit);
  }

  /** @inheritdoc */
  claimDue(consumer: string, limit: number): Promise<Claimed> {
    return leases.claimDue(this.#context, consumer, limit);
  }

  /** @inheritdoc */
  astray(consumer: string, refs: readonly string[]): Promise<readonly string[]> {
    return leases.astray(this.#context, consumer, refs);
  }

  /** @inheritdoc */
  peers(consumer: string): Promise<readonly Peer[]> {
    return leases.peers(this.#context, consumer);
  }

  /** @inheritdoc */
  takeOver(consumer: string, dead: string, leaseMs: number, limit: number, crashed = true): Promise<TakeOver> {
    return leases.takeOver(this.#context, consumer, dead, { leaseMs, limit, crashed });
  }

  /** @inheritdoc */
  recover(consumer: string, known: ReadonlySet<string>, limit: number): Promise<readonly Delivery[]> {
    return leases.recover(this.#context, consumer, known, limit);
  }

  /** @inheritdoc */
  retire(consumer: string): Promise<{ handedBack: number; pending: number }> {
    return leases.retire(this.#context, consumer);
  }

  /** @inheritdoc */
  trim(retention: { readonly maxLength: number; readonly maxAgeMs: number }): Promise<Trimmed> {
    return upkeep.trim(this.#context, retention);
  }

  /** @inheritdoc */
  async audit(): Promise<{ repaired: number; lost: number }> {
    const { repaired, lost, next } = await upkeep.audit(this.#context, this.#auditCursor);
    this.#auditCursor = next;
    return { repaired, lost };
  }

  /** @inheritdoc */
  fates(
    consumer: string,
    entries: readonly { readonly ref: string; readonly heldMs: number }[],
  ): Promise<readonly Fate[]> {
    return accounting.fates(this.#context, consumer, entries);
  }

  /** @inheritdoc */
  census(): Promise<Census> {
    return accounting.census(this.#context);
  }

  /** @inheritdoc */
  stats(): Promise<GroupStats> {
    return upkeep.stats(this.#context);
  }

  /** @inheritdoc */
  replay(letterId: string): Promise<boolean> {
    return upkeep.replay(this.#context, letterId);
  }
}

function outboxOf(options: RedisStreamStoreOptions): Outbox | null {
  const { stream, group, publishStream: target, relay, command, loadScript: scripts = SCRIPTS } = options;
  const { clock = systemClock } = options;
  if (relay === undefined || target === undefined || target === stream) return null;
  return new Outbox({
    stream,
    group,
    target,
    command,
    relay,
    scripts,
    clock,
    onRelayed: options.onEffect ?? (() => {}),
  });
}
