/**
 * The parts that `lanes.ts` is made of.
 * @module
 */
import { compareOrdered, OrderedQueue } from "./ordered_queue.ts";
import { Ring } from "./ring.ts";

/** One entry in the lanes. */
export interface LaneNode<T> {
  readonly ref: string;
  id: string;
  /** Null while it is parked. */
  item: T | null;
  state: "waiting" | "running" | "parked";
  lane: Lane<T> | null;
  /** Where it waits or counts as running. */
  source: Source<T>;
}

/** The entries of one key. */
export interface Lane<T> {
  readonly key: string;
  readonly waiting: OrderedQueue<LaneNode<T>>;
  readonly parked: OrderedQueue<LaneNode<T>>;
  running: boolean;
  /** The source in which this lane stands, ready to start its first entry. */
  ready: Source<T> | null;
}

/** What shares one cap: entries without a key, and lanes whose first entry may start. */
export interface Source<T> {
  limit: number;
  running: number;
  readonly items: Ring<LaneNode<T>>;
  readonly lanes: Ring<Lane<T>>;
  laneTurn: boolean;
  /** True while it stands in the ring of those that can start something. */
  listed: boolean;
}

/** An empty source. */
export function makeSource<T>(limit: number): Source<T> {
  return { limit, running: 0, items: new Ring(), lanes: new Ring(), laneTurn: false, listed: false };
}

/** An empty lane. */
export function makeLane<T>(key: string): Lane<T> {
  return { key, waiting: new OrderedQueue(), parked: new OrderedQueue(), running: false, ready: null };
}

/** True when something of it may start, as far as order goes. */
export function hasReady<T>(source: Source<T>): boolean {
  return source.items.size > 0 || source.lanes.size > 0;
}

/** The entry that a lane may start now; null when it runs one, holds none, or waits for an older parked one. */
export function startable<T>(lane: Lane<T>): LaneNode<T> | null {
  const first = lane.waiting.first;
  return first === undefined || lane.running || isBehindParked(first) ? null : first;
}

/** True when an older entry of its key is parked. */
export function isBehindParked<T>(node: LaneNode<T>): boolean {
  const parked = node.lane?.parked.first;
  return parked !== undefined && compareOrdered(parked, node) < 0;
}
