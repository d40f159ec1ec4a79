/**
 * Trims by retention, never past what a group still needs; repairs what lost its index.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { StreamStore } from "../store/port.ts";
import { Loop } from "./loop.ts";

/** What a trimmer is made of. */
export interface TrimmerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly maxLength: number;
  readonly maxAgeMs: number;
}

/** The contract wants trimming at least every 10 s; jitter keeps replicas apart. */
const PERIOD_MS = 9_000;
const JITTER_MS = 800;
/** An audit every this many trims. */
const AUDIT_EVERY = 8;

/** Makes the loop. */
export function trimmerLoop(options: TrimmerOptions): Loop {
  const { store, clock, random, happenings, maxLength, maxAgeMs } = options;
  let turn = 0;
  const step = async (): Promise<number> => {
    const trimmed = await store.trim({ maxLength, maxAgeMs });
    if (trimmed.removed > 0 || trimmed.heldBackBy !== null) {
      happenings.emit({
        kind: "trimmed",
        stream: store.stream,
        removed: trimmed.removed,
        ...(trimmed.heldBackBy === null ? {} : { heldBackBy: trimmed.heldBackBy.group }),
      });
    }
    if (++turn % AUDIT_EVERY === 0) {
      const { lost } = await store.audit();
      if (lost > 0) happenings.emit({ kind: "store_lost", stream: store.stream, cause: "deleted", count: lost });
    }
    return PERIOD_MS + Math.floor(random() * JITTER_MS);
  };
  return new Loop({ name: `trimmer:${store.stream}`, clock, random, happenings, step });
}
