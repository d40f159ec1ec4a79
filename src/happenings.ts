/**
 * One typed stream of happenings. Loops say what happened, once; logs, metrics, health, the dashboard and the tests
 * listen. Nothing polls and no test sleeps.
 * @module
 */
import type { RedisCause } from "./errors.ts";

/** How an attempt or a delivery ended. `retried` counts attempts, the others count events. */
export type Outcome = "processed" | "retried" | "dead_lettered" | "ignored" | "duplicate";

/** State of the link to Redis, as the connection manager sees it. */
export type LinkState = "connecting" | "ready" | "lost" | "closing";

/** Counts of one stream and group. */
export interface StreamCounts {
  readonly lag: number;
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
  readonly consumers: number;
  readonly oldestAgeMs: number;
  readonly added: number;
}

/** Everything that can happen, by `kind`. Listeners must be quick and must not throw. */
export type Happening =
  | {
    readonly kind: "link";
    readonly channel: string;
    readonly state: LinkState;
    readonly cause?: RedisCause;
    readonly message?: string;
    readonly attempt?: number;
    readonly retryInMs?: number;
  }
  | { readonly kind: "gave_up"; readonly attempts: number }
  | {
    readonly kind: "published";
    readonly stream: string;
    readonly type: string;
    readonly count: number;
    readonly origin: "api" | "schedule" | "effect";
  }
  | { readonly kind: "promoted"; readonly stream: string; readonly count: number }
  | { readonly kind: "read"; readonly stream: string; readonly count: number }
  | { readonly kind: "read_failed"; readonly stream: string; readonly cause: RedisCause; readonly message: string }
  | {
    readonly kind: "started";
    readonly stream: string;
    readonly type: string;
    readonly ref: string;
    readonly attempt: number;
    readonly ageMs: number;
  }
  | {
    readonly kind: "finished";
    readonly stream: string;
    readonly type: string;
    readonly ref: string;
    readonly durationMs: number;
    readonly ok: boolean;
  }
  /**
   * Attempts of one type that started or ended lately. For whoever counts: one such happening stands for dozens of
   * `started` and `finished`, which are said only where somebody listens to them.
   */
  | {
    readonly kind: "attempted";
    readonly stream: string;
    readonly type: string;
    /** Of each that started: the age of its event, ms. */
    readonly agesMs: readonly number[];
    /** Of each that ended well, and of each that did not: how long it took, ms. */
    readonly succeededMs: readonly number[];
    readonly failedMs: readonly number[];
  }
  | {
    readonly kind: "settled";
    readonly stream: string;
    readonly group: string;
    readonly type: string;
    readonly outcome: Outcome;
    readonly count: number;
    readonly refs: readonly string[];
  }
  | {
    readonly kind: "settle_refused";
    readonly stream: string;
    readonly cause: RedisCause;
    readonly message: string;
    readonly count: number;
  }
  | {
    readonly kind: "parked";
    readonly stream: string;
    readonly ref: string;
    /** That of the original, also where a replay of it is meant. */
    readonly entryId: string;
    readonly type: string;
    readonly delayMs: number;
    readonly attempt: number;
    readonly error: string;
    readonly correlationId?: string;
    readonly traceId?: string;
  }
  | {
    readonly kind: "dead_lettered";
    readonly stream: string;
    readonly ref: string;
    /** That of the original, also where a replay of it is meant. */
    readonly entryId: string;
    readonly type: string;
    readonly reason: string;
    readonly error: string;
    readonly correlationId?: string;
    readonly traceId?: string;
  }
  | { readonly kind: "lease_lost"; readonly stream: string; readonly consumer: string; readonly held: number }
  | { readonly kind: "taken_over"; readonly stream: string; readonly from: string; readonly count: number }
  | { readonly kind: "handed_back"; readonly stream: string; readonly count: number; readonly failed: number }
  | { readonly kind: "group_created"; readonly stream: string; readonly group: string; readonly again: boolean }
  | { readonly kind: "store_lost"; readonly stream: string; readonly cause: string; readonly count: number }
  | { readonly kind: "trimmed"; readonly stream: string; readonly removed: number; readonly heldBackBy?: string }
  | {
    readonly kind: "beat";
    readonly stream: string;
    readonly ok: boolean;
    readonly latencyMs: number;
    readonly cause?: RedisCause;
  }
  | { readonly kind: "schedule_fired"; readonly schedule: string; readonly occurrences: number }
  /** The group was paused, or goes on. */
  | { readonly kind: "paused"; readonly stream: string; readonly paused: boolean }
  /** What the watcher counted: of everybody's work on the stream, not of this process alone. */
  | { readonly kind: "counted"; readonly stream: string; readonly figures: StreamCounts }
  | { readonly kind: "loop_failed"; readonly loop: string; readonly message: string; readonly cause: RedisCause }
  | {
    readonly kind: "lifecycle";
    readonly state: "starting" | "listening" | "running" | "ready" | "draining" | "stopped";
  };

/** A listener. */
export type HappeningListener = (happening: Happening) => void;

/** Somebody who listens. */
interface Listening {
  readonly listener: HappeningListener;
  /** Null: to all. */
  readonly kinds: ReadonlySet<Happening["kind"]> | null;
}

/** The bus: synchronous, in order, and a listener that throws hurts nobody. */
export class Happenings {
  readonly #listening = new Set<Listening>();
  /** Who listens to what; made anew after each change. Some kinds come thousands of times a second. */
  readonly #byKind = new Map<Happening["kind"], readonly HappeningListener[]>();
  readonly #onListenerError: (error: unknown) => void;

  /** @param onListenerError Told of a listener that threw. Default: ignored. */
  constructor(onListenerError: (error: unknown) => void = () => {}) {
    this.#onListenerError = onListenerError;
  }

  /** True where somebody listens to this: what comes thousands of times a second need not be made for nobody. */
  heard(kind: Happening["kind"]): boolean {
    return (this.#byKind.get(kind) ?? this.#gather(kind)).length > 0;
  }

  /** Tells every listener. */
  emit(happening: Happening): void {
    for (const listener of this.#byKind.get(happening.kind) ?? this.#gather(happening.kind)) {
      try {
        listener(happening);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  /**
   * @param kinds What the listener wants to hear. Default: everything.
   * @returns A function that unsubscribes.
   */
  listen(listener: HappeningListener, kinds?: readonly Happening["kind"][]): () => void {
    const listening = { listener, kinds: kinds === undefined ? null : new Set(kinds) };
    this.#listening.add(listening);
    this.#byKind.clear();
    return () => {
      this.#listening.delete(listening);
      this.#byKind.clear();
    };
  }

  #gather(kind: Happening["kind"]): readonly HappeningListener[] {
    const wanting = [...this.#listening].filter(({ kinds }) => kinds === null || kinds.has(kind));
    const listeners = wanting.map(({ listener }) => listener);
    this.#byKind.set(kind, listeners);
    return listeners;
  }

  /**
   * Waits for the first happening that fits. For tests and for start-up.
   * @throws {DOMException} `AbortError` when the signal aborts first.
   */
  next<K extends Happening["kind"]>(
    kind: K,
    fits: (happening: Extract<Happening, { kind: K }>) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<Extract<Happening, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const stop = this.listen((happening) => {
        if (happening.kind !== kind || !fits(happening as Extract<Happening, { kind: K }>)) return;
        stop();
        signal?.removeEventListener("abort", onAbort);
        resolve(happening as Extract<Happening, { kind: K }>);
      }, [kind]);
      const onAbort = (): void => {
        stop();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
