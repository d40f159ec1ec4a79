/**
 * What the admin core answers: plain JSON documents, the same over HTTP, in the terminal and for a dashboard. Times are
 * RFC 3339; absent values are null, never missing, unless said otherwise.
 * @module
 */
import type { FieldsJson } from "./fields.ts";

/** Part of a list. `next` is the `cursor` of the next part; null: that was all. A part may be short, even empty, before the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** An entry of a stream as an event, as far as it can be read. */
export interface EventItem {
  readonly stream: string;
  readonly entryId: string;
  /** Null: undecodable. */
  readonly type: string | null;
  readonly id: string | null;
  readonly source: string | null;
  readonly subject: string | null;
  readonly time: string;
  readonly fields: FieldsJson;
}

/** A dead letter. */
export interface Letter {
  /** Its entry id in the dead-letter stream. */
  readonly id: string;
  readonly stream: string;
  /** That of the original. */
  readonly entryId: string;
  readonly type: string | null;
  /** `unknown` for an entry that somebody else put there. */
  readonly reason: string;
  readonly error: string;
  /** Attempts that counted. */
  readonly deliveries: number;
  /** When it was given up on. */
  readonly time: string;
  /** First and last counted attempt. */
  readonly first: string | null;
  readonly last: string | null;
  readonly consumer: string | null;
  readonly replays: number;
  /** The original's. */
  readonly fields: FieldsJson;
}

/** What is kept of attempts that failed. */
export interface Attempts {
  /** Failures and crashes so far. */
  readonly attempts: number;
  /** The errors that are kept, oldest first: the latest in full, and up to four before it, shortened. */
  readonly errors: readonly { readonly time: string | null; readonly message: string }[];
  readonly firstFailure: string | null;
  readonly lastFailure: string | null;
  readonly replays: number;
}

/** Where an entry is. What a state does not know is absent. */
export interface Place extends Partial<Attempts> {
  readonly stream: string;
  readonly entryId: string;
  readonly state: "waiting" | "held" | "parked" | "dead" | "done" | "trimmed";
  /** It was given back from the dead letters; the state is that of the replay. */
  readonly replay?: boolean;
  /** `held`: who runs it. `parked`: in whose care it is; null: nobody's yet. */
  readonly owner?: string | null;
  /** `waiting`: added. `held`: delivered. `dead`: given up on. */
  readonly since?: string;
  /** `parked`: when it is tried again; null: at once. */
  readonly until?: string | null;
  /** `held`: null for an owner that is not one of ours; 0 when it has run out. */
  readonly leaseLeftMs?: number | null;
  readonly letter?: Letter;
  readonly reason?: string;
  /** `trimmed`: the group had got past it. */
  readonly delivered?: boolean;
  /** `done` and `trimmed`: false where it may be a dead letter that lies too far back to be found. */
  readonly certain?: boolean;
  /** The event; null when its content is gone. */
  readonly event: EventItem | null;
}

/** A consumer group of a stream. */
export interface GroupOverview {
  readonly name: string;
  readonly consumers: number;
  readonly pending: number;
  readonly lag: number | null;
  readonly lastDelivered: string;
  /** Trimming stops at what this group still needs. */
  readonly holdsTrimFloor: boolean;
}

/** A consumer of our group. */
export interface ConsumerOverview {
  readonly name: string;
  /** `alive`, `expired` (lease ran out), `fenced` (taken over) or `foreign` (another library). */
  readonly state: string;
  readonly pending: number;
  readonly parked: number;
  readonly holdsSince: string | null;
  readonly leaseLeftMs: number;
  readonly idleMs: number;
}

/** Counts of one stream, or of all. */
export interface Counts {
  readonly length: number;
  readonly lag: number;
  readonly pending: number;
  readonly parked: number;
  /** Of parked and delayed ones those whose time has come. */
  readonly due: number;
  readonly deadLetters: number;
  readonly delayed: number;
  readonly oldestAgeSeconds: number;
}

/** One stream. */
export interface StreamOverview extends Counts {
  readonly stream: string;
  readonly group: string;
  readonly paused: boolean;
  readonly trimFloor: { readonly group: string; readonly entryId: string } | null;
  readonly groups: readonly GroupOverview[];
  readonly consumers: readonly ConsumerOverview[];
}

/** A schedule. */
export interface ScheduleItem {
  readonly name: string;
  /** Either this or `everyMs`. */
  readonly cron?: string;
  readonly everyMs?: number;
  /** Type of what it publishes. */
  readonly type: string;
  readonly next: string | null;
  /** Latest published occurrence; null before the first. */
  readonly last: string | null;
}

/** Something that went wrong lately. */
export interface RecentError {
  readonly time: string;
  /** `dead_lettered`, or the kind of happening in this process. */
  readonly kind: string;
  readonly stream: string | null;
  readonly entryId: string | null;
  readonly message: string;
}

/** Everything at a glance. */
export interface Overview {
  readonly timestamp: string;
  readonly service: { readonly name: string; readonly version: string };
  readonly redis: {
    readonly status: "healthy" | "unhealthy";
    /** Round trip, ms. */
    readonly latency: number | null;
    /** Cause code. */
    readonly error: string | null;
  };
  readonly paused: boolean;
  readonly pausedSince: string | null;
  readonly totals: Counts;
  readonly streams: readonly StreamOverview[];
  readonly schedules: readonly ScheduleItem[];
  /** Latest first, at most 20. */
  readonly lastErrors: readonly RecentError[];
}

/** For an autoscaler. */
export interface Scaling {
  /** Undelivered + held + due. */
  readonly backlog: number;
  readonly oldestAgeSeconds: number;
}

/** What a replay by filter did. */
export interface ReplayResult {
  readonly matched: number;
  readonly replayed: number;
}
