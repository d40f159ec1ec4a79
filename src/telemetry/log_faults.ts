/**
 * Faults in the log: told when they begin, once in a while, and when they end; never more.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "./logger.ts";

/** The constant texts of a fault. */
export interface FaultText {
  /** The first occurrence, and the first of each further sort. */
  readonly begin: string;
  /** The summary. May name `{lastedMs}` and `{recent}`. */
  readonly still: string;
  /** The end. May name `{lastedMs}` and `{count}`. */
  readonly over: string;
}

/** One occurrence. */
export interface FaultDetail {
  /** What sort it is, of a few: the first of each sort is told at once. */
  readonly sort: string;
  /** Fields of the line; those of the latest occurrence are in the summary. */
  readonly fields: object;
}

interface Fault {
  readonly text: FaultText;
  readonly endsQuietly: boolean;
  readonly sorts: Set<string>;
  active: boolean;
  sinceMs: number;
  endedMs: number;
  /** Occurrences since it began, and since the last summary. */
  count: number;
  recent: number;
  /** Lines since the last summary, and begins and ends that were not told. */
  lines: number;
  hidden: number;
  fields: object;
}

/** Of one fault between two summaries. One that comes and goes must not flood either. */
const LINES_A_WINDOW = 6;
/** Names come from few streams, loops and channels. What is beyond is not told. */
const MAX_FAULTS = 200;

/** Faults by name. */
export class Faults {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #faults = new Map<string, Fault>();

  /** @param clock For how long they last. @param logger Gets the lines: WARN, the end INFO. */
  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** True while a summary is due. */
  get pending(): boolean {
    return this.#faults.size > 0;
  }

  /** Whether this fault lasts. */
  lasts(name: string): boolean {
    return this.#faults.get(name)?.active ?? false;
  }

  /**
   * Counts an occurrence.
   * @param name Identifies the fault.
   * @param endsQuietly Over once a whole window passes without an occurrence, where no success ever tells.
   */
  occurred(name: string, text: FaultText, detail: FaultDetail, endsQuietly = false): void {
    const fault = this.#faults.get(name) ?? this.#create(name, text, endsQuietly);
    if (fault === null) return;
    if (!fault.active) this.#begin(fault);
    fault.count++;
    fault.recent++;
    fault.fields = detail.fields;
    if (fault.sorts.has(detail.sort)) return;
    fault.sorts.add(detail.sort);
    if (this.#mayTell(fault)) this.#logger.warn(fault.text.begin, detail.fields);
  }

  /** Counts a further occurrence of a fault that lasts, of which nothing new is known. */
  again(name: string): void {
    const fault = this.#faults.get(name);
    if (fault === undefined || !fault.active) return;
    fault.count++;
    fault.recent++;
  }

  /** Ends a fault, if it lasts. @param fields Of the line, besides how long it lasted. */
  ended(name: string, fields: object = {}): void {
    const fault = this.#faults.get(name);
    if (fault === undefined || !fault.active) return;
    fault.active = false;
    fault.endedMs = this.#clock.monotonic();
    if (this.#mayTell(fault)) this.#logger.info(fault.text.over, { ...fields, ...this.#figures(fault) });
  }

  /** Forgets a fault without a word: it was ended on purpose. */
  forget(name: string): void {
    this.#faults.delete(name);
  }

  /** One line for each fault that lasts, and for each that came and went without one. */
  summarise(): void {
    for (const [name, fault] of [...this.#faults]) {
      if (fault.active && fault.recent === 0 && fault.endsQuietly) this.ended(name, fault.fields);
      const text = fault.active ? fault.text.still : fault.text.over;
      const hidden = fault.hidden > 0 ? { changesNotShown: fault.hidden } : {};
      const fields = { ...fault.fields, ...this.#figures(fault), ...hidden };
      if (fault.active) this.#logger.warn(text, fields);
      else if (fault.hidden > 0) this.#logger.info(text, fields);
      // One that is over is kept for a window, so that its lines are counted should it come back at once.
      if (!fault.active) this.#faults.delete(name);
      fault.recent = fault.lines = fault.hidden = 0;
    }
  }

  #create(name: string, text: FaultText, endsQuietly: boolean): Fault | null {
    if (this.#faults.size >= MAX_FAULTS) return null;
    const numbers = { sinceMs: 0, endedMs: 0, count: 0, recent: 0, lines: 0, hidden: 0 };
    const fault = { text, endsQuietly, sorts: new Set<string>(), active: false, ...numbers, fields: {} };
    this.#faults.set(name, fault);
    return fault;
  }

  #begin(fault: Fault): void {
    fault.active = true;
    fault.sinceMs = this.#clock.monotonic();
    fault.count = 0;
    fault.sorts.clear();
  }

  #mayTell(fault: Fault): boolean {
    if (fault.lines < LINES_A_WINDOW) return ++fault.lines > 0;
    fault.hidden++;
    return false;
  }

  #figures(fault: Fault): object {
    const untilMs = fault.active ? this.#clock.monotonic() : fault.endedMs;
    const lastedMs = Math.round(untilMs - fault.sinceMs);
    return { lastedMs, count: fault.count, recent: fault.recent };
  }
}
