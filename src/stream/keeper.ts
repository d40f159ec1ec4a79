/**
 * Keeps the lease alive and, with the same command, proves once a second that the store takes our writes.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { causeOf } from "../errors.ts";
import type { Happenings } from "../happenings.ts";
import type { News, StreamStore } from "../store/port.ts";
import type { Judgement } from "./judgement.ts";
import { Loop } from "./loop.ts";
import type { Membership } from "./membership.ts";

/** What a keeper is made of. */
export interface KeeperOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  /** Null: publishes only, there is no lease to keep. */
  readonly membership: Membership | null;
  readonly judgement: Judgement;
  readonly leaseMs: number;
  /** The consumer was taken over. */
  readonly onFenced: (name: string) => void;
  /** What the beat saw in passing; null: nothing. */
  readonly onNews: (news: News | null) => void;
}

/**
 * Beats at least this often, ms. Health must notice a refused write within 5 s; a pause, what others handed back and what
 * they delayed must be noticed within a second, and the beat is what notices them.
 */
const BEAT_MS = 900;

/** Makes the loop. */
export function keeperLoop(options: KeeperOptions): Loop {
  const { store, clock, random, happenings, membership, judgement, leaseMs } = options;
  const periodMs = Math.min(BEAT_MS, Math.floor(leaseMs / 4));
  const step = async (): Promise<number> => {
    const startedAt = clock.monotonic();
    const name = membership?.joined ? membership.name : null;
    const beat = await store.beat(name, leaseMs);
    judgement.beat();
    const latencyMs = Math.max(0, clock.monotonic() - startedAt);
    happenings.emit({
      kind: "beat",
      stream: store.stream,
      ok: beat.writeRefused === null,
      latencyMs,
      ...(beat.writeRefused === null ? {} : { cause: beat.writeRefused }),
    });
    options.onNews(beat.news ?? null);
    if (name !== null && beat.lease === "fenced") options.onFenced(name);
    return periodMs;
  };
  const onError = (error: unknown): void => {
    judgement.disturb();
    options.onNews(null);
    happenings.emit({ kind: "beat", stream: store.stream, ok: false, latencyMs: 0, cause: causeOf(error) });
  };
  return new Loop({ name: `keeper:${store.stream}`, clock, random, happenings, step, onError });
}
