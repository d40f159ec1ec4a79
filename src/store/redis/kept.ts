/**
 * What a process keeps of the entries that it parked, so that a retry need not fetch them again: turning an entry into
 * Lua's tables and back is the most that a retry costs Redis.
 *
 * An entry never changes, so what was kept is what the store has, as long as it has it; the claim tells that. Whatever is
 * not kept, or no longer, is fetched. Bounded: only small entries, of one consumer, in so many bytes.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import type { Memory, PackedFields } from "../../events/packed.ts";
import { type Delivery, FRESH, type History } from "../port.ts";
import { ReturnedDelivery } from "./codec.ts";

/** Entries lie together in slabs: each in an array of its own would cost more to make than a retry saves. Bytes. */
const SLAB = 65_536;
/** At most so many slabs are in use: 8 MiB. */
const MOST_SLABS = 128;
/** At most so many characters of errors are kept with them. */
const MOST_CHARACTERS = 4_194_304;
/** Larger ones are fetched: they fill the slabs soon, and beside their size the way does not matter. Bytes. */
const LARGEST = 2_048;
/** Who waits for longer is fetched, ms. */
const LONGEST_WAIT_MS = 60_000;
/** What was not asked for so long after it was due was settled in another way, ms. */
const GRACE_MS = 30_000;

interface Slab extends Memory {
  used: number;
  /** Entries in it that are kept. */
  live: number;
}

interface Kept {
  /** The text that others know it by: looking up the very same text costs less than that of another that is equal. */
  readonly ref: string;
  readonly fields: PackedFields;
  readonly history: History;
  readonly slab: Slab;
  /** Of the errors in its history. */
  readonly characters: number;
  readonly untilMs: number;
}

/** See the module's text. */
export class KeptEntries {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Kept>();
  #consumer = "";
  #slab: Slab | null = null;
  #slabs = 0;
  #characters = 0;
  #sweepAtMs = -Infinity;

  /** Does no I/O. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes that they lie in. */
  get byteLength(): number {
    return this.#slabs * SLAB;
  }

  /**
   * Keeps an entry that is about to be parked, in place of what was kept of it before.
   * @param fields Absent: nothing is kept. @returns Whether it is kept.
   */
  keep(consumer: string, ref: string, fields: PackedFields | undefined, history: History, delayMs: number): boolean {
    if (consumer !== this.#consumer) this.#clear(consumer);
    this.#forget(ref);
    if (fields === undefined || fields.byteLength > LARGEST || delayMs > LONGEST_WAIT_MS) return false;
    const characters = charactersOf(history);
    const slab = this.#hasRoomFor(characters) ? this.#slabFor(fields.copyLength) : null;
    if (slab === null) return false;
    this.#characters += characters;
    const copy = fields.copyTo(slab, slab.used);
    slab.used += fields.copyLength;
    slab.live++;
    // Never the shared one: its record is to be removed.
    const own = history === FRESH ? { ...history } : history;
    const untilMs = this.#clock.monotonic() + delayMs + GRACE_MS;
    this.#entries.set(ref, { ref, fields: copy, history: own, slab, characters, untilMs });
    return true;
  }

  /** What was kept of an entry that came back, and is kept no longer; null: nothing is. */
  take(consumer: string, ref: string): Delivery | null {
    const kept = consumer === this.#consumer ? this.#forget(ref) : undefined;
    return kept === undefined ? null : new ReturnedDelivery(kept.ref, kept.fields, kept.history);
  }

  #forget(ref: string): Kept | undefined {
    const kept = this.#entries.get(ref);
    if (kept === undefined) return undefined;
    this.#entries.delete(ref);
    this.#characters -= kept.characters;
    if (--kept.slab.live === 0 && kept.slab !== this.#slab) this.#slabs--;
    return kept;
  }

  /** Another name has nothing parked. */
  #clear(consumer: string): void {
    this.#consumer = consumer;
    this.#entries.clear();
    this.#slab = null;
    this.#slabs = 0;
    this.#characters = 0;
  }

  #hasRoomFor(characters: number): boolean {
    if (this.#characters + characters > MOST_CHARACTERS) this.#sweep();
    return this.#characters + characters <= MOST_CHARACTERS;
  }

  /** The one that is being filled, or a new one; null: there may be no more. */
  #slabFor(size: number): Slab | null {
    const current = this.#slab;
    if (current !== null && current.used + size <= SLAB) return current;
    if (this.#slabs >= MOST_SLABS) this.#sweep();
    // Nothing of it is kept any more: it counts no longer, nor is it filled again, since somebody may still read it.
    if (current?.live === 0) this.#slabs--;
    this.#slab = null;
    if (this.#slabs >= MOST_SLABS) return null;
    this.#slabs++;
    const bytes = new Uint8Array(SLAB);
    const [texts, table] = [Buffer.from(bytes.buffer), new Uint32Array(bytes.buffer)];
    return this.#slab = { bytes, texts, table, used: 0, live: 0 };
  }

  /** Looks for what will not be asked for any more, now and then. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    if (now < this.#sweepAtMs) return;
    this.#sweepAtMs = now + GRACE_MS;
    for (const [ref, { untilMs }] of this.#entries) if (untilMs < now) this.#forget(ref);
  }
}

function charactersOf({ error, earlier }: History): number {
  let sum = error.length;
  if (earlier !== undefined) { for (const past of earlier) sum += past.error.length; }
  return sum;
}
