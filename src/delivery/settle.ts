/**
 * What becomes of an entry once an attempt has ended.
 * @module
 */
import { retryDelayMs } from "./backoff.ts";
import type { DeadReason, History, LetterInfo } from "./history.ts";

/** How an attempt ended. `error` and `problem` are for people. */
export type AttemptEnd =
  | { readonly kind: "returned" }
  | { readonly kind: "threw"; readonly error: string }
  | { readonly kind: "timed_out"; readonly error: string }
  | { readonly kind: "non_retryable"; readonly error: string }
  /** The handler asked to be tried again later; costs nothing. */
  | { readonly kind: "retry_after"; readonly delayMs: number; readonly error?: string }
  /** Data does not fit the handler's schema. */
  | { readonly kind: "invalid"; readonly problem: string }
  | { readonly kind: "undecodable"; readonly problem: string }
  /** Ended from outside, by shutdown or a lost lease: it was no attempt. */
  | { readonly kind: "cut_off" | "aborted_by_shutdown" | "lease_lost" };

/** What to do with the entry. */
export type Decision =
  | { readonly kind: "done" }
  /** `history` replaces what is stored. */
  | { readonly kind: "park"; readonly delayMs: number; readonly history: History }
  | { readonly kind: "dead"; readonly letter: LetterInfo }
  /** Hand back: at no cost, for whoever has room. */
  | { readonly kind: "release" };

/** Input of {@link decide}. */
export interface Situation {
  readonly outcome: AttemptEnd;
  /** As it was when the attempt started. */
  readonly history: History;
  /** Attempts that may fail, 1 or more. */
  readonly maxDeliveries: number;
  /** Backoff, ms. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: number;
  /** Epoch ms, for first and last failure. */
  readonly nowMs: number;
}

/** Longest error text that is kept, in UTF-16 units. */
export const MAX_ERROR_LENGTH = 2_000;
/** How many earlier failures are kept, and how much of each: a record is read and written with every retry. */
const MAX_EARLIER = 4;
const MAX_EARLIER_LENGTH = 300;
/** Longest wait that a handler can ask for: a year, ms. */
export const MAX_RETRY_AFTER_MS = 365 * 24 * 3_600_000;

/** Number of the attempt that comes next, 1 for the first: failures and crashes count, also those that cost nothing. */
export function attemptOf({ failures, soloCrashes, sharedCrashes }: History): number {
  return 1 + failures + soloCrashes + sharedCrashes;
}

/** How much of `MAX_DELIVERIES` is used up: failures, and crashes that are this entry's own. */
export function budgetUsed({ failures, soloCrashes }: History): number {
  return failures + soloCrashes;
}

/** Decides. Total: every end of an attempt has exactly one answer. */
export function decide(situation: Situation): Decision {
  const { outcome, history } = situation;
  switch (outcome.kind) {
    case "returned":
      return { kind: "done" };
    case "threw":
    case "timed_out":
      return failed(situation, outcome.error);
    case "retry_after":
      return {
        kind: "park",
        delayMs: askedDelayMs(outcome.delayMs, situation.baseMs),
        history: withEarlier(history, situation.nowMs, outcome.error ?? ""),
      };
    case "non_retryable":
      return { kind: "dead", letter: letter(situation, "non_retryable", outcome.error, budgetUsed(history) + 1) };
    case "invalid":
    case "undecodable":
      // No handler was started, so this was no attempt.
      return { kind: "dead", letter: letter(situation, outcome.kind, outcome.problem, budgetUsed(history)) };
    case "cut_off":
    case "aborted_by_shutdown":
    case "lease_lost":
      return { kind: "release" };
  }
}

/**
 * Checks an entry before it is started: crashes may have used up its budget.
 * @returns The letter to write instead of starting it, or null when it may run. The reason is `crash_loop`; where no
 *   crash was its own (the limit was lowered meanwhile), `max_deliveries`.
 */
export function exhaustedBeforeRun(history: History, maxDeliveries: number): LetterInfo | null {
  const deliveries = budgetUsed(history);
  if (deliveries < Math.max(1, maxDeliveries)) return null;
  const { soloCrashes, firstMs, lastMs, replays, error } = history;
  const crashes = `the process died ${soloCrashes} times while it ran this entry and nothing else`;
  return {
    reason: soloCrashes > 0 ? "crash_loop" : "max_deliveries",
    error: clipError(soloCrashes > 0 ? (error === "" ? crashes : `${crashes}; last error: ${error}`) : error),
    deliveries,
    firstMs,
    lastMs,
    replays,
  };
}

/** At most `length` long, by default {@link MAX_ERROR_LENGTH}; never cut inside a character, always writable as UTF-8. */
export function clipError(text: string, length = MAX_ERROR_LENGTH): string {
  if (text.length <= length) return text.toWellFormed();
  const cut = text.slice(0, length - 1);
  return `${isHighSurrogate(cut.charCodeAt(cut.length - 1)) ? cut.slice(0, -1) : cut}…`.toWellFormed();
}

function failed(situation: Situation, error: string): Decision {
  const { history, maxDeliveries, baseMs, maxMs, random, nowMs } = situation;
  const used = budgetUsed(history) + 1;
  if (used >= maxDeliveries) return { kind: "dead", letter: letter(situation, "max_deliveries", error, used) };
  return {
    kind: "park",
    delayMs: retryDelayMs({ attempt: attemptOf(history), baseMs, maxMs, random }),
    history: {
      ...withEarlier(history, history.lastMs, history.error),
      failures: history.failures + 1,
      firstMs: history.firstMs || nowMs,
      lastMs: nowMs,
      error: clipError(error),
    },
  };
}

/** Keeps one more past attempt. An empty text says nothing. */
function withEarlier(history: History, atMs: number, error: string): History {
  if (error === "") return history;
  const past = { atMs, error: clipError(error, MAX_EARLIER_LENGTH) };
  return { ...history, earlier: [...(history.earlier ?? []), past].slice(-MAX_EARLIER) };
}

function letter(
  { history, nowMs }: Situation,
  reason: DeadReason,
  error: string,
  deliveries: number,
): LetterInfo {
  const { firstMs, replays } = history;
  return { reason, error: clipError(error), deliveries, firstMs: firstMs || nowMs, lastMs: nowMs, replays };
}

/** Whatever a handler asks for becomes a wait that the store can hold. */
function askedDelayMs(delayMs: number, fallbackMs: number): number {
  if (Number.isNaN(delayMs)) return fallbackMs;
  return Math.ceil(Math.min(Math.max(0, delayMs), MAX_RETRY_AFTER_MS));
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
