/**
 * A quota of lines for each kind of event, so that no burst of events becomes a flood of lines.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "./logger.ts";

/** Lines of one kind at once, and how many a second on average. */
const LINES_A_SECOND = 10;

/** How the lines of a kind, and its summary, are logged. */
export type QuotaLevel = "debug" | "info" | "warn";

interface Kind {
  tokens: number;
  atMs: number;
  suppressed: number;
}

/**
 * At most 10 lines a second of each kind. A kind that goes beyond is quiet until the next summary, which says how many
 * lines it would have been.
 */
export class LineQuota {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #kinds = new Map<string, Kind & { readonly level: QuotaLevel }>();

  /** @param clock For the rate. @param logger Gets the lines. */
  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** True while a kind is quiet, so that a summary is due. */
  get pending(): boolean {
    return [...this.#kinds.values()].some((kind) => kind.suppressed > 0);
  }

  /**
   * Writes the line, or counts it. `kind` is one of a few names and always has the same level.
   * @param properties Where they cost something to gather: a function, called for a line that is written.
   */
  tell(kind: string, level: QuotaLevel, template: string, properties: object | (() => object)): void {
    const state = this.#kinds.get(kind) ?? this.#begin(kind, level);
    // What is earned while it is quiet is counted when it speaks again: it may be quiet about thousands a second.
    if (state.suppressed === 0) this.#earn(state);
    if (state.suppressed > 0 || state.tokens < 1) {
      state.suppressed++;
      return;
    }
    state.tokens--;
    this.#logger[level](template, typeof properties === "function" ? (properties as () => object)() : properties);
  }

  #begin(kind: string, level: QuotaLevel): Kind {
    const state = { level, tokens: LINES_A_SECOND, atMs: 0, suppressed: 0 };
    this.#kinds.set(kind, state);
    return state;
  }

  /** Says what was suppressed, one line for each kind, and lets the kinds speak again. */
  summarise(): void {
    for (const [kind, state] of this.#kinds) {
      if (state.suppressed === 0) continue;
      this.#logger[state.level]("{suppressed} more of {kind} not shown", { kind, suppressed: state.suppressed });
      state.suppressed = 0;
    }
  }

  #earn(state: Kind): void {
    const nowMs = this.#clock.monotonic();
    const earned = (nowMs - state.atMs) / 1_000 * LINES_A_SECOND;
    state.tokens = Math.min(LINES_A_SECOND, state.tokens + earned);
    state.atMs = nowMs;
  }
}
