/**
 * StreamStore: the one port to the data, batch-shaped.
 *
 * One instance serves one stream and one consumer group. Two adapters stand behind it, Redis and memory, and both pass
 * the same conformance suite. Guarantees that every adapter gives:
 *
 * 1. **Fencing.** A consumer is *registered* from {@link StreamStore.register} until somebody takes it over
 *    ({@link StreamStore.takeOver}) or it retires. Every step that settles or claims first checks that, in the same
 *    atomic step; a consumer that was taken over gets `fenced` and nothing changes.
 * 2. **One lease per consumer.** {@link StreamStore.beat} renews it. A lease that merely ran out is renewed by the next
 *    beat; only takeover ends it. Takeover is refused while the lease has time left.
 * 3. **Settle last.** Whatever a settling step writes (effects, dead letter, failure record) is written before the entry
 *    is acknowledged, in one atomic step. A refused write leaves the entry pending and everything else untouched.
 * 4. **Entries keep their id** while parked, taken over or handed back, and stay pending, so that trimming cannot take
 *    them and other groups see nothing of it.
 * 5. Nothing here retries, sleeps or logs. Failures are {@link StoreUnavailableError} (no answer) and
 *    {@link StoreRefusedError} (error reply); both carry a cause class.
 *
 * Times are milliseconds. "Store time" is the clock of Redis, so that replicas agree.
 * @module
 */
import type { Fields } from "../events/event.ts";
import type { PackedFields } from "../events/packed.ts";
import type { RedisCause } from "../errors.ts";
import type { History, LetterInfo } from "../delivery/history.ts";

export { FRESH } from "../delivery/history.ts";
export type { DeadReason, History, LetterInfo } from "../delivery/history.ts";

/** An entry that a consumer now holds. */
export interface Delivery {
  /** Handle to settle it by; unique among what the group holds. The entry id, or `r:` and an id for a replay. */
  readonly ref: string;
  /** The entry id that people know: that of the original, also for a replay. */
  readonly entryId: string;
  /** Original fields, byte for byte. */
  readonly fields: Fields;
  /** The same where the store has them in one piece: cheaper to decode than one by one. */
  readonly packed?: PackedFields;
  readonly history: History;
}

/** One event to append. */
export interface AppendItem {
  /** Flat name, value, name, value …; strings are written as UTF-8. At least one pair. */
  readonly fields: readonly (string | Uint8Array)[];
  /** Inside `dedupWindowMs` the same key appends nothing and answers with the first entry id. */
  readonly dedupKey?: string;
  /** Store time at which it is to appear; absent or past: at once. */
  readonly deliverAtMs?: number;
}

/** What became of one appended event. */
export interface Appended {
  /** Null while a delayed event waits. */
  readonly entryId: string | null;
  readonly deduplicated: boolean;
}

/** How far an append was confirmed. */
export type Durability =
  | { readonly level: "memory" }
  | { readonly level: "replica"; readonly replicas: number }
  | { readonly level: "fsync" };

/** Options of {@link StreamStore.append}. */
export interface AppendOptions {
  /** Default 0: no deduplication. */
  readonly dedupWindowMs?: number;
  /** Covers the whole batch: the same key gives the first answer again. */
  readonly batchKey?: string;
  /** Default memory. Not reached in time: {@link StoreUnavailableError} with `outcomeUnknown`. */
  readonly durability?: Durability;
}

/** How a held entry ends, as asked by its consumer. */
export type Settlement =
  | {
    /** Acknowledge. `effects` appear exactly once, atomically with it. */
    readonly kind: "done";
    readonly ref: string;
    readonly effects?: readonly AppendItem[];
    /** With `dedupWindowMs`: when the key is already marked, effects are dropped and the outcome is `duplicate`. */
    readonly dedupKey?: string;
    /** True when the entry has a history in the store, which is then removed. */
    readonly hasHistory?: boolean;
  }
  | {
    /** Hold until due, durably. `history` replaces what is stored. */
    readonly kind: "park";
    readonly ref: string;
    /** Due this long from now, store time. */
    readonly delayMs: number;
    readonly history: History;
    /** The ordering key, given back by {@link StreamStore.adopt}. */
    readonly orderKey?: string;
    /** {@link Delivery.packed}: a store may keep it, within bounds of its own, rather than ask for it again when due. */
    readonly packed?: PackedFields;
  }
  | {
    /** Write to the dead letters, then acknowledge. */
    readonly kind: "dead";
    readonly ref: string;
    readonly entryId: string;
    readonly fields: Fields;
    readonly letter: LetterInfo;
  }
  | {
    /** Hand back: at once free for another consumer; costs nothing. */
    readonly kind: "release";
    readonly ref: string;
    readonly orderKey?: string;
  };

/** What became of one settlement. */
export type SettleOutcome =
  | { readonly kind: "settled"; readonly appended?: readonly Appended[]; readonly dueMs?: number }
  /** Its dedup key was marked by another delivery: acknowledged, effects dropped. */
  | { readonly kind: "duplicate" }
  /** This consumer was taken over: nothing changed. */
  | { readonly kind: "fenced" }
  /** No longer pending for this consumer (stream, group, entry or consumer was removed by hand): nothing to settle. */
  | { readonly kind: "gone" }
  /** The store refused the write: nothing changed, the entry is still held. Cost nothing, try again later. */
  | { readonly kind: "refused"; readonly reason: RedisCause; readonly message: string };

/** Result of {@link StreamStore.beat}. */
export interface Beat {
  /** `none`: no consumer was asked about. `fenced`: taken over, or the registration is gone. */
  readonly lease: "held" | "fenced" | "none";
  /** Why the store refuses new data although it answers; null when it takes writes. */
  readonly writeRefused: RedisCause | null;
  /** Absent where the store did not look. */
  readonly news?: News;
}

/** What a beat sees in passing, so that nobody else need ask for it while nothing happens. */
export interface News {
  /** The whole group is paused. */
  readonly paused: boolean;
  /** Time until {@link StreamStore.promoteDelayed} has something to do; null when nothing waits for it. */
  readonly delayedInMs: number | null;
  /** Entries that {@link StreamStore.adopt} would give. */
  readonly adoptable: number;
  /** This consumer has parked entries. */
  readonly parked: boolean;
  /** Entries that this consumer holds, as the store has it; null when unknown. */
  readonly pending: number | null;
  /** Dead letters that were given back lie in the store: a read may bring as many of them as of new entries. */
  readonly replays: boolean;
  /** Two that are equal: neither stream nor group has changed in between. */
  readonly mark: string;
  /** What trimming depends on beside time; null when unknown. */
  readonly kept: Kept | null;
  /** No other consumer has, or could come to have without being seen here first, what would have to be taken over. */
  readonly alone: boolean;
}

/** How much a store keeps of a stream and its dead letters. */
export interface Kept {
  /** Entries of the stream. */
  readonly length: number;
  readonly letters: number;
  /** Tells a group from one of the same name that was destroyed: while it is the same, so is the stream. */
  readonly made: string;
}

/** A consumer of the group as the reaper sees it. */
export interface Peer {
  readonly consumer: string;
  /** Entries that it holds (parked ones are not held). */
  readonly pending: number;
  /**
   * - `alive`: lease has `leaseLeftMs` to go
   * - `expired`: registered, lease ran out
   * - `fenced`: taken over before, left entries behind
   * - `foreign`: never registered (another client library); judged by `idleMs`
   */
  readonly state: "alive" | "expired" | "fenced" | "foreign";
  readonly leaseLeftMs: number;
  readonly idleMs: number;
}

/** Result of {@link StreamStore.takeOver}. */
export interface TakeOver {
  /** `alive`: refused, the lease has time left. `retired`: nothing left, the consumer was removed. `fenced`: the *caller* was taken over. */
  readonly state: "alive" | "taken" | "retired" | "fenced";
  readonly deliveries: readonly Delivery[];
  /** Entries still held by the dead consumer, for the next call or another replica. */
  readonly remaining: number;
  /** Pending entries whose content the store no longer has. */
  readonly lost: number;
}

/** A parked entry, without its content. */
export interface ParkedRef {
  readonly ref: string;
  readonly orderKey?: string;
  readonly dueMs: number;
}

/** Result of {@link StreamStore.claimDue}. */
export interface Claimed {
  readonly state: "held" | "fenced";
  readonly deliveries: readonly Delivery[];
  /** Time until the next one of this consumer is due; null when none is parked. */
  readonly nextDueInMs: number | null;
  readonly lost: number;
  /** Refs whose content the store no longer has, so that their order key can be freed. */
  readonly lostRefs: readonly string[];
}

/** One occurrence of a schedule, to be published once across all replicas. */
export interface Occurrence {
  readonly atMs: number;
  readonly item: AppendItem;
}

/** What trimming did and what holds it back. */
export interface Trimmed {
  readonly removed: number;
  readonly lettersRemoved: number;
  /** The group that still needs the oldest entry kept, where retention would allow more; null when none. */
  readonly heldBackBy: { readonly group: string; readonly entryId: string } | null;
  /**
   * For so long, ms, nothing becomes too old for retention: what is added meanwhile is younger than what is there. 0 where
   * nothing is there, something is held back, or there is more to do.
   */
  readonly quietMs: number;
}

/** Counts for health, metrics and the admin API. */
export interface GroupStats {
  readonly length: number;
  /** Undelivered, right even where Redis answers NULL. */
  readonly lag: number;
  /** Held by consumers, without parked. */
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
  readonly delayed: number;
  readonly consumers: number;
  /** Age of the oldest entry not finished by the group; 0 when none. */
  readonly oldestAgeMs: number;
  /** Entries that were ever added to the stream: what grows by this is what came in, whoever published it. */
  readonly added: number;
}

/**
 * Where an entry is that a consumer no longer has, although it did not settle it.
 *
 * - `kept`: somebody has it, or it will be delivered
 * - `deleted`: the store no longer has it
 * - `removed`: it is there, but was taken out of what is pending (its consumer was removed by hand): nobody gets it
 */
export type Fate = "kept" | "deleted" | "removed";

/** Result of {@link StreamStore.census}. */
export interface Census {
  /** Entries in nobody's care that were deleted, or the stream with them, since the last census of any replica. */
  readonly deleted: number;
  /** Entries in nobody's care that were trimmed since then. */
  readonly trimmed: number;
  /** False when the store remembers no earlier census: it is new, or everything in it was destroyed. */
  readonly remembered: boolean;
  /**
   * Entries that this process had seen and that are gone, because the store went back to an earlier state: after a failover,
   * what the new primary had not got yet. Told once across all replicas, as far as these had seen them.
   */
  readonly rolledBack: number;
  /** What would be lost with everything and be missed by no consumer; null when that cannot be told now. */
  readonly atStake: number | null;
}

/** The port. See the module's text for what every adapter guarantees. */
export interface StreamStore {
  readonly stream: string;
  readonly group: string;

  // --- publishing -------------------------------------------------------------------------------------------------
  /** Appends all or none, in order. */
  append(items: readonly AppendItem[], options?: AppendOptions): Promise<readonly Appended[]>;
  /** Moves delayed events that are due into the stream, each exactly once; at most `limit`. */
  promoteDelayed(limit: number): Promise<{ moved: number; nextDueInMs: number | null }>;
  /** Epoch ms of the latest published occurrence; null when the schedule was never seen. */
  lastOccurrence(schedule: string): Promise<number | null>;
  /**
   * Publishes those occurrences that are later than the last one and remembers the latest; in one atomic step.
   * An empty list with `seenMs` remembers without publishing, only where nothing was remembered.
   * @returns How many were published.
   */
  fire(schedule: string, occurrences: readonly Occurrence[], seenMs?: number): Promise<number>;
  /** Store time, epoch ms. */
  time(): Promise<number>;

  // --- consuming --------------------------------------------------------------------------------------------------
  /** Creates stream and group at `0` where absent. @returns `created` is true when the group was not there. */
  ensureGroup(): Promise<{ created: boolean }>;
  /** Registers a consumer name that was never used before and starts its lease. Works under out-of-memory. */
  register(consumer: string, leaseMs: number): Promise<void>;
  /** Renews the lease (null: none) and proves that the store takes writes. Never throws for a refused write. */
  beat(consumer: string | null, leaseMs: number): Promise<Beat>;
  /**
   * Reads new entries; waits up to `blockMs` where there are none (0: does not wait). `signal` ends the wait.
   * @param replays False: none of them. Default: up to `count` may come besides as many entries.
   * @returns Empty on time-out or abort.
   */
  read(
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal,
    replays?: boolean,
  ): Promise<readonly Delivery[]>;
  /** Settles each; the outcomes are in the order of the settlements. Throws only when nothing is known of any. */
  settle(
    consumer: string,
    settlements: readonly Settlement[],
    dedupWindowMs?: number,
  ): Promise<readonly SettleOutcome[]>;
  /** Which of these dedup keys are marked as done. */
  seen(dedupKeys: readonly string[]): Promise<readonly boolean[]>;
  /** Remembers which refs are running, so that a crash can be told from a neighbour's. `exact`: no other runs. */
  mark(consumer: string, running: readonly string[], exact: boolean): Promise<void>;
  /** Takes parked and handed-back entries that belong to nobody into this consumer's care. */
  adopt(consumer: string, limit: number): Promise<readonly ParkedRef[]>;
  /** Claims parked entries of this consumer that are due. */
  claimDue(consumer: string, limit: number): Promise<Claimed>;
  /** Which of these entries, parked in this consumer's care as far as it knows, are not in its care any more. */
  astray(consumer: string, refs: readonly string[]): Promise<readonly string[]>;
  /** The other consumers of the group. */
  peers(consumer: string): Promise<readonly Peer[]>;
  /**
   * Fences a consumer whose lease has run out (or a foreign one idle for `leaseMs`) and claims at most `limit` of what
   * it held; what it had parked becomes adoptable.
   * @param crashed False: the caller itself was `dead` and lives on, so that no entry is blamed. Default true.
   */
  takeOver(consumer: string, dead: string, leaseMs: number, limit: number, crashed?: boolean): Promise<TakeOver>;
  /**
   * What the store says this consumer holds and `known` does not: read replies that were lost with their connection.
   * Called after each loss of a connection.
   */
  recover(consumer: string, known: ReadonlySet<string>, limit: number): Promise<readonly Delivery[]>;
  /**
   * Hands back whatever the consumer still holds or has parked, ends its registration and removes it, never with a
   * pending entry. Idempotent.
   * @returns How many entries were handed back, and how many could not be (0 unless the consumer was taken over meanwhile).
   */
  retire(consumer: string): Promise<{ handedBack: number; pending: number }>;

  // --- keeping ----------------------------------------------------------------------------------------------------
  /** Removes what retention allows *and* every group has finished with. `maxAgeMs` and `maxLength` also bound the dead letters. */
  trim(retention: { readonly maxLength: number; readonly maxAgeMs: number }): Promise<Trimmed>;
  /** Repairs: parked entries that lost their index become adoptable again. @returns How many. */
  audit(): Promise<{ repaired: number; lost: number }>;
  /** What became of entries that this consumer had, `heldMs` long, and no longer has. In the order of `entries`. */
  fates(
    consumer: string,
    entries: readonly { readonly ref: string; readonly heldMs: number }[],
  ): Promise<readonly Fate[]>;
  /**
   * Counts what was destroyed that no consumer had in its care: undelivered entries, and what dead ones held. Each is
   * told once across all replicas. What is read between being deleted and the next census may be missed.
   */
  census(): Promise<Census>;
  /** Counts. */
  stats(): Promise<GroupStats>;
  /** Gives a dead letter back to this group only, once. @returns False when there is no such letter. */
  replay(letterId: string): Promise<boolean>;
}
