/**
 * StreamAdmin: what people ask of one stream and group, and what they change by hand. A second, narrow port beside
 * `port.ts`: nothing on the path of events needs it. Both adapters pass the same conformance clauses.
 *
 * - Every answer is bounded, whatever lies in the store: {@link StreamAdmin.range} and {@link StreamAdmin.where} look at a
 *   limited number of entries in one call and say where they stopped, or that they cannot be certain.
 * - Queries change nothing. Errors as in `port.ts`.
 * @module
 */
import type { History } from "../delivery/history.ts";
import type { Fields } from "../events/event.ts";
import type { Peer } from "./port.ts";

/** One entry as it lies in the store. */
export interface StoredEntry {
  readonly id: string;
  readonly fields: Fields;
}

/** One end of a range. */
export interface Bound {
  readonly id: string;
  /** The entry of that id itself is not in the range. Default false. */
  readonly exclusive?: boolean;
}

/** What an event must have to be found; every part that is there must fit. */
export interface Match {
  /** Exactly this event id. */
  readonly id?: string;
  /** Exactly this ordering key. */
  readonly subject?: string;
  /** Trace id of `traceparent` (32 hex digits), or the whole of it, or the `correlationid`. */
  readonly trace?: string;
  /** Letters alone: kind of the error, see `delivery/letter_kind.ts`. */
  readonly error?: string;
  /** Letters alone: part of the error, type, event id or subject; ASCII letters fit in either case. */
  readonly text?: string;
}

/** What {@link StreamAdmin.range} is asked for. */
export interface RangeQuery {
  /** Entries of the stream, or dead letters of the group. */
  readonly of: "entries" | "letters";
  /** The earlier end; absent: the oldest. */
  readonly from?: Bound;
  /** The later end; absent: the newest. */
  readonly to?: Bound;
  /** Default: oldest first. */
  readonly newestFirst?: boolean;
  /** Most entries of the answer, 1 or more. Fewer may come although there are more. */
  readonly limit: number;
  /** Only events of exactly this type. */
  readonly type?: string;
  /** Only letters of this reason. */
  readonly reason?: string;
  /** Only what fits. */
  readonly match?: Match;
}

/** A part of a range. */
export interface RangePart {
  readonly entries: readonly StoredEntry[];
  /** Where to go on (exclusive); null: the whole range was looked at. */
  readonly scannedTo: string | null;
}

/** Dead letters that have the same type, reason and kind of error. */
export interface LetterKind {
  /** Null: none, undecodable. */
  readonly type: string | null;
  readonly reason: string;
  /** The error without what differs from one event to the next. */
  readonly error: string;
  readonly count: number;
  /** Ids of letters. */
  readonly newest: string;
  readonly oldest: string;
}

/** A part of the dead letters by kind, newest first. */
export interface LetterKindsPart {
  readonly kinds: readonly LetterKind[];
  /** Letters looked at. */
  readonly scanned: number;
  /** Where to go on (exclusive); null: all were looked at. */
  readonly scannedTo: string | null;
}

/** Some of the consumers, those that hold most first. */
export interface ConsumersPart {
  readonly consumers: readonly ConsumerFacts[];
  readonly total: number;
}

/** Where an entry is for the group. Times are store time. */
export type StoredPlace =
  | { readonly state: "waiting"; readonly replay: boolean }
  | {
    readonly state: "held";
    readonly replay: boolean;
    readonly owner: string;
    /** When it was last delivered. */
    readonly sinceMs: number;
    /** Null: the owner never registered. Negative: the lease has run out. */
    readonly leaseLeftMs: number | null;
    readonly history: History;
  }
  | {
    readonly state: "parked";
    readonly replay: boolean;
    /** In whose care; null: nobody's yet. */
    readonly owner: string | null;
    /** Null: at once (it was handed back). */
    readonly dueMs: number | null;
    readonly history: History;
  }
  | { readonly state: "dead"; readonly letter: StoredEntry }
  /** `certain` is false where there were too many dead letters to look at all of them. */
  | { readonly state: "done"; readonly certain: boolean }
  /** No longer in the stream: trimmed or deleted. `delivered`: the group had got past it. */
  | { readonly state: "trimmed"; readonly delivered: boolean; readonly certain: boolean };

/** One consumer group of the stream, of whomever. */
export interface GroupFacts {
  readonly name: string;
  readonly consumers: number;
  /** Delivered and not acknowledged; what this service has parked too. */
  readonly pending: number;
  readonly lastDelivered: string;
  /** Null where the store cannot tell. */
  readonly lag: number | null;
  /** The oldest id that it still needs: trimming stops before it. */
  readonly needs: string;
}

/** One consumer of the group. */
export interface ConsumerFacts extends Peer {
  /** Parked in its care. */
  readonly parked: number;
  /** Store time since when it has held the entry that is first in stream order; null when it holds none. */
  readonly holdsSinceMs: number | null;
}

/** Everything else of an overview. */
export interface StreamFacts {
  readonly nowMs: number;
  readonly groups: readonly GroupFacts[];
  /** At most {@link MAX_CONSUMERS}. */
  readonly consumers: readonly ConsumerFacts[];
  /** Parked entries and delayed events whose time has come. */
  readonly due: number;
  /** Store time; null while the group is not paused. */
  readonly pausedSinceMs: number | null;
}

/** Consumers told of in one answer. */
export const MAX_CONSUMERS = 500;

/** The port. See the module's text. */
export interface StreamAdmin {
  readonly stream: string;
  readonly group: string;
  /** Counts and names that {@link StreamStore.stats} does not have. Without consumers it costs less. */
  facts(options?: { readonly consumers?: boolean }): Promise<StreamFacts>;
  /** Consumers of the group from place `from` (0: the first), at most `count`. Most pending first, then by name. */
  consumers(from: number, count: number): Promise<ConsumersPart>;
  /** @returns Null when there never was such an entry. */
  where(entryId: string): Promise<StoredPlace | null>;
  /** Entries or letters in order. */
  range(query: RangeQuery): Promise<RangePart>;
  /** Counts letters by kind, as {@link range} looks: newest first, a bounded number in one call. */
  letterKinds(query: Omit<RangeQuery, "of" | "limit" | "newestFirst">): Promise<LetterKindsPart>;
  /** @returns False when there is no such letter. */
  deleteLetter(letterId: string): Promise<boolean>;
  /** Durably asks every replica of the group to read and retry no more (true), or to go on. Idempotent. */
  setPaused(paused: boolean): Promise<void>;
  /** Store time since when the group is paused; null when it is not. Costs one command. */
  pausedSince(): Promise<number | null>;
}

/** What a server says of itself, for `doctor`. Null: it does not say, or may not be asked. */
export interface ServerState {
  readonly product: "redis" | "valkey";
  readonly version: string | null;
  readonly role: string | null;
  readonly loading: boolean;
  readonly replicas: number | null;
  readonly aof: boolean | null;
  /** Configured points of snapshots; empty: none. */
  readonly snapshots: string | null;
  readonly lastWriteFailed: boolean;
  readonly evictionPolicy: string | null;
  /** Bytes; 0: no limit. */
  readonly memoryLimit: number | null;
  readonly memoryUsed: number | null;
  /** The server's clock minus ours, ms; half the round trip is taken off. */
  readonly clockSkewMs: number | null;
  readonly roundTripMs: number;
  /** Commands that this user may not send on our keys. */
  readonly forbidden: readonly string[];
  /** Commands that this server does not have. */
  readonly unknown: readonly string[];
  /** Why a write of ours was refused when it was tried; null when it was taken. */
  readonly writeRefused: string | null;
}

/** Looks at the server itself. */
export interface ServerInspector {
  /** @throws {StoreUnavailableError} It does not answer. */
  inspect(): Promise<ServerState>;
}
