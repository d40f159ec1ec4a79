/**
 * Reads that wait for new entries, served in the order in which they came, at the moment of the append: as Redis does.
 * @module
 */
import type { Clock } from "../../clock.ts";
import type { Delivery } from "../port.ts";
import type { GroupView } from "./group_view.ts";

interface Waiter {
  readonly view: GroupView;
  readonly consumer: string;
  readonly count: number;
  readonly finish: (deliveries: readonly Delivery[]) => void;
  readonly fail: (error: Error) => void;
}

/** The blocked reads of one broker. */
export class BlockedReads {
  readonly #waiters = new Set<Waiter>();
  readonly #clock: Clock;

  /** @param clock Ends the waits. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Waits for new entries.
   * @returns Empty after `blockMs` or when the signal aborts.
   * @throws {StoreRefusedError} Stream or group goes away. @throws {StoreUnavailableError} The store goes away.
   */
  wait(
    view: GroupView,
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal,
  ): Promise<readonly Delivery[]> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiters.delete(waiter);
        cancel();
        signal.removeEventListener("abort", onAbort);
      };
      const finish = (deliveries: readonly Delivery[]): void => {
        end();
        resolve(deliveries);
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const waiter: Waiter = { view, consumer, count, finish, fail };
      const onAbort = (): void => finish([]);
      const cancel = this.#clock.after(blockMs, onAbort);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Gives new entries of a stream to those who wait for them. */
  serve(stream: string): void {
    for (const { view, consumer, count, finish } of [...this.#waiters]) {
      if (view.stream !== stream || view.log === undefined || view.state === undefined) continue;
      const deliveries = view.deliverNew(view.state, view.log, consumer, count);
      if (deliveries.length > 0) finish(deliveries);
    }
  }

  /** Ends the reads that fit with an error. */
  fail(fits: (stream: string, group: string) => boolean, error: Error): void {
    for (const { view, fail } of [...this.#waiters]) if (fits(view.stream, view.group)) fail(error);
  }
}
