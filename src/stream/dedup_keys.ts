/**
 * Which deliveries are one event: the same `source` and `id` inside `DEDUP_WINDOW`.
 * @module
 */
import { decodeEntry } from "../events/codec.ts";
import { entryOf } from "./entry.ts";
import type { Delivery, StreamStore } from "../store/port.ts";

/** See the module's text. */
export class DedupKeys {
  readonly #store: Pick<StreamStore, "stream" | "seen">;
  readonly #on: boolean;

  /** @param windowMs 0: off. */
  constructor(store: Pick<StreamStore, "stream" | "seen">, windowMs: number) {
    this.#store = store;
    this.#on = windowMs > 0;
  }

  /** False: nothing here has anything to say. */
  get on(): boolean {
    return this.#on;
  }

  /** Null while deduplication is off. What cannot be decoded is only ever its own double. */
  of(delivery: Delivery): string | null {
    if (!this.#on) return null;
    const decoded = decodeEntry(entryOf(this.#store.stream, delivery));
    return decoded.ok ? `${decoded.event.source}\0${decoded.event.id}` : `\0${delivery.entryId}`;
  }

  /** Which of these were handled before. Empty where that is not known now: the settling script checks again. */
  async seen(deliveries: readonly Delivery[]): Promise<readonly boolean[]> {
    if (!this.#on || deliveries.length === 0) return [];
    try {
      return await this.#store.seen(deliveries.map((delivery) => this.of(delivery) ?? ""));
    } catch {
      return [];
    }
  }
}
