/**
 * Dead letters by type, reason and kind of error: twelve thousand of one kind are one fault, not twelve thousand.
 * @module
 */
import { compareIds, idTimeMs } from "../delivery/ids.ts";
import { rfc3339 } from "../events/time.ts";
import type { LetterKind } from "../store/admin_port.ts";
import { letterFilterOf, type Params } from "./input.ts";
import { type AdminStream, queryOf } from "./letters.ts";

/** Parameters of {@link groupLetters}. */
export const GROUP_PARAMS = ["type", "reason", "error", "text", "stream"] as const;

/** Letters that belong together. */
export interface LetterGroup {
  readonly type: string | null;
  readonly reason: string;
  /** Kind of the error: words with digits are `#`. The `error` of a filter. */
  readonly error: string;
  readonly count: number;
  /** When the first and the last one of those counted were given up on. */
  readonly first: string;
  readonly last: string;
}

/** All groups there are, as far as was looked. */
export interface LetterGroups {
  /** Most letters first, at most 100. */
  readonly items: readonly LetterGroup[];
  /** Groups that are not told of. */
  readonly more: number;
  /** Letters that fit, of those looked at. */
  readonly matched: number;
  readonly scanned: number;
  readonly total: number;
  /** False: only the newest `scanned` letters were looked at. */
  readonly complete: boolean;
}

/** Calls for one stream, of 1,000 letters each. */
const CALLS = 20;
const MOST_GROUPS = 100;
/** Kinds that are kept apart while counting: each is a few hundred bytes. */
const MOST_KINDS = 5_000;

/** @throws {AdminError} `invalid` */
export async function groupLetters(streams: readonly AdminStream[], params: Params): Promise<LetterGroups> {
  const filter = letterFilterOf(params, streams.map(({ admin }) => admin.stream));
  const { of: _, ...query } = queryOf(filter);
  const asked = streams.filter(({ admin }) => filter.stream === null || admin.stream === filter.stream);
  const tally = new Tally();
  let [scanned, total, complete] = [0, 0, true];
  for (const { admin, store } of asked) {
    total += (await store.stats()).deadLetters;
    let to: { id: string; exclusive: boolean } | null = null;
    for (let call = 0;; call++) {
      const part = await admin.letterKinds({ ...query, ...(to === null ? {} : { to }) });
      for (const kind of part.kinds) tally.add(kind);
      scanned += part.scanned;
      if (part.scannedTo === null) break;
      if (call + 1 >= CALLS) {
        complete = false;
        break;
      }
      to = { id: part.scannedTo, exclusive: true };
    }
  }
  return { ...tally.result, scanned, total: Math.max(total, scanned), complete };
}

/** Adds up parts. */
class Tally {
  readonly #kinds = new Map<string, LetterKind>();
  #rest = 0;

  add(kind: LetterKind): void {
    const key = JSON.stringify([kind.type, kind.reason, kind.error]);
    const before = this.#kinds.get(key);
    if (before === undefined && this.#kinds.size >= MOST_KINDS) {
      this.#rest += kind.count;
      return;
    }
    this.#kinds.set(key, before === undefined ? kind : joined(before, kind));
  }

  get result(): Pick<LetterGroups, "items" | "more" | "matched"> {
    const sorted = [...this.#kinds.values()].sort((a, b) => b.count - a.count);
    const items = sorted.slice(0, MOST_GROUPS).map(({ type, reason, error, count, newest, oldest }) => ({
      ...{ type, reason, error, count },
      first: rfc3339(idTimeMs(oldest)),
      last: rfc3339(idTimeMs(newest)),
    }));
    const matched = sorted.reduce((sum, { count }) => sum + count, this.#rest);
    return { items, more: sorted.length - items.length, matched };
  }
}

function joined(a: LetterKind, b: LetterKind): LetterKind {
  const newest = compareIds(a.newest, b.newest) > 0 ? a.newest : b.newest;
  const oldest = compareIds(a.oldest, b.oldest) < 0 ? a.oldest : b.oldest;
  return { ...a, count: a.count + b.count, newest, oldest };
}
