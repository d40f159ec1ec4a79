/**
 * Virtual time for a whole simulated world. A heap of timers and one turn of the event loop after each: what runs
 * between two timers is promises, which all settle within one turn. A reader that waits for a turn itself goes on in the
 * next one: turns come in the order in which they were asked for, so that every run is the same.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly seq: number;
  callback: (() => void) | null;
}

/** Wall time at which every simulation starts: 2023-11-14T22:13:20Z. */
export const EPOCH_MS = 1_700_000_000_000;

/** See the module's text. Timers that are due at the same time fire in the order in which they were set. */
export class VirtualClock implements Clock {
  readonly #heap: Timer[] = [];
  readonly #onTurn: () => void;
  #nowMs = 0;
  #seq = 0;

  /** @param onTurn Called after each turn, when nothing more happens at that moment. */
  constructor(onTurn: () => void = () => {}) {
    this.#onTurn = onTurn;
  }

  /** Epoch ms. */
  now(): number {
    return EPOCH_MS + this.#nowMs;
  }

  /** Monotonic ms, from 0. */
  monotonic(): number {
    return this.#nowMs;
  }

  /** As {@link Clock.after}. */
  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, ms), seq: this.#seq++, callback };
    this.#push(timer);
    return () => {
      timer.callback = null;
    };
  }

  /**
   * Lets time pass.
   * @param untilMs Monotonic ms to stop at. @param until Looked at after each turn; true stops.
   * @returns True when `until` stopped it.
   */
  async run(untilMs: number, until: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      await setImmediate();
      this.#onTurn();
      if (until()) return true;
      const timer = this.#next(untilMs);
      if (timer === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback?.();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return false;
  }

  #next(untilMs: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (first.callback !== null && first.dueMs > untilMs)) return undefined;
      this.#pop();
      if (first.callback !== null) return first;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.seq < b.seq);
}
