/**
 * The memory broker: what a Redis server is to the Redis adapter. Several stores on one broker are several replicas,
 * groups or streams on one Redis. It also does to the data what operators and faults do.
 * @module
 */
import type { Clock } from "../../clock.ts";
import { type RedisCause, StoreRefusedError } from "../../errors.ts";
import type { Fields } from "../../events/event.ts";
import { FRESH, type History } from "../port.ts";
import { noteLoss } from "./accounting.ts";
import { BlockedReads } from "./blocked_reads.ts";
import { Faults, type RefusalScope } from "./faults.ts";
import { GroupView } from "./group_view.ts";
import { deadLetterStream, Keyspace } from "./keyspace.ts";
import type { LogEntry } from "./log.ts";

/** A parked or handed-back entry, for assertions. */
export interface ParkedView {
  readonly ref: string;
  readonly entryId: string;
  readonly fields: Fields;
  readonly history: History;
  /** Store time. */
  readonly dueMs: number;
  /** In whose care; null when it belongs to nobody. */
  readonly consumer: string | null;
}

/** See the module's text. */
export class MemoryBroker {
  readonly clock: Clock;
  /** For {@link MemoryStreamStore}; tests use the methods. */
  readonly data: Keyspace = new Keyspace();
  /** For {@link MemoryStreamStore}; tests use {@link refuse} and {@link offline}. */
  readonly faults: Faults = new Faults();
  /** For {@link MemoryStreamStore}. */
  readonly blocked: BlockedReads;

  /** @param clock Store time, leases and blocked reads go by it. */
  constructor(clock: Clock) {
    this.clock = clock;
    this.blocked = new BlockedReads(clock);
  }

  /** Store time, whole epoch ms. */
  now(): number {
    return Math.floor(this.clock.now());
  }

  /** A group of a stream, whether it is there or not. */
  view(stream: string, group: string): GroupView {
    return new GroupView(this.data, this.clock, stream, group);
  }

  // --- faults -----------------------------------------------------------------------------------------------------
  /**
   * Refuses writes from now on.
   * @param cause Null: takes them again. @param scope `data` (default): what needs new memory, as when Redis is out of
   *   it, while plain acknowledgements and leases go on; `all`: every write, as on a read-only replica.
   */
  refuse(cause: RedisCause | null, scope: RefusalScope = "data"): void {
    this.faults.refuse(cause, scope);
  }

  /** @param away True: nothing answers and blocked reads end with an error; false: all is as before. */
  offline(away: boolean): void {
    this.faults.offline = away;
    if (away) this.blocked.fail(() => true, this.faults.away("read"));
  }

  // --- what people do by hand -------------------------------------------------------------------------------------
  /** `DEL stream`: its groups go with it. */
  deleteStream(stream: string): void {
    this.#note(stream, "deleted", () => true);
    this.data.deleteStream(stream);
    this.#unblock((name) => name === stream);
  }

  /** `FLUSHALL`. */
  flushAll(): void {
    for (const stream of this.data.streams) this.#note(stream, "deleted", () => true);
    const streams = new Set(this.data.clear());
    this.#unblock((name) => streams.has(name));
  }

  /** `XGROUP DESTROY`. */
  destroyGroup(stream: string, group: string): void {
    this.data.log(stream)?.groups.delete(group);
    const error = new StoreRefusedError("no_group", `read of ${stream}: the group ${group} was destroyed meanwhile`);
    this.blocked.fail((name, of) => name === stream && of === group, error);
  }

  /** `XGROUP DELCONSUMER`: what it held is no longer pending. */
  removeConsumer(stream: string, group: string, consumer: string): void {
    const state = this.data.log(stream)?.groups.get(group);
    state?.consumers.delete(consumer);
    for (const [ref, pending] of state?.pending ?? []) if (pending.owner === consumer) state?.pending.delete(ref);
  }

  /** `XDEL`: the entry stays pending where it was. */
  deleteEntry(stream: string, entryId: string): void {
    this.#note(stream, "deleted", (id) => id === entryId);
    this.data.log(stream)?.remove(entryId);
  }

  /** `XTRIM MAXLEN`, with no regard for what a group still needs. */
  trimByHand(stream: string, maxLength: number): void {
    const log = this.data.log(stream);
    const going = new Set(log?.entries.slice(0, Math.max(0, log.length - maxLength)).map(({ id }) => id));
    this.#note(stream, "trimmed", (id) => going.has(id));
    log?.removeOldest(going.size);
  }

  /** The index of parked entries is evicted, while the entries stay pending. */
  loseParkedIndex(stream: string, group: string): void {
    this.data.side(stream, group).parked.clear();
  }

  /** `XREADGROUP` by a client library that knows nothing of leases. @returns Entry ids. */
  foreignRead(stream: string, group: string, consumer: string, count: number): readonly string[] {
    const view = this.view(stream, group);
    if (view.log === undefined || view.state === undefined) return [];
    return view.deliverNew(view.state, view.log, consumer, count).map((delivery) => delivery.entryId);
  }

  // --- looking ----------------------------------------------------------------------------------------------------
  /** Entries of a stream, oldest first. */
  entries(stream: string): readonly LogEntry[] {
    return this.data.log(stream)?.entries ?? [];
  }

  /** Dead letters of a group, oldest first. */
  deadLetters(stream: string, group: string): readonly LogEntry[] {
    return this.entries(deadLetterStream(stream, group));
  }

  /** Refs that consumers of the group hold; parked entries are not held. @param consumer Default: any. */
  held(stream: string, group: string, consumer?: string): readonly string[] {
    const view = this.view(stream, group);
    const all = [...view.everyPending()].filter((pending) => !view.side.parked.has(pending.ref));
    return all.filter(({ owner }) => consumer === undefined || owner === consumer).map(({ ref }) => ref);
  }

  /** Parked and handed-back entries of a group, by due time. */
  parked(stream: string, group: string): readonly ParkedView[] {
    const view = this.view(stream, group);
    const all = [...view.side.parked].flatMap(([ref, { owner, dueMs }]) => {
      const content = view.content(ref);
      const history = view.side.records.get(ref) ?? FRESH;
      return content === undefined
        ? []
        : [{ ref, entryId: content.entryId, fields: content.fields, history, dueMs, consumer: owner }];
    });
    return all.sort((a, b) => a.dueMs - b.dueMs);
  }

  #note(stream: string, cause: "deleted" | "trimmed", goes: (id: string) => boolean): void {
    const log = this.data.log(stream);
    if (log !== undefined) noteLoss(this.data, stream, log, cause, goes);
  }

  #unblock(fits: (stream: string) => boolean): void {
    this.blocked.fail(fits, new StoreRefusedError("unblocked", "read: the stream no longer exists; wanted it to stay"));
  }
}
