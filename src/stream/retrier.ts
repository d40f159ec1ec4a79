/**
 * Brings parked entries back when they are due, and takes into care what others handed back.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { Claimed, News, StreamStore } from "../store/port.ts";
import type { StreamConsumer } from "./consumer.ts";
import { Loop } from "./loop.ts";
import type { Membership } from "./membership.ts";
import type { BeatNews } from "./beat_news.ts";

/** What a retrier is made of. */
export interface RetrierOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly membership: Membership;
  readonly consumer: StreamConsumer;
  readonly beatNews: BeatNews;
}

/** What another process hands back runs within a second. */
const ADOPT_EVERY_MS = 600;
const ADOPT_LIMIT = 200;
/** What is due is asked for at least this often, ms: entries may have come into our care in an answer that was lost. */
const CLAIM_EVERY_MS = 5_000;
/** So many of them at once: while they are on their way, new entries may not have the room that is kept for them. */
const CLAIM = 100;
/** Both are asked for so seldom, ms, where the beats tell that there is nothing of the kind. */
const SELDOM_MS = 120_000;
/** Without room for what is due for this long, what is stuck behind it makes room, ms. */
const STUCK_MS = 250;
/** So much at a time. */
const SPILL = 64;

/** See the module's text. */
export class Retrier {
  readonly loop: Loop;
  readonly #o: RetrierOptions;
  /** Monotonic ms at which the next own parked entry is due, as far as is known. */
  #nextDueAt = 0;
  #adoptAt = 0;
  /** Of what was parked in this turn of the event loop, the shortest wait; Infinity: nothing was. */
  #soonestMs = Infinity;
  #paused = false;
  /** The store may have gone back to a state in which it has not parked what we think it has. */
  #recheck = false;

  /** @param options See {@link RetrierOptions}. */
  constructor(options: RetrierOptions) {
    this.#o = options;
    const { clock, random, happenings, store } = options;
    this.loop = new Loop({
      name: `retrier:${store.stream}`,
      clock,
      random,
      happenings,
      step: (signal) => this.#step(signal),
    });
    options.beatNews.listen((news) => this.#heard(news));
  }

  /** An entry was parked. They come in batches; the clock is asked once for each. */
  parked(delayMs: number): void {
    if (this.#soonestMs === Infinity) queueMicrotask(() => this.#look());
    this.#soonestMs = Math.min(this.#soonestMs, delayMs);
  }

  #look(): void {
    const dueAt = this.#o.clock.monotonic() + this.#soonestMs;
    this.#soonestMs = Infinity;
    // 0: not known yet; the store is asked at once.
    if (this.#nextDueAt !== 0) {
      if (dueAt >= this.#nextDueAt) return;
      this.#nextDueAt = dueAt;
    }
    this.loop.wake();
  }

  /** Something became due in a way that nobody told. */
  checkNow(): void {
    this.#nextDueAt = 0;
    this.loop.wake();
  }

  /** The connection was lost, and another server may answer next: what it knows nothing of must not hold up its key. */
  recheckNext(): void {
    this.#recheck = true;
  }

  /** Holds retries back (true), or lets them go on. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.loop.wake();
  }

  /** Everything is void: a new name has nothing parked. */
  reset(): void {
    this.#nextDueAt = 0;
  }

  /** What the beats tell may be due before the next look; without them the looks are as often as ever. */
  #heard(news: News | null): void {
    const now = this.#o.clock.monotonic();
    if ((news === null || news.adoptable > 0) && this.#adoptAt > now) this.#adoptAt = 0;
    else if ((news === null || news.parked) && this.#nextDueAt > now + CLAIM_EVERY_MS) {
      this.#nextDueAt = now + CLAIM_EVERY_MS;
    } else return;
    this.loop.wake();
  }

  async #step(signal: AbortSignal): Promise<number> {
    const { membership, consumer, clock } = this.#o;
    if (!membership.joined || this.#paused) return ADOPT_EVERY_MS;
    if (consumer.room === 0) return await this.#waitForRoom(signal);
    if (this.#recheck) await this.#forgetAstray();
    if (clock.monotonic() >= this.#adoptAt) await this.#adopt();
    if (clock.monotonic() >= this.#nextDueAt) await this.#claim();
    return Math.max(1, Math.min(this.#nextDueAt, this.#adoptAt) - clock.monotonic());
  }

  /** All that is held may wait for the very entry that is due. */
  async #waitForRoom(signal: AbortSignal): Promise<number> {
    const { consumer } = this.#o;
    await consumer.roomChanged(STUCK_MS, signal);
    if (consumer.room === 0 && consumer.stuck) consumer.spill(SPILL);
    return consumer.room === 0 ? 1 : 0;
  }

  async #forgetAstray(): Promise<void> {
    const { store, membership, consumer } = this.#o;
    const { name } = membership;
    this.#recheck = false;
    try {
      const astray = consumer.parkedRefs.length === 0 ? [] : await store.astray(name, consumer.parkedRefs);
      if (name === membership.name) consumer.lost(astray);
    } catch (error) {
      this.#recheck = true;
      throw error;
    }
  }

  async #adopt(): Promise<void> {
    const { store, membership, consumer, clock } = this.#o;
    const name = membership.name;
    const parked = consumer.overParked ? [] : await store.adopt(name, ADOPT_LIMIT);
    const waitMs = this.#o.beatNews.pace(({ adoptable }) => adoptable === 0, ADOPT_EVERY_MS, SELDOM_MS);
    this.#adoptAt = clock.monotonic() + waitMs;
    if (parked.length === 0 || name !== membership.name) return;
    consumer.adopt(parked);
    if (parked.length === ADOPT_LIMIT) this.#adoptAt = 0;
    this.#nextDueAt = 0;
  }

  async #claim(): Promise<void> {
    const { store, membership, consumer, clock, happenings } = this.#o;
    const name = membership.name;
    const count = Math.min(consumer.room, CLAIM);
    const giveBack = consumer.reserve(count);
    // What is parked while the answer is on its way need not be in it.
    this.#nextDueAt = Infinity;
    let claimed: Claimed;
    try {
      claimed = await store.claimDue(name, count);
    } catch (error) {
      this.#nextDueAt = 0;
      throw error;
    } finally {
      giveBack();
    }
    if (claimed.state === "fenced" || name !== membership.name) this.#nextDueAt = 0;
    if (claimed.state === "fenced") return consumer.fenced(name);
    if (name !== membership.name) return;
    const longest = this.#o.beatNews.pace(({ parked }) => !parked, CLAIM_EVERY_MS, SELDOM_MS);
    const dueAt = clock.monotonic() + Math.min(claimed.nextDueInMs ?? Infinity, longest);
    this.#nextDueAt = Math.min(this.#nextDueAt, dueAt);
    // Also of what is not lost but will not come this way: it was settled by hand, or its group was made anew.
    consumer.lost(claimed.lostRefs);
    if (claimed.lost > 0) {
      happenings.emit({ kind: "store_lost", stream: store.stream, cause: "deleted", count: claimed.lost });
    }
    await consumer.accept(claimed.deliveries);
  }
}
