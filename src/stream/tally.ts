/**
 * Gathers outcomes of one turn of the event loop into one happening per type and outcome.
 * @module
 */
import type { Happenings, Outcome } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import type { Prepared } from "./publisher.ts";

interface Settled {
  readonly type: string;
  readonly outcome: Outcome;
  readonly refs: string[];
}

/** See the module's text. */
export class Tally {
  readonly #happenings: Happenings;
  readonly #store: StreamStore;
  readonly #publishStream: string;
  #settled = new Map<string, Settled>();
  #effects = new Map<string, number>();
  /** The entry of the latest outcome, and of the one unlike it before: most often the next is like one of them. */
  #latest: Settled | null = null;
  #before: Settled | null = null;
  #queued = false;

  /** @param happenings Where to tell. @param store Names stream and group. @param publishStream Where effects appear. */
  constructor(happenings: Happenings, store: StreamStore, publishStream: string) {
    this.#happenings = happenings;
    this.#store = store;
    this.#publishStream = publishStream;
  }

  /** An event of this type ended so. */
  add(type: string, outcome: Outcome, ref: string): void {
    const latest = this.#latest;
    const entry = isOf(latest, type, outcome) ? latest : this.#turnTo(type, outcome);
    entry.refs.push(ref);
    this.#queue();
  }

  /** Where some fail, what is processed and what is retried come by turns. */
  #turnTo(type: string, outcome: Outcome): Settled {
    const before = this.#before;
    this.#before = this.#latest;
    return this.#latest = isOf(before, type, outcome) ? before : this.#entryOf(type, outcome);
  }

  #entryOf(type: string, outcome: Outcome): Settled {
    const key = `${outcome}\0${type}`;
    const entry = this.#settled.get(key) ?? { type, outcome, refs: [] };
    this.#settled.set(key, entry);
    return entry;
  }

  /** These effects appeared in the stream. */
  effects(effects: readonly Prepared[]): void {
    for (const { type, span } of effects) {
      this.#effects.set(type, (this.#effects.get(type) ?? 0) + 1);
      span?.end();
    }
    if (effects.length > 0) this.#queue();
  }

  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#queued = false;
    this.#latest = null;
    this.#before = null;
    const { stream, group } = this.#store;
    const settled = this.#settled;
    const effects = this.#effects;
    this.#settled = new Map();
    this.#effects = new Map();
    for (const { type, outcome, refs } of settled.values()) {
      this.#happenings.emit({ kind: "settled", stream, group, type, outcome, count: refs.length, refs });
    }
    for (const [type, count] of effects) {
      this.#happenings.emit({ kind: "published", stream: this.#publishStream, type, count, origin: "effect" });
    }
  }
}

function isOf(settled: Settled | null, type: string, outcome: Outcome): settled is Settled {
  return settled !== null && settled.type === type && settled.outcome === outcome;
}
