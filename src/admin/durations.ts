/**
 * How long attempts of one type took, slot by slot: counts in buckets that grow by 30 %, so that a quantile is right to
 * about 15 %, and those of several slots add up.
 * @module
 */
import type { Ring } from "./history_ring.ts";

/** Upper end of the first bucket, ms. */
const FIRST_MS = 0.5;
const GROWTH = 1.3;
/** The last one begins at about two minutes. */
const BUCKETS = 48;
const LOG_GROWTH = Math.log(GROWTH);

/** Quantiles in ms; null where nothing ran. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Of one type, beside one ring. */
export class Durations {
  readonly #counts: Uint32Array;
  readonly #failed: Uint32Array;
  readonly #ring: Ring;

  /** @param ring Whose slots these are. */
  constructor(ring: Ring) {
    this.#ring = ring;
    this.#counts = new Uint32Array(ring.size * BUCKETS);
    this.#failed = new Uint32Array(ring.size);
    ring.onClear((index) => {
      this.#counts.fill(0, index * BUCKETS, (index + 1) * BUCKETS);
      this.#failed[index] = 0;
    });
  }

  /** An attempt ended now. */
  add(durationMs: number, ok: boolean): void {
    const { index } = this.#ring;
    this.#counts[index * BUCKETS + bucketOf(durationMs)]!++;
    if (!ok) this.#failed[index]!++;
  }

  /** Of all these slots together. */
  over(indices: readonly number[]): { readonly count: number; readonly failed: number } & Quantiles {
    const sums = new Float64Array(BUCKETS);
    let [count, failed] = [0, 0];
    for (const index of indices) {
      failed += this.#failed[index]!;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const found = this.#counts[index * BUCKETS + bucket]!;
        sums[bucket]! += found;
        count += found;
      }
    }
    return { count, failed, ...quantilesOf(sums, count) };
  }
}

function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / LOG_GROWTH));
}

function quantilesOf(sums: Float64Array, count: number): Quantiles {
  if (count === 0) return { p50: null, p95: null, p99: null };
  const at = (share: number): number => {
    let left = share * count;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const found = sums[bucket]!;
      if (found > 0 && left <= found) return within(bucket, left / found);
      left -= found;
    }
    return upperMs(BUCKETS - 1);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function within(bucket: number, share: number): number {
  const low = bucket === 0 ? 0 : upperMs(bucket - 1);
  return Math.round((low + (upperMs(bucket) - low) * share) * 100) / 100;
}

function upperMs(bucket: number): number {
  return FIRST_MS * GROWTH ** bucket;
}
