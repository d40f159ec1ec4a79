/**
 * Publishes events to the first stream.
 * @module
 */
import type { Clock } from "../clock.ts";
import { DurabilityNotReachedError, ServiceError } from "../errors.ts";
import { encodeEvent } from "../events/codec.ts";
import type { EventInit } from "../events/event.ts";
import {
  type CompleteEvent,
  completeEvent,
  type EventDefaults,
  EventInvalidError,
  EventTooLargeError,
} from "../events/validate.ts";
import type { Happenings } from "../happenings.ts";
import type { Appended, AppendItem, Durability, StreamStore } from "../store/port.ts";
import type { Span, Tracing } from "../tracing.ts";

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
  /** Null, the default: nothing traces. */
  readonly tracing?: Tracing | null;
}

/** An event ready to be appended. */
export interface Prepared {
  readonly id: string;
  readonly type: string;
  readonly item: AppendItem;
  /** Ended when the event is there; null where nothing traces. */
  readonly span: Span | null;
}

/** Goes into events that have none of their own. */
export interface Inherited {
  readonly correlationId?: string;
  readonly traceparent?: string;
}

/** What events of one request have in common. */
export interface PublishRequest extends Inherited {
  /** `Idempotency-Key`: covers the batch as a whole; the same one adds nothing and gives the first entry ids. */
  readonly batchKey?: string;
  /** Holds events without a `deliverat` of their own for this long, by the clock of the store. 0 or more. */
  readonly delayMs?: number;
}

/** What is the same for all events of a request. */
interface Common {
  readonly inherited: Inherited;
  readonly defaults: EventDefaults;
}

/** What became of a batch. */
export interface BatchReceipt {
  /** One for each event, in order. */
  readonly receipts: readonly Receipt[];
  /** What was reached: `memory`, `replica:N` or `fsync`. */
  readonly durability: string;
}

/** Most events of one batch. A script of this many holds Redis up for some 50 ms. */
export const MAX_BATCH_EVENTS = 10_000;
/** Most names and values of one batch; Redis takes about a million words in one command. */
const MAX_BATCH_WORDS = 500_000;

/** One event of a batch is at fault, so none was published. `cause` is {@link EventInvalidError} or {@link EventTooLargeError}. */
export class BatchEventError extends ServiceError {
  /** Which one, from 0. */
  readonly index: number;
  /** The attribute at fault. */
  readonly attribute: string;

  /** @param index From 0. @param cause What is wrong with it. */
  constructor(index: number, cause: EventInvalidError | EventTooLargeError) {
    super(cause.code, cause.message, { cause });
    this.index = index;
    this.attribute = cause.attribute;
  }
}

/** A batch key was used before, for a batch of another size: its answer cannot be that of this one. Nothing was published. */
export class BatchKeyConflictError extends ServiceError {
  /** @param found Events of the first batch. @param wanted Events of this one. */
  constructor(found: number, wanted: number) {
    super("batch_key_conflict", `Publishing ${wanted} events: the key was used for ${found}, want another key`);
  }
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

  /** Where events go. */
  get stream(): string {
    return this.#options.store.stream;
  }

  /**
   * Checks and encodes without publishing.
   * @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  prepare(init: EventInit, inherited: Inherited = {}): Prepared {
    // An id that we have just made cannot have been published before, so nothing need be remembered for it.
    return this.#prepare(init, inherited, init.id !== undefined, "create");
  }

  /**
   * Publishes one event.
   * @throws {StoreUnavailableError} Redis is not usable or did not answer in time. @throws {StoreRefusedError} Redis refuses writes.
   * @throws {DurabilityNotReachedError} It is there, and was not confirmed in time.
   * @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  async publish(init: EventInit, inherited: Inherited = {}): Promise<Receipt> {
    const prepared = this.#prepare(init, inherited, this.#mayRepeat(init), "send");
    const { receipts: [receipt] } = await this.#append([prepared], {});
    return receipt!;
  }

  /**
   * Publishes all or none, in order: every event is checked before the first is written.
   * @throws {BatchEventError} @throws {BatchKeyConflictError} @throws {ServiceError} `event_too_large`: too many for one
   *   batch. And as {@link publish}.
   */
  async publishAll(inits: readonly EventInit[], request: PublishRequest = {}): Promise<BatchReceipt> {
    if (inits.length > MAX_BATCH_EVENTS) throw tooMany(`${inits.length} events, want at most ${MAX_BATCH_EVENTS}`);
    const how = inits.length === 1 ? "send" : "create";
    const common = { inherited: request, defaults: this.#defaults(request) };
    const prepared = inits.map((init, index) => this.#prepareAt(index, init, common, how));
    const words = prepared.reduce((sum, { item }) => sum + item.fields.length + 3, 0);
    if (words > MAX_BATCH_WORDS) throw tooMany(`${words} attributes, want at most ${MAX_BATCH_WORDS}`);
    return await this.#append(prepared, request);
  }

  #prepareAt(index: number, init: EventInit, { inherited, defaults }: Common, how: "send" | "create"): Prepared {
    try {
      return this.#prepare(init, inherited, this.#mayRepeat(init), how, defaults);
    } catch (error) {
      const ours = error instanceof EventInvalidError || error instanceof EventTooLargeError;
      throw ours ? new BatchEventError(index, error) : error;
    }
  }

  /** What is not confirmed in time is told with its id, also where we made that, and may be repeated with it. */
  #mayRepeat(init: EventInit): boolean {
    return init?.id !== undefined || this.#options.durability.level !== "memory";
  }

  /** Made once for all events of a request. */
  #defaults({ correlationId, traceparent }: Inherited): EventDefaults {
    const { clock, source, maxBytes } = this.#options;
    return {
      ...{ id: this.#newId, source, nowMs: clock.now(), maxBytes },
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  }

  #prepare(
    init: EventInit,
    inherited: Inherited,
    remembered: boolean,
    how: "send" | "create",
    defaults: EventDefaults = this.#defaults(inherited),
  ): Prepared {
    const { span, event } = this.#options.tracing
      ? this.#traced(init, inherited, how, defaults)
      : { span: null, event: completeEvent(init, defaults) };
    const item: { -readonly [K in keyof AppendItem]: AppendItem[K] } = { fields: encodeEvent(event) };
    if (remembered) item.dedupKey = `${event.source}\0${event.id}`;
    if (event.deliverAtMs !== undefined) item.deliverAtMs = event.deliverAtMs;
    return { id: event.id, type: event.type, span, item };
  }

  /** The span comes first: the event carries it. */
  #traced(
    init: EventInit,
    inherited: Inherited,
    how: "send" | "create",
    defaults: EventDefaults,
  ): { readonly span: Span | null; readonly event: CompleteEvent } {
    let made: string | undefined;
    const id = (): string => made ??= this.#newId();
    const span = this.#span(init, id, inherited, how);
    const traceparent = span === null ? {} : { traceparent: span.traceparent };
    return { span, event: completeEvent(init, { ...defaults, id, ...traceparent }) };
  }

  async #append(prepared: readonly Prepared[], { batchKey, delayMs }: PublishRequest): Promise<BatchReceipt> {
    const { store, dedupWindowMs, durability } = this.#options;
    const dueMs = delayMs === undefined || delayMs === 0 ? undefined : await store.time() + delayMs;
    const items = prepared.map(({ item }) => dueMs === undefined ? item : { deliverAtMs: dueMs, ...item });
    const options = { dedupWindowMs, durability, ...(batchKey === undefined ? {} : { batchKey }) };
    const appending = this.#inSpan(prepared, () => store.append(items, options));
    const appended = await appending.catch((error) => this.#unconfirmed(prepared, error));
    if (appended.length !== prepared.length) throw new BatchKeyConflictError(appended.length, prepared.length);
    this.#tell(prepared, appended);
    const receipts = prepared.map(({ id }, index) => {
      const { entryId, deduplicated } = appended[index]!;
      return { id, stream: store.stream, entryId, deduplicated };
    });
    return { receipts, durability: durabilityText(durability) };
  }

  /** What is traced of an event that may yet turn out to be invalid: then its span never ends. */
  #span(init: EventInit, newId: () => string, inherited: Inherited, how: "send" | "create"): Span | null {
    const { tracing, store, source } = this.#options;
    const type = textOf(init?.type);
    if (!tracing || type === undefined) return null;
    const event = {
      stream: store.stream,
      id: textOf(init.id) ?? newId(),
      type,
      source: textOf(init.source) ?? source,
      subject: textOf(init.subject),
    };
    return tracing.publishing(event, how, textOf(init.extensions?.["traceparent"]) ?? inherited.traceparent);
  }

  /** A batch is sent in a span of its own, linked to those of its events. */
  async #inSpan<T>(prepared: readonly Prepared[], append: () => Promise<T>): Promise<T> {
    const { tracing, store } = this.#options;
    if (!tracing) return await append();
    const spans = prepared.flatMap(({ span }) => span ?? []);
    const batch = spans.length > 1 ? [tracing.sending(store.stream, spans)] : [];
    try {
      const result = await append();
      for (const span of [...spans, ...batch]) span.end();
      return result;
    } catch (error) {
      const failed = { outcome: error instanceof ServiceError ? error.code : "unknown", error: String(error) };
      for (const span of [...spans, ...batch]) span.end(failed);
      throw error;
    }
  }

  /** Written, not confirmed: they are there, and a repeated request adds nothing, so this is when they count. */
  #unconfirmed(prepared: readonly Prepared[], error: unknown): never {
    if (!(error instanceof DurabilityNotReachedError)) throw error;
    this.#tell(prepared, error.appended);
    throw new DurabilityNotReachedError(error.reason, error.message, error.appended, prepared.map(({ id }) => id));
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

/** As `PUBLISH_DURABILITY` says it. */
export function durabilityText(durability: Durability): string {
  return durability.level === "replica" ? `replica:${durability.replicas}` : durability.level;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function tooMany(found: string): ServiceError {
  return new ServiceError("event_too_large", `Cannot publish the batch: it has ${found}`);
}
