/**
 * Everything that works on one stream: the consumer and the loops around it, started and stopped in order.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import { accountantLoop } from "./accountant.ts";
import { StreamConsumer } from "./consumer.ts";
import type { ConsumerOptions } from "./consumer_options.ts";
import { Judgement } from "./judgement.ts";
import { keeperLoop } from "./keeper.ts";
import type { Loop } from "./loop.ts";
import { Membership } from "./membership.ts";
import { promoterLoop } from "./promoter.ts";
import { Reader } from "./reader.ts";
import { reaperLoop } from "./reaper.ts";
import { Retrier } from "./retrier.ts";
import { BeatNews } from "./beat_news.ts";
import { trimmerLoop } from "./trimmer.ts";

/** What a worker is made of. */
export interface WorkerOptions extends Omit<ConsumerOptions, "membership"> {
  readonly baseName: string;
  readonly startId: string;
  readonly leaseMs: number;
  readonly batchSize: number;
  readonly blockMs: number;
  readonly retention: { readonly maxLength: number; readonly maxAgeMs: number };
  /** False: publishes only. */
  readonly consuming: boolean;
  /** Whether the stream's work goes over the link of that name. Default: over all. */
  readonly concerns?: (link: string) => boolean;
}

/** A loop that has not ended a step for this long is wedged, ms. Every call in a step has a bound far below. */
const STALL_MS = 60_000;

/** See the module's text. */
export class StreamWorker {
  readonly store: StreamStore;
  readonly consumer: StreamConsumer;
  readonly membership: Membership;
  readonly beatNews: BeatNews;
  readonly #clock: Clock;
  readonly #judgement: Judgement;
  readonly #reader: Reader;
  readonly #retrier: Retrier;
  readonly #keeper: Loop;
  readonly #promoter: Loop;
  readonly #consuming: Loop[];
  readonly #keeping: Loop[];
  readonly #unlisten: () => void;
  #started = false;
  #consumes: boolean;

  /** @param options See {@link WorkerOptions}. Does no I/O. */
  constructor(options: WorkerOptions) {
    const { store, clock, random, happenings, leaseMs, batchSize, blockMs, retention } = options;
    this.store = store;
    this.#clock = clock;
    this.#consumes = options.consuming;
    this.#judgement = new Judgement(clock, leaseMs);
    this.membership = new Membership({ store, baseName: options.baseName, startId: options.startId, leaseMs });
    const membership = this.membership;
    this.consumer = new StreamConsumer({ ...options, membership });
    const beatNews = this.beatNews = new BeatNews(clock);
    const shared = { store, clock, random, happenings, membership, beatNews, consumer: this.consumer };
    this.#reader = new Reader({
      ...shared,
      batchSize,
      blockMs,
      leaseMs,
      onGroupBack: () => this.#retrier.checkNow(),
    });
    this.#retrier = new Retrier(shared);
    this.#promoter = promoterLoop(shared);
    this.#keeper = keeperLoop({
      ...shared,
      membership: options.consuming ? membership : null,
      judgement: this.#judgement,
      leaseMs,
      onFenced: (name) => this.consumer.fenced(name),
      onNews: (news) => beatNews.saw(news),
    });
    const reaper = reaperLoop({ ...shared, judgement: this.#judgement, leaseMs });
    this.#consuming = options.consuming ? [this.#reader.loop, this.#retrier.loop, reaper] : [];
    const accountant = options.consuming ? [accountantLoop(shared)] : [];
    this.#keeping = [trimmerLoop({ ...shared, ...retention }), this.#promoter, ...accountant];
    this.consumer.connect({
      onParked: (delayMs) => this.#retrier.parked(delayMs),
      onFenced: () => {
        this.#retrier.reset();
        this.#reader.renew();
        // A lease that was destroyed, not taken over, leaves what it held to whoever looks first.
        reaper.wake();
      },
    });
    this.#unlisten = this.#hearLinks(happenings, options.concerns ?? (() => true));
  }

  /** Starts every loop. They fail and back off by themselves while the store is away. */
  start(): void {
    this.#started = true;
    for (const loop of [this.#keeper, ...this.#keeping, ...this.#consuming]) loop.start();
  }

  /** An event was delayed: the promoter must know when it is due. */
  delayed(): void {
    this.#promoter.wake();
  }

  /** The store has been up for a lease and more: a fresh process may judge others at once. */
  trustStart(): void {
    this.#judgement.trustStart();
  }

  /** Stops (true) or goes on (false) reading and retrying. */
  pause(paused: boolean): void {
    this.#reader.pause(paused);
    this.#retrier.pause(paused);
  }

  /** Names of loops that are wedged. */
  stalled(): readonly string[] {
    if (!this.#started) return [];
    const now = this.#clock.monotonic();
    return [this.#keeper, ...this.#consuming, ...this.#keeping]
      .filter((loop) => loop.stepping && now - loop.progressAt > STALL_MS).map((loop) => loop.name);
  }

  /** Stops bringing entries in; waits until the loops have ended, at most until the signal aborts. */
  async stopIntake(signal: AbortSignal): Promise<void> {
    const stopping = [...this.#consuming, ...this.#keeping].map((loop) => loop.stop());
    await Promise.race([Promise.all(stopping), aborted(signal)]);
    this.consumer.close();
  }

  /**
   * Hands back what is left and ends the membership.
   * @returns How many entries could not be handed back.
   */
  async retire(signal: AbortSignal): Promise<number> {
    const held = (): number => this.consumer.held;
    try {
      if (!this.#consumes || !this.membership.joined) return held();
      const retired = await Promise.race([this.store.retire(this.membership.name), aborted(signal)]);
      if (!retired) return held();
      this.membership.leave();
      return retired.pending;
    } catch {
      return held();
    }
  }

  /** Stops the rest. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#unlisten();
    this.consumer.stop();
    await Promise.race([this.#keeper.stop(), aborted(signal)]);
  }

  /** Others say nothing of this stream: a node that stays away must not keep us from judging those of another one. */
  #hearLinks(happenings: Happenings, concerns: (link: string) => boolean): () => void {
    return happenings.listen((happening) => {
      if (happening.kind !== "link" || !concerns(happening.channel)) return;
      this.#judgement.disturb();
      if (happening.state === "lost") {
        this.#reader.recoverNext();
        this.#retrier.recheckNext();
      }
      if (happening.state !== "ready") return;
      for (const loop of [this.#keeper, ...this.#consuming, ...this.#keeping]) loop.wake();
    }, ["link"]);
  }
}

/** Resolves, with nothing, when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}
