/**
 * Gathers what attempts measure in one turn of the event loop into one happening per type.
 * @module
 */
import type { Happenings } from "../happenings.ts";

interface Gathered {
  readonly type: string;
  readonly agesMs: number[];
  readonly succeededMs: number[];
  readonly failedMs: number[];
}

/** See the module's text. */
export class Meter {
  readonly #happenings: Happenings;
  readonly #stream: string;
  #byType = new Map<string, Gathered>();
  /** Most often the next attempt is of the same type. */
  #latest: Gathered | null = null;

  /** @param happenings Where to tell. */
  constructor(happenings: Happenings, stream: string) {
    this.#happenings = happenings;
    this.#stream = stream;
  }

  /** A handler is called. @param ageMs Age of its event. */
  started(type: string, ageMs: number): void {
    this.#of(type).agesMs.push(ageMs);
  }

  /** An attempt has ended. @param ok It returned. */
  ended(type: string, durationMs: number, ok: boolean): void {
    const of = this.#of(type);
    (ok ? of.succeededMs : of.failedMs).push(durationMs);
  }

  #of(type: string): Gathered {
    const latest = this.#latest;
    return latest !== null && latest.type === type ? latest : this.#latest = this.#look(type);
  }

  #look(type: string): Gathered {
    if (this.#byType.size === 0) queueMicrotask(() => this.#flush());
    const known = this.#byType.get(type);
    if (known !== undefined) return known;
    const made: Gathered = { type, agesMs: [], succeededMs: [], failedMs: [] };
    this.#byType.set(type, made);
    return made;
  }

  #flush(): void {
    const all = this.#byType;
    this.#byType = new Map();
    this.#latest = null;
    for (const one of all.values()) this.#happenings.emit({ kind: "attempted", stream: this.#stream, ...one });
  }
}
