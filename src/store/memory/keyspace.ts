/**
 * Everything that a memory broker holds, laid out as in Redis: what lives in the stream's key goes with that key; what
 * lives in keys beside it (registrations, index of parked entries, records …) outlives a deleted stream or group.
 * @module
 */
import type { Fields } from "../../events/event.ts";
import type { Appended, History } from "../port.ts";
import { type Pending, type Position, StreamLog } from "./log.ts";

/** A consumer between `register` and the end of its registration. */
export interface Registration {
  /** Monotonic ms at which the lease runs out. */
  leaseUntilMs: number;
  marks: ReadonlySet<string>;
  exact: boolean;
}

/** What is remembered of a consumer that was taken over, as of that moment. */
export interface Fence {
  readonly marks: ReadonlySet<string>;
  readonly exact: boolean;
  readonly heldCount: number;
}

/** Index entry of a parked or handed-back entry. */
export interface ParkedEntry {
  /** The consumer in whose care it is; null when it belongs to nobody. */
  owner: string | null;
  readonly dueMs: number;
  readonly orderKey: string | undefined;
}

/** A dead letter that was given back to its group. */
export interface Replay extends Pending {
  /** Entry id of the original. */
  readonly entryId: string;
  readonly fields: Fields;
  /** Store time at which it was given back. */
  readonly sinceMs: number;
}

/** What a group keeps beside the stream. All by ref, unless said otherwise. */
export interface GroupSide {
  /** By consumer. */
  readonly registered: Map<string, Registration>;
  /** By consumer. */
  readonly fenced: Map<string, Fence>;
  readonly parked: Map<string, ParkedEntry>;
  readonly records: Map<string, History>;
  readonly replays: Map<string, Replay>;
  /** Replays that nobody has read yet. */
  readonly lane: Replay[];
  /** Store time at which the mark ends, by dedup key. */
  readonly handled: Map<string, number>;
  /** Store time; null while the group is not paused. */
  pausedSinceMs: number | null;
  /** Latest occurrence by schedule, epoch ms. */
  readonly schedules: Map<string, number>;
}

/** A delayed event that waits. */
export interface DelayedEvent {
  readonly dueMs: number;
  readonly fields: Fields;
  /** Answer that later publishers of the same key get; filled in when the event appears. */
  readonly answer: { entryId: string | null };
}

/** What publishing keeps beside the stream. */
export interface PublishSide {
  /** By dedup key. */
  readonly published: Map<string, { readonly answer: { entryId: string | null }; readonly untilMs: number }>;
  /** By batch key. */
  readonly batches: Map<string, { readonly answer: readonly Appended[]; readonly untilMs: number }>;
  /** In the order in which they are due. */
  readonly delayed: DelayedEvent[];
}

/** Name of the stream of dead letters. */
export function deadLetterStream(stream: string, group: string): string {
  return `{${stream}}:${group}:dlq`;
}

/** The data of a broker. Makes what is absent only where a name says so. */
export class Keyspace {
  readonly #logs = new Map<string, StreamLog>();
  readonly #lastIds = new Map<string, Position>();
  readonly #sides = new Map<string, GroupSide>();
  readonly #publishing = new Map<string, PublishSide>();
  readonly #unnoticed = new Map<string, { deleted: number; trimmed: number }>();

  /** The stream, if it is there. */
  log(stream: string): StreamLog | undefined {
    return this.#logs.get(stream);
  }

  /** Names of the streams there are. */
  get streams(): readonly string[] {
    return [...this.#logs.keys()];
  }

  /** The stream, made where absent. A deleted stream's ids never come again, as they would not on a real clock. */
  makeLog(stream: string): StreamLog {
    let log = this.#logs.get(stream);
    if (log === undefined) this.#logs.set(stream, log = new StreamLog(this.#lastIds.get(stream)));
    return log;
  }

  /** What the group keeps beside the stream. */
  side(stream: string, group: string): GroupSide {
    const key = JSON.stringify([stream, group]);
    let side = this.#sides.get(key);
    if (side === undefined) this.#sides.set(key, side = emptySide());
    return side;
  }

  /** What publishing keeps beside the stream. */
  publishing(stream: string): PublishSide {
    let side = this.#publishing.get(stream);
    if (side === undefined) {
      side = { published: new Map(), batches: new Map(), delayed: [] };
      this.#publishing.set(stream, side);
    }
    return side;
  }

  /** Notes entries that were destroyed and that no consumer will miss. */
  note(stream: string, group: string, cause: "deleted" | "trimmed", count: number): void {
    const key = JSON.stringify([stream, group]);
    const noted = this.#unnoticed.get(key) ?? { deleted: 0, trimmed: 0 };
    noted[cause] += count;
    this.#unnoticed.set(key, noted);
  }

  /** What was noted since the last call. */
  takeUnnoticed(stream: string, group: string): { readonly deleted: number; readonly trimmed: number } {
    const key = JSON.stringify([stream, group]);
    const noted = this.#unnoticed.get(key);
    this.#unnoticed.delete(key);
    return noted ?? { deleted: 0, trimmed: 0 };
  }

  /** Deletes the stream's key and with it its groups. */
  deleteStream(stream: string): void {
    const log = this.#logs.get(stream);
    if (log !== undefined) this.#lastIds.set(stream, log.last);
    this.#logs.delete(stream);
  }

  /** Deletes everything. @returns The streams there were. */
  clear(): readonly string[] {
    const streams = [...this.#logs.keys()];
    for (const stream of streams) this.deleteStream(stream);
    this.#sides.clear();
    this.#publishing.clear();
    return streams;
  }
}

function emptySide(): GroupSide {
  return {
    registered: new Map(),
    fenced: new Map(),
    parked: new Map(),
    records: new Map(),
    replays: new Map(),
    lane: [],
    handled: new Map(),
    pausedSinceMs: null,
    schedules: new Map(),
  };
}
