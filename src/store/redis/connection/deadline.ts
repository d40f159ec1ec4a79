/**
 * Bounds: on a reply, on an attempt, on a promise.
 * @module
 */
import type { Clock } from "../../../clock.ts";

/** A timer that fires later than this was held up by our own event loop. */
const STALL_MS = 100;
/** What such a timer waits on, so that a reply that lies in the socket's buffer is read before we judge. */
const GRACE_MS = 50;

/**
 * Calls back once when the time is over; not for a stall of our own event loop alone.
 * @param ms Milliseconds.
 * @returns A function that cancels; harmless when called late or twice.
 */
export function deadline(clock: Clock, ms: number, expire: () => void): () => void {
  const dueMs = clock.monotonic() + ms;
  let cancel = clock.after(ms, () => {
    if (clock.monotonic() - dueMs < STALL_MS) expire();
    else cancel = clock.after(GRACE_MS, expire);
  });
  return () => cancel();
}

/**
 * Runs with a signal of its own that aborts when the time is over or when the outer signal does, and settles by then
 * whatever the work does.
 * @param reason What the signal's reason, and the rejection, is when the time is over.
 * @param late Told of a value that came too late for anybody to dispose it.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  reason: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
  late: (value: T) => void = () => {},
): Promise<T> {
  outer.throwIfAborted();
  const controller = new AbortController();
  const cancel = deadline(clock, ms, () => controller.abort(reason()));
  const onOuter = (): void => controller.abort(outer.reason);
  outer.addEventListener("abort", onOuter, { once: true });
  try {
    return await untilAborted(work(controller.signal), controller.signal, late);
  } finally {
    cancel();
    outer.removeEventListener("abort", onOuter);
  }
}

/**
 * The promise's outcome, or the signal's reason when it aborts first.
 * @param late Told of a value that came after the abort.
 */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  late: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then((value) => {
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) late(value);
      else resolve(value);
    }, (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    });
  });
}
