/**
 * Obeys a pause of the group, within a second in every replica: the beats see the durable flag in passing; where they
 * do not, it is asked for twice a second.
 *
 * While paused, running handlers finish, nothing else starts, nothing new is read and retries wait; leases, schedules
 * and publishing go on, and the service stays ready.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { StoreRefusedError } from "../errors.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamAdmin } from "../store/admin_port.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Loop } from "./loop.ts";
import type { BeatNews } from "./beat_news.ts";

/** One stream as far as a pause concerns it. */
export interface Pausable {
  readonly admin: Pick<StreamAdmin, "stream" | "pausedSince">;
  /** Stops (true) or goes on (false) reading and retrying. */
  readonly pause: (paused: boolean) => void;
  /** Beats that see the flag in passing. Default: it is asked for. */
  readonly beatNews?: BeatNews;
}

/** What a {@link PauseWatch} is made of. */
export interface PauseWatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly streams: readonly Pausable[];
  readonly dispatcher: Pick<Dispatcher, "pause">;
}

/** Half of what a pause may take, with room for the answer and for ending a read that waits. */
const PERIOD_MS = 400;
/** So seldom where the beats of every stream tell, ms. */
const SELDOM_MS = 60_000;

/** See the module's text. */
export class PauseWatch {
  readonly loop: Loop;
  readonly #o: PauseWatchOptions;
  readonly #paused = new Set<string>();

  /** @param options See {@link PauseWatchOptions}. */
  constructor(options: PauseWatchOptions) {
    this.#o = options;
    const { clock, random, happenings } = options;
    this.loop = new Loop({
      name: "pause",
      clock,
      random,
      happenings,
      step: async () => {
        await this.check();
        return this.#told ? SELDOM_MS : PERIOD_MS;
      },
    });
    for (const stream of options.streams) {
      stream.beatNews?.listen((news) => {
        if (news === null) return this.loop.wake();
        if (news.paused === this.#paused.has(stream.admin.stream)) return;
        this.#obey(stream, news.paused);
        this.#o.dispatcher.pause(this.paused);
      });
    }
  }

  /** True while every stream is paused. */
  get paused(): boolean {
    return this.#o.streams.length > 0 && this.#paused.size === this.#o.streams.length;
  }

  /** Asks now, and obeys. While the store does not answer, all stays as it is. @throws {StoreUnavailableError} */
  async check(): Promise<void> {
    await Promise.all(this.#o.streams.map((stream) => this.#checkOne(stream)));
    // What is held and has not started cannot be told apart by stream; only where all are paused does all of it wait.
    this.#o.dispatcher.pause(this.paused);
  }

  async #checkOne(stream: Pausable): Promise<void> {
    this.#obey(stream, await this.#wanted(stream.admin));
  }

  /** True while the beats of every stream tell. */
  get #told(): boolean {
    return this.#o.streams.every(({ beatNews }) => (beatNews?.latest ?? null) !== null);
  }

  #obey({ admin, pause }: Pausable, wanted: boolean): void {
    if (wanted === this.#paused.has(admin.stream)) return;
    if (wanted) this.#paused.add(admin.stream);
    else this.#paused.delete(admin.stream);
    pause(wanted);
    this.#o.happenings.emit({ kind: "paused", stream: admin.stream, paused: wanted });
  }

  /** A user who may not read the flag, or a key of another type, must not stop the service for good. */
  async #wanted(admin: Pausable["admin"]): Promise<boolean> {
    try {
      return await admin.pausedSince() !== null;
    } catch (error) {
      if (error instanceof StoreRefusedError && (error.reason === "permission" || error.reason === "wrong_type")) {
        return false;
      }
      throw error;
    }
  }
}
