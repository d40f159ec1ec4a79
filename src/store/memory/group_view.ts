/**
 * One group of one stream, seen whole: the state in the stream's key and the state beside it. The elementary steps that
 * every operation of the store is made of; none of them awaits, so that each operation is atomic.
 * @module
 */
import type { Clock } from "../../clock.ts";
import type { Fields } from "../../events/event.ts";
import { type Delivery, FRESH } from "../port.ts";
import type { GroupSide, Keyspace } from "./keyspace.ts";
import { type GroupState, PARKED, type Pending, type StreamLog } from "./log.ts";

/** What a pending entry holds. */
export interface Content {
  readonly entryId: string;
  readonly fields: Fields;
}

/** See the module's text. */
export class GroupView {
  readonly stream: string;
  readonly group: string;
  readonly #data: Keyspace;
  readonly #clock: Clock;

  /** @param data Shared with every other view on the same broker. */
  constructor(data: Keyspace, clock: Clock, stream: string, group: string) {
    this.#data = data;
    this.#clock = clock;
    this.stream = stream;
    this.group = group;
  }

  /** The stream, if it is there. */
  get log(): StreamLog | undefined {
    return this.#data.log(this.stream);
  }

  /** The group inside the stream, if it is there. */
  get state(): GroupState | undefined {
    return this.log?.groups.get(this.group);
  }

  /** What the group keeps beside the stream. */
  get side(): GroupSide {
    return this.#data.side(this.stream, this.group);
  }

  /** Store time, epoch ms. */
  now(): number {
    return Math.floor(this.#clock.now());
  }

  /** For leases and idle times, which a step of the wall clock must not end. */
  monotonic(): number {
    return this.#clock.monotonic();
  }

  /** True until the consumer was taken over or has retired. */
  isRegistered(consumer: string): boolean {
    return this.side.registered.has(consumer);
  }

  /** What was delivered under that ref and is not acknowledged. */
  pending(ref: string): Pending | undefined {
    return this.side.replays.get(ref) ?? this.state?.pending.get(ref);
  }

  /** Everything delivered and not acknowledged: entries in the order of ids, then replays. */
  *everyPending(): Generator<Pending> {
    yield* this.state?.pending.values() ?? [];
    yield* this.side.replays.values();
  }

  /** What the consumer holds; parked entries are not held. */
  heldBy(consumer: string): readonly Pending[] {
    return [...this.everyPending()].filter((pending) => pending.owner === consumer);
  }

  /** The content of a pending ref; undefined when the store no longer has it. */
  content(ref: string): Content | undefined {
    const replay = this.side.replays.get(ref);
    if (replay !== undefined) return replay;
    const entry = this.log?.get(ref);
    return entry && { entryId: entry.id, fields: entry.fields };
  }

  /** Delivers entries, then replays, that nobody of the group has seen. Needs the group to be there. */
  deliverNew(
    state: GroupState,
    log: StreamLog,
    consumer: string,
    count: number,
    replays = true,
  ): readonly Delivery[] {
    const deliveredMs = this.monotonic();
    state.consumers.set(consumer, deliveredMs);
    const entries = log.after(state.lastDelivered, count);
    for (const entry of entries) {
      state.pending.set(entry.id, { ref: entry.id, owner: consumer, deliveries: 1, deliveredMs });
      state.lastDelivered = entry;
    }
    const deliveries = entries.map((entry) => this.#delivery(entry.id, { entryId: entry.id, fields: entry.fields }));
    return replays ? [...deliveries, ...this.#deliverReplays(consumer, count - deliveries.length)] : deliveries;
  }

  /**
   * Gives a pending entry to a consumer. One whose content is gone is forgotten instead.
   * @returns Undefined when the content is gone.
   */
  claim(pending: Pending, consumer: string): Delivery | undefined {
    const content = this.content(pending.ref);
    if (content === undefined) return this.forget(pending.ref);
    pending.owner = consumer;
    pending.deliveries++;
    pending.deliveredMs = this.monotonic();
    this.side.parked.delete(pending.ref);
    return this.#delivery(pending.ref, content);
  }

  /**
   * Takes a pending entry from its holder until due. One whose content is gone is forgotten instead.
   * @param owner In whose care; null: nobody's. @returns False when the content is gone.
   */
  park(pending: Pending, owner: string | null, dueMs: number, orderKey: string | undefined): boolean {
    if (this.content(pending.ref) === undefined) {
      this.forget(pending.ref);
      return false;
    }
    pending.owner = PARKED;
    pending.parkedAs = { dueMs, orderKey };
    this.side.parked.set(pending.ref, { owner, dueMs, orderKey });
    return true;
  }

  /** Ends an entry for the group: acknowledged, with everything that was kept of it. */
  forget(ref: string): undefined {
    this.state?.pending.delete(ref);
    this.side.replays.delete(ref);
    this.side.parked.delete(ref);
    this.side.records.delete(ref);
  }

  /** What was parked and lost its content is due at once, so that it is counted and its key goes on. */
  hastenLost(): void {
    for (const [ref, parked] of this.side.parked) {
      if (this.content(ref) === undefined) this.side.parked.set(ref, { ...parked, dueMs: 0 });
    }
  }

  /** What the consumer has parked belongs to nobody from now on; due times stay. @returns How many. */
  orphanParked(consumer: string): number {
    let count = 0;
    for (const parked of this.side.parked.values()) {
      if (parked.owner !== consumer) continue;
      parked.owner = null;
      count++;
    }
    return count;
  }

  /** What is held, as the port hands it out. */
  deliveryOf(pending: Pending): Delivery | undefined {
    const content = this.content(pending.ref);
    return content && this.#delivery(pending.ref, content);
  }

  #deliverReplays(consumer: string, count: number): readonly Delivery[] {
    return this.side.lane.splice(0, count).map((replay) => {
      this.side.replays.set(replay.ref, Object.assign(replay, { owner: consumer, deliveries: 1 }));
      replay.deliveredMs = this.monotonic();
      return this.#delivery(replay.ref, replay);
    });
  }

  #delivery(ref: string, content: Content): Delivery {
    const { entryId, fields } = content;
    return { ref, entryId, fields, history: this.side.records.get(ref) ?? FRESH };
  }
}
