/**
 * Single appends that come while others are under way go together, in one script call: a call costs Redis, and us, several
 * times what one event more in it does. Where nothing is under way, nothing waits for longer than a turn of the event loop.
 * @module
 */
import { type Clock, turn } from "../../clock.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Appended, AppendItem } from "../port.ts";

/** Appends items of this window, all or none. @param waitedMs How long the first of them has waited. */
export type AppendTogether = (
  items: readonly AppendItem[],
  windowMs: number,
  waitedMs: number,
) => Promise<readonly Appended[]>;

interface Waiting {
  readonly item: AppendItem;
  readonly windowMs: number;
  readonly sinceMs: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls under way: one is worked on, one is on its way. */
const UNDER_WAY = 2;
/** Most events of one call, and most bytes of them; one of any size goes. */
const MOST_TOGETHER = 100;
const MOST_BYTES = 1_048_576;
/** Most events that wait; more would wait for longer than anybody does. */
const MOST_WAITING = 10_000;

/** See the module's text. Nothing that Redis refuses concerns one item alone, so that they may well share a call. */
export class GatheredAppends {
  readonly #append: AppendTogether;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;

  /** Does no I/O. @param append Called for each turn. */
  constructor(append: AppendTogether, clock: Clock) {
    this.#append = append;
    this.#clock = clock;
  }

  /**
   * Appends one item, with others that come at the same time.
   * @param item Checked, not delayed. @throws Whatever the call throws.
   */
  append(item: AppendItem, windowMs: number): Promise<Appended> {
    if (this.#waiting.length >= MOST_WAITING) {
      const message = `appending: found ${MOST_WAITING} appends that wait, want fewer`;
      return Promise.reject(new StoreUnavailableError("timeout", message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    this.#waiting.push({ item, windowMs, sinceMs: this.#clock.monotonic(), resolve, reject });
    this.#schedule();
    return promise;
  }

  /** Sends what waits, so that what is sent next comes after it. */
  flush(): void {
    const now = this.#clock.monotonic();
    while (this.#waiting.length > 0) void this.#send(this.#take(), now);
  }

  /**
   * When all has been heard that has come by now: requests of different connections come one after the other, each with
   * microtasks of its own, and would else go alone, the more calls the more of them there are.
   */
  #schedule(): void {
    if (this.#scheduled || this.#underWay >= UNDER_WAY) return;
    this.#scheduled = true;
    // The turn itself is not waited for Redis: a process that was busy for seconds must not leave a call without time.
    const now = this.#clock.monotonic();
    void turn().then(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#underWay < UNDER_WAY) void this.#send(this.#take(), now);
    });
  }

  /** The first ones with the same window. */
  #take(): readonly Waiting[] {
    const { windowMs, item } = this.#waiting[0]!;
    const most = Math.min(MOST_TOGETHER, this.#waiting.length);
    let [count, bytes] = [1, sizeOf(item)];
    for (; count < most; count++) {
      const next = this.#waiting[count]!;
      bytes += sizeOf(next.item);
      if (next.windowMs !== windowMs || bytes > MOST_BYTES) break;
    }
    return this.#waiting.splice(0, count);
  }

  /** @param untilMs Until when it has waited, monotonic. */
  async #send(together: readonly Waiting[], untilMs: number): Promise<void> {
    this.#underWay++;
    try {
      const { windowMs, sinceMs } = together[0]!;
      const waitedMs = Math.max(0, untilMs - sinceMs);
      const appended = await this.#append(together.map(({ item }) => item), windowMs, waitedMs);
      together.forEach(({ resolve }, index) => resolve(appended[index]!));
    } catch (error) {
      for (const { reject } of together) reject(error);
    } finally {
      this.#underWay--;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}

/** Bytes, or characters, of all values. */
function sizeOf({ fields }: AppendItem): number {
  let size = 0;
  for (const field of fields) size += field.length;
  return size;
}
