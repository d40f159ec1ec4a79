/**
 * Who may start next: bounded concurrency with order per key.
 *
 * An entry with a key waits in the *lane* of that key; one of a lane runs at a time, in the order of the ids. A lane
 * whose oldest entry is parked stands still until that entry comes back or is freed. An entry without a key waits for
 * nobody. Handlers with a cap of their own have a *source* each; sources are served in turn, and in each source lanes
 * and keyless entries alternate, so that neither a hot key nor a slow handler starves the others.
 *
 * An entry that must run *alone* is served before the others: nothing more is started until nothing runs, then it runs,
 * and then the others have a turn before the next lone one.
 *
 * Plain data, synchronous. Its owner bounds how much it holds. Starting and finishing take constant time.
 * @module
 */
import { hasReady, isBehindParked, type Lane, LaneNode, makeLane, makeSource, type Source, startable } from "./lane.ts";
import { compareOrdered } from "./ordered_queue.ts";
import { Ring } from "./ring.ts";
import { SlotMap } from "./slot_map.ts";

/** What waits to be started. */
export interface LaneItem {
  /** Unique among all that is in the lanes. Asked for only where something is parked, or where ids are equal. */
  readonly ref: string;
  /** Entry id; decides the order in a lane. */
  readonly id: string;
  /** Null: no order. */
  readonly key: string | null;
  /** Most of its `group` (compared by identity) that run at once, 1 or more; null: no cap of its own. */
  readonly cap: { readonly group: unknown; readonly limit: number } | null;
  /** Nothing may run beside it. */
  readonly alone: boolean;
  /** Where it is in the lanes, for {@link Lanes} alone: looking up a ref would cost more than all else. Null: nowhere. */
  node: LaneNode<LaneItem> | null;
}

/** How many others are started between two that run alone. */
const TURN_OF_OTHERS = 64;

/** Lanes that hold nothing and are kept all the same: of so many keys, none of them long. */
const MOST_IDLE = 4_096;
const LONGEST_KEPT_KEY = 256;

/** See the module's text. */
export class Lanes<T extends LaneItem> {
  /** By ref. */
  readonly #parkedNodes = new Map<string, LaneNode<T>>();
  readonly #lanes = new SlotMap<Lane<T>>();
  readonly #sources = new Map<unknown, Source<T>>();
  readonly #open: Source<T> = makeSource(Infinity);
  readonly #alone: Source<T> = makeSource(1);
  readonly #turn = new Ring<Source<T>>();
  #othersLeft = 0;
  /** Lanes that hold nothing. */
  #idle = 0;
  #turns = 0;
  #waiting = 0;
  #running = 0;
  #parked = 0;
  #blocked = 0;

  /** Entries that were pushed and not started. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Entries that were taken and not finished. */
  get running(): number {
    return this.#running;
  }

  /** Waiting and running. */
  get size(): number {
    return this.#waiting + this.#running;
  }

  /**
   * How many more entries are worth adding, as far as this one knows: while one runs alone or is to, the others get few
   * turns, and what waits for one here could run elsewhere.
   */
  get appetite(): number {
    const { items, lanes, running } = this.#alone;
    const lone = items.size + lanes.size;
    // Nothing else starts beside it, for as long as it takes.
    if (running > 0) return 0;
    return lone === 0 ? Infinity : Math.max(0, TURN_OF_OTHERS + lone - this.#waiting);
  }

  /** Parked entries that hold a key. */
  get parked(): number {
    return this.#parked;
  }

  /** Keys that are held by at least one parked entry. */
  get blockedKeys(): number {
    return this.#blocked;
  }

  /** Keys of which anything waits, runs or is parked. */
  get keys(): number {
    return this.#lanes.size - this.#idle;
  }

  /**
   * Adds one. A ref that was parked comes back to its place, before what came after it.
   * @returns False when the item is already waiting or running; nothing changes then.
   */
  push(item: T): boolean {
    if (item.node !== null) return false;
    const known = this.#parkedNodes.size === 0 ? undefined : this.#parkedNodes.get(item.ref);
    if (known !== undefined) this.#unpark(known, item.ref);
    const lane = item.key === null ? null : this.#laneOf(item.key);
    const source = this.#sourceOf(item);
    const node = new LaneNode<T>(item, item.id, lane, source, this.#turns++);
    item.node = node;
    this.#waiting++;
    if (lane === null) {
      source.items.push(node);
      this.#list(source);
    } else {
      lane.waiting.add(node);
      this.#refresh(lane);
    }
    // After the push: its new place may be in another lane.
    if (known?.lane && known.lane !== lane) this.#refresh(known.lane);
    return true;
  }

  /** Takes at most `limit` that may start now; they count as running until {@link finish}. */
  take(limit: number): T[] {
    const started: T[] = [];
    while (started.length < limit) {
      const node = this.#pick();
      if (node === null) break;
      started.push(this.#start(node));
    }
    return started;
  }

  /**
   * An attempt has ended. `parked` keeps its key blocked until the same ref is pushed again or freed (no effect without
   * a key). Harmless for an item that is not running.
   */
  finish(item: T, { parked = false }: { readonly parked?: boolean } = {}): void {
    const node = item.node as LaneNode<T> | null;
    if (node === null || node.state !== "running") return;
    const { lane, source } = node;
    item.node = null;
    this.#running--;
    source.running--;
    if (source === this.#alone) this.#othersLeft = hasReady(source) ? TURN_OF_OTHERS : 0;
    this.#list(source);
    if (lane === null) return;
    lane.running = false;
    if (parked) this.#park(node, lane, item.ref);
    this.#refresh(lane);
  }

  /** A parked entry will not come back: its key goes on. @returns False when the ref is not parked. */
  free(ref: string): boolean {
    const node = this.#parkedNodes.get(ref);
    if (node === undefined) return false;
    this.#unpark(node, ref);
    if (node.lane !== null) this.#refresh(node.lane);
    return true;
  }

  /**
   * An entry that was parked elsewhere holds this key.
   * @param id Its entry id. Default: what follows the last NUL of the ref, without `r:`.
   * @returns False when the ref is already parked; nothing changes then.
   */
  blockParked(ref: string, key: string, id: string = ref.slice(ref.lastIndexOf("\0") + 1)): boolean {
    if (this.#parkedNodes.has(ref)) return false;
    const lane = this.#laneOf(key);
    this.#park(new LaneNode<T>(null, id, lane, this.#open, this.#turns++), lane, ref);
    this.#refresh(lane);
    return true;
  }

  /** True while this ref is parked and holds a key. */
  isParked(ref: string): boolean {
    return this.#parkedNodes.has(ref);
  }

  /** Removes one that waits. O(waiting) for one without a key. @returns False when it does not wait. */
  withdraw(item: T): boolean {
    const node = item.node as LaneNode<T> | null;
    if (node?.state !== "waiting") return false;
    this.#removeWaiting([node]);
    return true;
  }

  /** Removes at most `n` that wait, newest first, those behind a parked entry before all others. O(waiting). */
  spill(n: number): T[] {
    const behind: LaneNode<T>[] = [];
    const others: LaneNode<T>[] = [];
    for (const node of this.#allWaiting()) (isBehindParked(node) ? behind : others).push(node);
    const newestFirst = (a: LaneNode<T>, b: LaneNode<T>): number => compareOrdered(b, a);
    const chosen = behind.sort(newestFirst).slice(0, Math.max(0, n));
    if (chosen.length < n) chosen.push(...others.sort(newestFirst).slice(0, n - chosen.length));
    return this.#removeWaiting(chosen);
  }

  /** Removes all that wait, in the order in which it came. What is parked still holds its key. */
  drainWaiting(): T[] {
    return this.#removeWaiting(this.#allWaiting().sort((a, b) => a.turn - b.turn));
  }

  #allWaiting(): LaneNode<T>[] {
    const nodes: LaneNode<T>[] = [];
    for (const source of [this.#open, this.#alone, ...this.#sources.values()]) {
      for (const node of source.items.values()) nodes.push(node);
    }
    for (const lane of this.#lanes.values()) {
      for (const node of lane.waiting.values()) nodes.push(node);
    }
    return nodes;
  }

  #pick(): LaneNode<T> | null {
    if (this.#alone.running > 0) return null;
    if (!hasReady(this.#alone)) return this.#pickOther();
    const other = this.#othersLeft > 0 ? this.#pickOther() : null;
    if (other !== null) {
      this.#othersLeft--;
      return other;
    }
    this.#othersLeft = 0;
    return this.#running === 0 ? this.#next(this.#alone) : null;
  }

  #pickOther(): LaneNode<T> | null {
    const source = this.#turn.shift();
    if (source === undefined) return null;
    source.listed = false;
    return this.#next(source);
  }

  /** The next of a source that has something ready. */
  #next(source: Source<T>): LaneNode<T> {
    const useLane = source.lanes.size > 0 && (source.laneTurn || source.items.size === 0);
    source.laneTurn = !useLane;
    if (!useLane) return source.items.shift()!;
    const lane = source.lanes.shift()!;
    lane.ready = null;
    lane.running = true;
    return lane.waiting.shift()!;
  }

  #start(node: LaneNode<T>): T {
    node.state = "running";
    this.#waiting--;
    this.#running++;
    node.source.running++;
    this.#list(node.source);
    return node.item!;
  }

  /** Gives a source its turn when it has something ready and room under its cap. */
  #list(source: Source<T>): void {
    if (source.listed || source === this.#alone || source.running >= source.limit || !hasReady(source)) return;
    source.listed = true;
    this.#turn.push(source);
  }

  /** Puts a lane where its first entry can be started from, or nowhere; forgets a lane that holds nothing. */
  #refresh(lane: Lane<T>): void {
    const ready = startable(lane)?.source ?? null;
    if (ready !== lane.ready) {
      if (lane.ready !== null) this.#withdraw(lane, lane.ready);
      lane.ready = ready;
      ready?.lanes.push(lane);
      if (ready !== null) this.#list(ready);
    }
    if (!lane.running && lane.waiting.size === 0 && lane.parked.size === 0) this.#leave(lane);
  }

  /** Most keys come again soon, and a lane that is kept need not be made anew; but strangers choose the keys. */
  #leave(lane: Lane<T>): void {
    if (lane.idle) return;
    if (lane.key.length > LONGEST_KEPT_KEY) {
      this.#lanes.delete(lane.key);
      return;
    }
    lane.idle = true;
    if (++this.#idle <= MOST_IDLE) return;
    for (const one of [...this.#lanes.values()]) if (one.idle) this.#lanes.delete(one.key);
    this.#idle = 0;
  }

  #withdraw(lane: Lane<T>, source: Source<T>): void {
    source.lanes.retain((other) => other !== lane);
    this.#unlist(source);
  }

  /** Takes a source that has nothing ready out of the ring, so that whoever stands in it can start something. */
  #unlist(source: Source<T>): void {
    if (!source.listed || hasReady(source)) return;
    source.listed = false;
    this.#turn.retain((other) => other !== source);
  }

  #park(node: LaneNode<T>, lane: Lane<T>, ref: string): void {
    node.park(ref);
    this.#parkedNodes.set(ref, node);
    lane.parked.add(node);
    this.#parked++;
    if (lane.parked.size === 1) this.#blocked++;
  }

  #unpark(node: LaneNode<T>, ref: string): void {
    this.#parkedNodes.delete(ref);
    if (!node.lane?.parked.remove(node)) return;
    this.#parked--;
    if (node.lane.parked.size === 0) this.#blocked--;
  }

  #removeWaiting(nodes: readonly LaneNode<T>[]): T[] {
    const lanes = new Set<Lane<T>>();
    const sources = new Set<Source<T>>();
    for (const node of nodes) {
      if (node.lane === null) sources.add(node.source);
      else if (node.lane.waiting.remove(node)) lanes.add(node.lane);
    }
    this.#waiting -= nodes.length;
    const removed = new Set(nodes);
    for (const source of sources) {
      source.items.retain((node) => !removed.has(node));
      this.#unlist(source);
    }
    for (const lane of lanes) this.#refresh(lane);
    return nodes.map(({ item }) => {
      item!.node = null;
      return item!;
    });
  }

  #laneOf(key: string): Lane<T> {
    const known = this.#lanes.get(key);
    if (known !== undefined) {
      if (known.idle) this.#idle--;
      known.idle = false;
      return known;
    }
    const lane = makeLane<T>(key);
    this.#lanes.set(key, lane);
    return lane;
  }

  #sourceOf({ alone, cap }: T): Source<T> {
    if (alone) return this.#alone;
    if (cap === null) return this.#open;
    const known = this.#sources.get(cap.group);
    if (known !== undefined) return known;
    const source = makeSource<T>(Math.max(1, cap.limit));
    this.#sources.set(cap.group, source);
    return source;
  }
}
