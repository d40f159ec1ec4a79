/**
 * Starts attempts: at most so many at once in the whole process, one at a time per ordering key, suspects alone.
 *
 * The decisions are those of `delivery/lanes.ts`; this class only obeys them.
 * @module
 */
import { type LaneItem, Lanes } from "../delivery/lanes.ts";

/** Something to be run. */
export interface Runnable extends LaneItem {
  /** Runs to the end, tells it once, never throws. `parked`: the key stays blocked until the ref comes again or is freed. */
  run(ended: (item: Runnable, end: "free" | "parked") => void): void;
  /** Whoever must be told, durably, before these start; null when nobody. */
  readonly owner: RunnableOwner;
}

/** See {@link Runnable.owner}. */
export interface RunnableOwner {
  /** @returns Null to start at once, else a promise to wait for; it never rejects. */
  beforeStart(starting: readonly Runnable[]): Promise<void> | null;
}

const PARKED = { parked: true } as const;
const FREE = { parked: false } as const;
const NOTHING: readonly Runnable[] = [];

/** See the module's text. */
export class Dispatcher {
  readonly #lanes: Lanes<Runnable>;
  readonly #concurrency: number;
  #running = 0;
  #pumpQueued = false;
  #open = true;
  #paused = false;
  readonly #idle: (() => void)[] = [];

  /** @param concurrency Most attempts at once, 1 or more. */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.#lanes = new Lanes<Runnable>();
  }

  /** Attempts running now. */
  get running(): number {
    return this.#running;
  }

  /** True while more attempts could be started, were there any that may. */
  get hasRoom(): boolean {
    return this.#open && !this.#paused && this.#running < this.#concurrency;
  }

  /** How many more are worth submitting: few while something runs alone, or is about to. */
  get appetite(): number {
    return this.#lanes.appetite;
  }

  /** Submitted and not started. */
  get waiting(): number {
    return this.#lanes.waiting;
  }

  /** Adds what may run, in stream order. */
  submit(items: readonly Runnable[]): void {
    for (const item of items) this.#lanes.push(item);
    this.#queuePump();
  }

  /** Blocks a key: an entry of it is parked and must go first. */
  blockParked(ref: string, key: string): void {
    this.#lanes.blockParked(ref, key);
  }

  /** True while this entry is parked and holds its key. */
  isParked(ref: string): boolean {
    return this.#lanes.isParked(ref);
  }

  /** Takes one out again that has not started. @returns False: it does not wait. */
  withdraw(item: Runnable): boolean {
    return this.#lanes.withdraw(item);
  }

  /** A parked entry will not come back (lost, or settled elsewhere): its key may go on. */
  free(ref: string): void {
    this.#lanes.free(ref);
    this.#queuePump();
  }

  /** Takes up to `n` of the owner's waiting items out again, those behind a parked one first. */
  spill(n: number, owner: RunnableOwner): readonly Runnable[] {
    const items = this.#lanes.spill(n);
    for (const item of items) if (item.owner !== owner) this.#lanes.push(item);
    return items.filter((item) => item.owner === owner);
  }

  /** Stops (false) or goes on (true) starting attempts. */
  setOpen(open: boolean): void {
    this.#open = open;
    if (open) this.#queuePump();
  }

  /** Starts nothing (true) until it may again (false); apart from {@link setOpen}, which the end of the service uses. */
  pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (!paused) this.#queuePump();
  }

  /** Takes out everything that waits and fits. */
  removeWaiting(fits: (item: Runnable) => boolean): readonly Runnable[] {
    const all = this.#lanes.drainWaiting();
    const kept = all.filter((item) => !fits(item));
    for (const item of kept) this.#lanes.push(item);
    return all.filter(fits);
  }

  /** Resolves when nothing runs, or when the signal aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    while (this.#running > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #queuePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(this.#pump);
  }

  /** Handlers are called from here with as little as possible in between: an error costs more, the deeper its stack is. */
  readonly #pump = (): void => {
    this.#pumpQueued = false;
    const starting = this.#take();
    if (starting.length === 0) return;
    const { owner } = starting[0]!;
    // Most services have one stream.
    if (starting.some((item) => item.owner !== owner)) return this.#beginEach(starting);
    const told = owner.beforeStart(starting);
    if (told !== null) return void told.then(() => this.#run(starting));
    for (const item of starting) item.run(this.#ended);
  };

  #take(): readonly Runnable[] {
    const room = this.#concurrency - this.#running;
    if (!this.#open || this.#paused || room <= 0) return NOTHING;
    const starting = this.#lanes.take(room);
    this.#running += starting.length;
    return starting;
  }

  #beginEach(starting: readonly Runnable[]): void {
    for (const [owner, items] of groupByOwner(starting)) {
      const told = owner.beforeStart(items);
      if (told === null) this.#run(items);
      else void told.then(() => this.#run(items));
    }
  }

  #run(items: readonly Runnable[]): void {
    for (const item of items) item.run(this.#ended);
  }

  /** One for all: a closure for each start would be garbage for each. */
  readonly #ended = (item: Runnable, end: "free" | "parked"): void => {
    this.#running--;
    this.#lanes.finish(item, end === "parked" ? PARKED : FREE);
    this.#queuePump();
    if (this.#running === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
  };
}

function groupByOwner(items: readonly Runnable[]): Map<RunnableOwner, Runnable[]> {
  const groups = new Map<RunnableOwner, Runnable[]>();
  for (const item of items) {
    const group = groups.get(item.owner);
    if (group) group.push(item);
    else groups.set(item.owner, [item]);
  }
  return groups;
}
