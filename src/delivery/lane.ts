/**
 * The parts that `lanes.ts` is made of.
 * @module
 */
import { compareOrdered, OrderedQueue } from "./ordered_queue.ts";
import { Ring } from "./ring.ts";

/** What has an identity among all that is in the lanes. */
interface Named {
  readonly ref: string;
}

/** One entry in the lanes. */
export class LaneNode<T extends Named> {
  readonly id: string;
  /** Null while it is parked. */
  item: T | null;
  state: "waiting" | "running" | "parked" = "waiting";
  readonly lane: Lane<T> | null;
  /** Where it waits or counts as running. */
  readonly source: Source<T>;
  /** Numbers what came in, in turn. */
  readonly turn: number;
  #parkedRef = "";

  constructor(item: T | null, id: string, lane: Lane<T> | null, source: Source<T>, turn: number) {
    this.item = item;
    this.id = id;
    this.lane = lane;
    this.source = source;
    this.turn = turn;
  }

  /** That of its item: asked for only where it matters, since it may have to be made. */
  get ref(): string {
    return this.item?.ref ?? this.#parkedRef;
  }

  /** It lets its item go, and only holds its place. */
  park(ref: string): void {
    this.state = "parked";
    this.item = null;
    this.#parkedRef = ref;
  }
}

/** The entries of one key. */
export interface Lane<T extends Named> {
  readonly key: string;
  readonly waiting: OrderedQueue<LaneNode<T>>;
  readonly parked: OrderedQueue<LaneNode<T>>;
  running: boolean;
  /** It holds nothing, and is kept for what comes next of its key. */
  idle: boolean;
  /** The source in which this lane stands, ready to start its first entry. */
  ready: Source<T> | null;
}

/** What shares one cap: entries without a key, and lanes whose first entry may start. */
export interface Source<T extends Named> {
  limit: number;
  running: number;
  readonly items: Ring<LaneNode<T>>;
  readonly lanes: Ring<Lane<T>>;
  laneTurn: boolean;
  /** True while it stands in the ring of those that can start something. */
  listed: boolean;
}

/** An empty source. */
export function makeSource<T extends Named>(limit: number): Source<T> {
  return { limit, running: 0, items: new Ring(), lanes: new Ring(), laneTurn: false, listed: false };
}

/** An empty lane. */
export function makeLane<T extends Named>(key: string): Lane<T> {
  return { key, waiting: new OrderedQueue(), parked: new OrderedQueue(), running: false, idle: false, ready: null };
}

/** True when something of it may start, as far as order goes. */
export function hasReady<T extends Named>(source: Source<T>): boolean {
  return source.items.size > 0 || source.lanes.size > 0;
}

/** The entry that a lane may start now; null when it runs one, holds none, or waits for an older parked one. */
export function startable<T extends Named>(lane: Lane<T>): LaneNode<T> | null {
  const first = lane.waiting.first;
  return first === undefined || lane.running || isBehindParked(first) ? null : first;
}

/** True when an older entry of its key is parked. */
export function isBehindParked<T extends Named>(node: LaneNode<T>): boolean {
  const parked = node.lane?.parked.first;
  return parked !== undefined && compareOrdered(parked, node) < 0;
}
