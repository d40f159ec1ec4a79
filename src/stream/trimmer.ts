/**
 * Trims by retention, never past what a group still needs; repairs what lost its index.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { Kept, StreamStore, Trimmed } from "../store/port.ts";
import type { BeatNews } from "./beat_news.ts";
import { Loop } from "./loop.ts";

/** What a trimmer is made of. */
export interface TrimmerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly maxLength: number;
  readonly maxAgeMs: number;
  readonly beatNews: BeatNews;
}

/** The contract wants trimming at least every 10 s; jitter keeps replicas apart. */
const PERIOD_MS = 9_000;
const JITTER_MS = 800;
/** So seldom where the beats tell that there is nothing to trim: they know nothing of entries written under ids of old. */
const SELDOM_MS = 60_000;
/** An audit every this many turns. */
const AUDIT_EVERY = 8;

/** Makes the loop. */
export function trimmerLoop(options: TrimmerOptions): Loop {
  const { store, clock, random, happenings, maxLength, maxAgeMs, beatNews } = options;
  let turn = 0;
  /** Until when nothing becomes too old, monotonic ms, and of which group that was found. */
  let quiet: { readonly untilMs: number; readonly made: string } | null = null;
  /** There was nothing to trim at the latest turn. */
  let skipped = false;
  const due = (kept: Kept | null): boolean =>
    quiet === null || kept === null || clock.monotonic() >= quiet.untilMs || kept.made !== quiet.made ||
    kept.length > maxLength || kept.letters > maxLength;
  const tell = ({ removed, heldBackBy }: Trimmed): void => {
    if (removed === 0 && heldBackBy === null) return;
    happenings.emit({
      kind: "trimmed",
      stream: store.stream,
      removed,
      ...(heldBackBy === null ? {} : { heldBackBy: heldBackBy.group }),
    });
  };
  const trim = async (kept: Kept | null): Promise<void> => {
    // Taken before: what time passes meanwhile counts.
    const now = clock.monotonic();
    quiet = null;
    const trimmed = await store.trim({ maxLength, maxAgeMs });
    if (kept !== null) quiet = { untilMs: now + Math.min(SELDOM_MS, trimmed.quietMs), made: kept.made };
    tell(trimmed);
  };
  const step = async (): Promise<number> => {
    const kept = beatNews.latest?.kept ?? null;
    skipped = !due(kept);
    if (!skipped) await trim(kept);
    if (++turn % AUDIT_EVERY === 0) {
      const { lost } = await store.audit();
      if (lost > 0) happenings.emit({ kind: "store_lost", stream: store.stream, cause: "deleted", count: lost });
    }
    return PERIOD_MS + Math.floor(random() * JITTER_MS);
  };
  const loop = new Loop({ name: `trimmer:${store.stream}`, clock, random, happenings, step });
  // What comes to be due right after a turn that trimmed nothing need not wait for the next one.
  beatNews.listen((news) => {
    if (skipped && due(news?.kept ?? null)) loop.wake();
  });
  return loop;
}
