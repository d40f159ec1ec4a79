/**
 * Publishes events to the first stream.
 * @module
 */
import { completeEvent } from "../events/validate.ts";
import { encodeEvent } from "../events/codec.ts";
import type { EventInit } from "../events/event.ts";
import type { Clock } from "../clock.ts";
import type { Happenings } from "../happenings.ts";
import type { Appended, AppendItem, Durability, StreamStore } from "../store/port.ts";

/** What became of one published event. */
export interface Receipt {
  readonly id: string;
  readonly stream: string;
  /** Null while a delayed event waits. */
  readonly entryId: string | null;
  readonly deduplicated: boolean;
}

/** Settings of a {@link Publisher}. */
export interface PublisherOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly happenings: Happenings;
  /** `source` of events that name none. */
  readonly source: string;
  /** Most bytes of one encoded event. */
  readonly maxBytes: number;
  /** 0: off. */
  readonly dedupWindowMs: number;
  readonly durability: Durability;
  /** Makes event ids. Default: random UUIDs. */
  readonly newId?: () => string;
  /** Told when a delayed event was stored. */
  readonly onDelayed?: () => void;
}

/** An event ready to be appended. */
export interface Prepared {
  readonly id: string;
  readonly type: string;
  readonly item: AppendItem;
}

/** See the module's text. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #newId: () => string;

  /** @param options See {@link PublisherOptions}. */
  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#newId = options.newId ?? (() => crypto.randomUUID());
  }

  /**
   * Checks and encodes without publishing.
   * @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  prepare(init: EventInit, inherited: { correlationId?: string; traceparent?: string } = {}): Prepared {
    const { clock, source, maxBytes } = this.#options;
    const event = completeEvent(init, { id: this.#newId, source, nowMs: clock.now(), maxBytes, ...inherited });
    return {
      id: event.id,
      type: event.type,
      item: {
        fields: encodeEvent(event),
        // An id that we have just made cannot have been published before, so nothing need be remembered for it.
        ...(init.id === undefined ? {} : { dedupKey: `${event.source}\0${event.id}` }),
        ...(event.deliverAtMs === undefined ? {} : { deliverAtMs: event.deliverAtMs }),
      },
    };
  }

  /**
   * Publishes one event.
   * @throws {StoreUnavailableError} Redis is not usable or did not answer in time. @throws {StoreRefusedError} Redis refuses writes.
   * @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  async publish(init: EventInit): Promise<Receipt> {
    const [receipt] = await this.publishAll([init]);
    return receipt!;
  }

  /** Publishes all or none, in order. Errors as {@link publish}. */
  async publishAll(inits: readonly EventInit[], batchKey?: string): Promise<readonly Receipt[]> {
    const prepared = inits.map((init) => this.prepare(init));
    const { store, dedupWindowMs, durability } = this.#options;
    const appended = await store.append(prepared.map((p) => p.item), {
      dedupWindowMs,
      durability,
      ...(batchKey === undefined ? {} : { batchKey }),
    });
    this.#tell(prepared, appended);
    return prepared.map((p, index) => ({
      id: p.id,
      stream: store.stream,
      entryId: appended[index]?.entryId ?? null,
      deduplicated: appended[index]?.deduplicated ?? false,
    }));
  }

  #tell(prepared: readonly Prepared[], appended: readonly Appended[]): void {
    const { happenings, store, onDelayed } = this.#options;
    const counts = new Map<string, number>();
    let delayed = false;
    prepared.forEach(({ type }, index) => {
      const result = appended[index];
      if (result?.entryId === null) delayed = true;
      // A delayed event counts when it is accepted.
      if (result && !result.deduplicated) counts.set(type, (counts.get(type) ?? 0) + 1);
    });
    for (const [type, count] of counts) {
      happenings.emit({ kind: "published", stream: store.stream, type, count, origin: "api" });
    }
    if (delayed) onDelayed?.();
  }
}
