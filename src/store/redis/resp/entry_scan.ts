/**
 * Reads whole entries out of received bytes, many at once: in WebAssembly, which takes a third of the time. See `wasm/`.
 * @module
 */
import { INPUT, INPUT_BYTES, memory, scan, TABLE, TABLE_BYTES } from "./wasm/entries.wasm";

/** Numbers that stand before the places of an entry: start and end of its id, how many places, whether it is JSON. */
export const HEAD = 4;

// The memory never grows, so that these stay good.
const input = new Uint8Array(memory.buffer, INPUT, INPUT_BYTES);
const found = new Uint32Array(memory.buffer, TABLE, TABLE_BYTES / 4);

/** Entries that were read. */
export interface ScannedEntries {
  /** 1 or more. */
  readonly count: number;
  /**
   * Of each entry in turn: start and end of its id, the number of places that follow, 1 where its data (`data`, or
   * `payload` where there is none) is JSON of ASCII for certain, else 0; then start and end of each name and value.
   * Places are indexes of the bytes.
   */
  readonly table: Uint32Array;
  /** Index of what follows the last. */
  readonly end: number;
}

/** What is to be read. */
export interface EntryBytes {
  readonly bytes: Uint8Array;
  /** Index of the first byte. */
  readonly from: number;
  /** Index after the last one. */
  readonly to: number;
  /** Most entries. */
  readonly most: number;
  /** Entries whose fields are longer, in bytes, with what lies between them, are left to others. */
  readonly longest: number;
  /** Where they are longer than this nobody looks whether their data is JSON. */
  readonly longestJson: number;
}

/**
 * Entries as Redis writes them in RESP2, `[id, [name, value, …]]`, as far as they are all there.
 * @returns Null: the first is not all there, or something else, or unusual. Then the parser has to read it.
 */
export function scanEntries({ bytes, from, to, most, longest, longestJson }: EntryBytes): ScannedEntries | null {
  const size = Math.min(to - from, INPUT_BYTES);
  input.set(bytes.subarray(from, from + size));
  const count = scan(size, most, longest, longestJson, from);
  if (count === 0) return null;
  let used = 0;
  for (let left = count; left > 0; left--) used += HEAD + found[used + 2]!;
  return { count, table: found.slice(0, used), end: found[used - 1]! + 2 };
}
