/**
 * One stream in memory: entries with ids `ms-seq`, and the consumer groups that live in its key, as in Redis.
 * @module
 */
import type { Fields } from "../../events/event.ts";

/** An entry id in parts; both are whole numbers, 0 or more. */
export interface Position {
  readonly ms: number;
  readonly seq: number;
}

/** Before every entry. */
export const START: Position = Object.freeze({ ms: 0, seq: 0 });

/** One entry of a stream. */
export interface LogEntry extends Position {
  /** `ms-seq` */
  readonly id: string;
  readonly fields: Fields;
}

/** What a group knows of an entry that was delivered and not acknowledged. */
export interface Pending {
  readonly ref: string;
  /** The consumer that holds it; {@link PARKED} while parked or handed back. */
  owner: string;
  /** How often it was delivered, claims included. */
  deliveries: number;
  /** Monotonic ms of the latest delivery. */
  deliveredMs: number;
  /** As it was last parked, for the day on which the index of parked entries is lost. */
  parkedAs?: { readonly dueMs: number; readonly orderKey: string | undefined };
}

/** Owner of what is parked or handed back: no consumer can have this name. */
export const PARKED = "@parked";

/** A consumer group: what Redis keeps inside the stream's key. */
export interface GroupState {
  lastDelivered: Position;
  /** By entry id, in the order of delivery, which is the order of ids. */
  readonly pending: Map<string, Pending>;
  /** Monotonic ms at which it was made. */
  readonly madeMs: number;
  /** Monotonic ms of each consumer's latest read or claim. */
  readonly consumers: Map<string, number>;
}

/** @returns Negative when `a` is before `b`, 0 when they are the same, else positive. */
export function compare(a: Position, b: Position): number {
  return a.ms - b.ms || a.seq - b.seq;
}

/** Parts of an entry id `ms-seq`. */
export function parseId(id: string): Position {
  const [ms, seq] = id.split("-");
  return { ms: Number(ms), seq: Number(seq ?? 0) };
}

/** The entries of one stream, oldest first, and its groups. */
export class StreamLog {
  /** By name. */
  readonly groups = new Map<string, GroupState>();
  readonly #byId = new Map<string, LogEntry>();
  #entries: LogEntry[] = [];
  #last: Position;
  #removed = 0;
  #maxRemoved: Position = START;

  /** @param last Ids start after it. */
  constructor(last: Position = START) {
    this.#last = last;
  }

  /** The latest id that was given, also when that entry is gone. */
  get last(): Position {
    return this.#last;
  }

  /** Entries there are. */
  get length(): number {
    return this.#entries.length;
  }

  /** Entries that were ever added. */
  get added(): number {
    return this.#entries.length + this.#removed;
  }

  /** Oldest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Appends; the id is later than every other, also when the clock went back. */
  append(nowMs: number, fields: Fields): LogEntry {
    const ms = Math.floor(nowMs);
    this.#last = ms > this.#last.ms ? { ms, seq: 0 } : { ms: this.#last.ms, seq: this.#last.seq + 1 };
    const entry: LogEntry = { id: `${this.#last.ms}-${this.#last.seq}`, ...this.#last, fields };
    this.#entries.push(entry);
    this.#byId.set(entry.id, entry);
    return entry;
  }

  /** The entry with that id, if it is there. */
  get(id: string): LogEntry | undefined {
    return this.#byId.get(id);
  }

  /** At most `count` entries later than the position. */
  after(position: Position, count: number): readonly LogEntry[] {
    const from = this.#indexAfter(position);
    return this.#entries.slice(from, from + count);
  }

  /** How many entries are later than the position. */
  countAfter(position: Position): number {
    return this.#entries.length - this.#indexAfter(position);
  }

  /** As Redis can tell: it knows how far removals went, not what was removed. For an id that is not there. */
  mayHaveRemoved(id: string): boolean {
    const position = parseId(id);
    const [first] = this.#entries;
    if (this.#removed === 0 || compare(position, this.#last) > 0) return false;
    return first === undefined || compare(position, first) < 0 || compare(position, this.#maxRemoved) <= 0;
  }

  /** @returns False when there is no such entry. */
  remove(id: string): boolean {
    const entry = this.#byId.get(id);
    if (entry === undefined) return false;
    this.#byId.delete(id);
    this.#removed++;
    if (compare(entry, this.#maxRemoved) > 0) this.#maxRemoved = entry;
    this.#entries.splice(this.#indexAfter(entry) - 1, 1);
    return true;
  }

  /** Removes the oldest `count` entries. */
  removeOldest(count: number): void {
    for (const entry of this.#entries.slice(0, count)) this.#byId.delete(entry.id);
    this.#removed += Math.min(count, this.#entries.length);
    this.#entries = this.#entries.slice(count);
  }

  #indexAfter(position: Position): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && compare(entry, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
