/**
 * Reads new entries while there is room, and brings stream, group and registration back when they are gone.
 * @module
 */
import { type Clock, type Random, turn } from "../clock.ts";
import { ReadSize } from "../delivery/read_size.ts";
import { causeOf } from "../errors.ts";
import type { Fields } from "../events/event.ts";
import type { Happenings } from "../happenings.ts";
import type { Delivery, StreamStore } from "../store/port.ts";
import type { StreamConsumer } from "./consumer.ts";
import { Loop } from "./loop.ts";
import type { Membership } from "./membership.ts";
import type { BeatNews } from "./beat_news.ts";

/** What a reader is made of. */
export interface ReaderOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly membership: Membership;
  readonly consumer: StreamConsumer;
  readonly beatNews: BeatNews;
  /** Most entries of one read. */
  readonly batchSize: number;
  /** How long a read waits for new entries, ms. */
  readonly blockMs: number;
  readonly leaseMs: number;
  /** Stream or group was gone and is there again. */
  readonly onGroupBack: () => void;
}

/** While nothing can be read for lack of room, the group is still looked after this often, ms. */
const FULL_CHECK_MS = 1_000;
/**
 * The store is asked this often, ms, for entries that we hold without knowing. Asking after the loss of a connection is
 * not enough: what was sent over a lost connection may be executed long after it, and a server that has not noticed the
 * loss goes on serving the read that waits there.
 */
const RECOVER_EVERY_MS = 5_000;
/** What may be held is read in so many parts: while one is handled another is on its way, and a third being settled. */
const PARTS = 3;
/** So many reads in a row are each asked for before what the last one brought is handled; then all else is looked at. */
const MOST_AHEAD = 32;
/** The same as time, ms: each of them may wait for its entries, and a step that takes long passes for a stall. */
const AHEAD_MS = 1_000;
/** What is held must have been stuck behind parked entries for this long before some of it is parked too, ms. */
const STUCK_MS = 250;

/** A read under way. */
interface Asked {
  readonly name: string;
  readonly count: number;
  /** Gives back the room that was kept for it. */
  readonly giveBack: () => void;
  readonly reply: Promise<readonly Delivery[]>;
}

/** See the module's text. */
export class Reader {
  readonly loop: Loop;
  readonly #o: ReaderOptions;
  readonly #size = new ReadSize();
  #groupKnown = false;
  #groupLost = false;
  #createdBefore = false;
  #recoverDue = false;
  #recoveredAt: number;
  #paused = false;
  /** The last read brought all that was asked for. */
  #full = false;
  /** Ends the read under way. */
  #ending = new AbortController();
  #linked = false;
  /** The first read after a start or a failure does not wait, so that health knows at once. */
  #proven = false;
  /** Monotonic ms since when there has been no room; null while there is. */
  #fullSince: number | null = null;
  /** What had been settled by then. */
  #releasedThen = 0;
  #checkedAt = 0;

  /** @param options See {@link ReaderOptions}. */
  constructor(options: ReaderOptions) {
    this.#o = options;
    const { clock, random, happenings, store } = options;
    this.#recoveredAt = clock.monotonic();
    this.loop = new Loop({
      name: `reader:${store.stream}`,
      clock,
      random,
      happenings,
      step: (signal) => this.#step(signal),
      onError: (error) => this.#failed(error),
    });
  }

  /** Entries may have been delivered in a reply that was lost: ask the store before the next read. */
  recoverNext(): void {
    this.#recoverDue = true;
    this.loop.wake();
  }

  /** Stops (true) or goes on (false) reading new entries. */
  pause(paused: boolean): void {
    this.#paused = paused;
    // A read that waits would still bring in what comes next.
    if (paused) this.#ending.abort();
    else if (this.#ending.signal.aborted) this.#ending = new AbortController();
    this.loop.wake();
  }

  /** The name is void: the read under way brings in nothing that is ours, and the next name is needed now. */
  renew(): void {
    this.#ending.abort();
    if (!this.#paused) this.#ending = new AbortController();
    this.loop.wake();
  }

  async #step(signal: AbortSignal): Promise<number> {
    const { membership, consumer, clock } = this.#o;
    await this.#ensureGroup();
    await membership.join();
    // All of it before anything newer is read: an order key may be among it.
    if (await this.#recover()) return 0;
    // Taken over meanwhile: what is read under a name that is not registered is nobody's.
    if (!membership.joined) return 0;
    if (this.#paused) return this.#whilePaused();
    let asked = !consumer.overParked && this.#hasRoom() ? this.#ask(signal, 0) : null;
    if (asked === null) return await this.#waitForRoom(signal);
    const untilMs = clock.monotonic() + AHEAD_MS;
    for (let left = MOST_AHEAD; asked !== null; left--) {
      asked = await this.#takeIn(asked, signal, left > 0 ? untilMs : -Infinity);
    }
    return 0;
  }

  /** @param coming Entries that are about to be held. @returns Null: there is no room. */
  #ask(signal: AbortSignal, coming: number): Asked | null {
    const { store, membership, consumer, batchSize, blockMs } = this.#o;
    const { appetite, roomForNew, held } = consumer;
    const room = Math.min(roomForNew - coming, appetite);
    if (room <= 0) return null;
    const part = Math.max(1, Math.floor((roomForNew + held) / PARTS));
    const wanted = this.#size.count(Math.min(batchSize, part, room));
    const { count, replays } = this.#share(wanted, roomForNew - coming, held + coming);
    if (count === 0) return null;
    const giveBack = consumer.reserve(replays ? 2 * count : count);
    const { signal: ending } = this.#endingWith(signal);
    const { name } = membership;
    const waitMs = this.#proven && replays ? blockMs : 0;
    return { name, count, giveBack, reply: store.read(name, count, waitMs, ending, replays) };
  }

  /**
   * As many replays as entries may come, at any time. Where there is no room for both, a read in a backlog leaves replays
   * out, and does not wait, while the beats tell of none; any other asks for less.
   */
  #share(wanted: number, room: number, held: number): { readonly count: number; readonly replays: boolean } {
    if (2 * wanted <= room) return { count: wanted, replays: true };
    if (this.#full && this.#o.beatNews.latest?.replays === false) return { count: wanted, replays: false };
    // Where nothing is held one is read, even if no more than one may be held.
    return { count: Math.max(held === 0 ? 1 : 0, Math.floor(room / 2)), replays: true };
  }

  /**
   * @param untilMs Nothing is asked for any more from then on, monotonic.
   * @returns The next read, asked for before these entries take all there is of the processor.
   */
  async #takeIn({ name, count, giveBack, reply }: Asked, signal: AbortSignal, untilMs: number): Promise<Asked | null> {
    const { store, membership, consumer, happenings, clock } = this.#o;
    let deliveries: readonly Delivery[];
    try {
      deliveries = await reply;
      // Settlements may have been answered with it, and make the room that the next read needs; they have a longer way.
      if (deliveries.length >= count && !this.#isRoomUseful()) await turn();
    } finally {
      // No earlier: what came lies here, held by nobody, while the entries before it are still being taken in.
      giveBack();
    }
    this.#proven = true;
    this.#size.learn(deliveries.length, bytesOf(deliveries));
    happenings.emit({ kind: "read", stream: store.stream, count: deliveries.length });
    this.#full = deliveries.length >= count;
    if (name !== membership.name) return null;
    const more = this.#full && !signal.aborted && clock.monotonic() < untilMs;
    const next = more && this.#maySkipStep(deliveries.length) ? this.#ask(signal, deliveries.length) : null;
    // Heard when it is waited for; until then nobody may call it unheard.
    next?.reply.catch(() => {});
    if (deliveries.length > 0) await consumer.accept(deliveries);
    return next;
  }

  /** Nothing is to be done before the next read, and there is room for a useful one. @param coming See {@link #ask}. */
  #maySkipStep(coming: number): boolean {
    const { membership, consumer, clock } = this.#o;
    if (!membership.joined || this.#paused || this.#recoverDue || this.#recoverByTime(clock.monotonic())) return false;
    return !consumer.overParked && consumer.appetite === Infinity && consumer.roomForNew - coming >= this.#useful();
  }

  /** What ends a read: the end of the loop, or a pause. Linked once: a combined signal a read would pile up. */
  #endingWith(stop: AbortSignal): AbortController {
    if (!this.#linked) stop.addEventListener("abort", () => this.#ending.abort(), { once: true });
    this.#linked = true;
    if (stop.aborted) this.#ending.abort();
    return this.#ending;
  }

  /** The group is looked after, so that the service stays ready, truthfully. */
  #whilePaused(): number {
    const { happenings, store } = this.#o;
    happenings.emit({ kind: "read", stream: store.stream, count: 0 });
    this.#groupKnown = false;
    return FULL_CHECK_MS;
  }

  /** Room for a useful read. What has been stuck behind parked entries is parked too rather than hold up all else. */
  #hasRoom(): boolean {
    const { consumer, clock } = this.#o;
    if (this.#isRoomUseful()) {
      this.#fullSince = null;
      return true;
    }
    const useful = this.#useful();
    const now = clock.monotonic();
    if (this.#fullSince !== null && now - this.#fullSince < STUCK_MS) return false;
    // Where short waits end by themselves, parking what stands behind them would only make them longer.
    const moved = consumer.released - this.#releasedThen;
    if (this.#fullSince !== null && moved < useful && consumer.stuck) consumer.spill(useful);
    this.#fullSince = now;
    this.#releasedThen = consumer.released;
    return false;
  }

  #isRoomUseful(): boolean {
    return this.#o.consumer.roomForNew >= this.#useful();
  }

  /** A read of fewer costs more than it brings. */
  #useful(): number {
    const { consumer, batchSize } = this.#o;
    return Math.max(1, Math.min(batchSize, Math.floor((consumer.room + consumer.held) / 4)));
  }

  async #waitForRoom(signal: AbortSignal): Promise<number> {
    const { consumer, clock, happenings, store } = this.#o;
    await consumer.roomChanged(consumer.stuck ? STUCK_MS : FULL_CHECK_MS, signal);
    const now = clock.monotonic();
    if (now - this.#checkedAt < FULL_CHECK_MS) return 0;
    this.#checkedAt = now;
    this.#groupKnown = false;
    happenings.emit({ kind: "read", stream: store.stream, count: 0 });
    return 0;
  }

  async #ensureGroup(): Promise<void> {
    if (this.#groupKnown) return;
    const { store, happenings } = this.#o;
    const { created } = await store.ensureGroup();
    if (created) {
      happenings.emit({ kind: "group_created", stream: store.stream, group: store.group, again: this.#createdBefore });
    }
    if (created || this.#groupLost) await this.#afterLoss();
    this.#createdBefore = true;
    this.#groupKnown = true;
    this.#groupLost = false;
  }

  /** The registration may have gone with the group; what is read without one would be nobody's. */
  async #afterLoss(): Promise<void> {
    const { store, membership, consumer, leaseMs, onGroupBack } = this.#o;
    if (membership.joined) {
      const { name } = membership;
      const { lease } = await store.beat(name, leaseMs);
      if (lease === "fenced") consumer.fenced(name);
    }
    onGroupBack();
  }

  /** @returns True when there may be more. */
  async #recover(): Promise<boolean> {
    const { store, membership, consumer, clock } = this.#o;
    const { name } = membership;
    const { room } = consumer;
    if (room === 0 || !(this.#recoverDue || this.#recoverByTime(clock.monotonic()))) return false;
    this.#recoverDue = true;
    const giveBack = consumer.reserve(room);
    let found: readonly Delivery[];
    try {
      found = await store.recover(name, consumer.heldRefs, room);
    } finally {
      giveBack();
    }
    // What has come in another way since we asked is no second delivery, whatever is being done with it now.
    const held = consumer.heldRefs;
    if (name === membership.name) await consumer.accept(found.filter(({ ref }) => !held.has(ref)));
    this.#recoveredAt = clock.monotonic();
    this.#recoverDue = found.length > 0;
    return this.#recoverDue;
  }

  /** Where a beat saw that nothing is pending for us there is nothing to find. */
  #recoverByTime(now: number): boolean {
    if (now - this.#recoveredAt < RECOVER_EVERY_MS) return false;
    return this.#o.beatNews.latest?.pending !== 0;
  }

  #failed(error: unknown): void {
    const { store, happenings } = this.#o;
    const cause = causeOf(error);
    this.#proven = false;
    this.#full = false;
    const message = error instanceof Error ? error.message : String(error);
    if (cause === "no_group" || cause === "unblocked" || cause === "wrong_type") {
      this.#groupKnown = false;
      this.#groupLost = true;
    }
    if (cause === "connection" || cause === "timeout") this.#recoverDue = true;
    happenings.emit({ kind: "read_failed", stream: store.stream, cause, message });
    // A group that is gone is made again at once; everything else backs off.
    if ((cause === "no_group" || cause === "unblocked") && this.loop.failures <= 1) this.loop.wake();
  }
}

/** What a read brought, bytes. */
function bytesOf(deliveries: readonly Delivery[]): number {
  let bytes = 0;
  // Asking for `fields` would unpack them.
  for (const one of deliveries) bytes += one.packed?.byteLength ?? sizeOf(one.fields);
  return bytes;
}

function sizeOf(fields: Fields): number {
  return fields.reduce((sum, field) => sum + field.length, 0);
}
