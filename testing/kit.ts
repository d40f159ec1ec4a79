/**
 * The test kit: the service's own loops over the memory store and a clock that stands still until told.
 * @module
 */
import type { Config } from "../src/config/types.ts";
import { parseConfig } from "../src/config/parse.ts";
import { checkCron } from "../src/delivery/cron.ts";
import { attemptOf } from "../src/delivery/settle.ts";
import { decodeEntry } from "../src/events/codec.ts";
import type { Event, EventInit, Fields } from "../src/events/event.ts";
import type { Handler, HandlerLogger, Schedule } from "../src/handling/define.ts";
import { collect } from "../src/handling/load.ts";
import { Registry } from "../src/handling/registry.ts";
import { type Happening, Happenings } from "../src/happenings.ts";
import { MemoryBroker } from "../src/store/memory/broker.ts";
import { MemoryStreamStore } from "../src/store/memory/memory_store.ts";
import { Deadlines } from "../src/stream/deadlines.ts";
import { Dispatcher } from "../src/stream/dispatcher.ts";
import { Publisher, type Receipt } from "../src/stream/publisher.ts";
import { Scheduler } from "../src/stream/scheduler.ts";
import { StreamWorker } from "../src/stream/worker.ts";
import { testSchedule } from "../src/app/test_schedule.ts";
import { FakeClock } from "./fake_clock.ts";

/** What {@link createTestKit} is given. */
export interface TestKitOptions {
  /** What `defineHandler` and `defineSchedule` returned: a list, or a module that exports them. */
  readonly handlers: readonly (Handler | Schedule)[] | Readonly<Record<string, unknown>>;
  /** Settings as in docs/configuration.md. Test events are off unless `TEST_EVENT_INTERVAL` is given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Chance, for backoff. Default: always 0.5, so that tests repeat themselves. */
  readonly random?: () => number;
}

/** A parked event. */
export interface ParkedEvent extends Event {
  /** Number of the attempt that failed last. */
  readonly attempt: number;
  /** Its error. */
  readonly error: string;
  /** When it is tried again, epoch ms of the kit's clock. */
  readonly dueMs: number;
}

/** A dead letter. */
export interface DeadEvent extends Event {
  /** `max_deliveries`, `non_retryable`, `invalid`, `undecodable` or `crash_loop`. */
  readonly reason: string;
  readonly error: string;
  /** Attempts that counted. */
  readonly deliveries: number;
}

/** Handlers under test. Every method returns once nothing more happens at the present time. */
export interface TestKit extends AsyncDisposable {
  /** Publishes as a client would. @throws {ServiceError} `event_invalid`, `event_too_large`. */
  publish(event: EventInit): Promise<Receipt>;
  /** Moves the clock: retries, schedules, delays and timeouts happen at their times. @param ms 0 or more. */
  advance(ms: number): Promise<void>;
  /** Everything that appeared in the streams, in order: what was published, effects, schedules. */
  readonly published: readonly Event[];
  /** Settled for good: handled, ignored for want of a handler, or a duplicate; in the order of settling. */
  readonly acknowledged: readonly Event[];
  /** Waiting for their retry, by due time. */
  readonly parked: readonly ParkedEvent[];
  /** Given up on, in order. */
  readonly deadLetters: readonly DeadEvent[];
  /** What handlers logged. */
  readonly logs: readonly { readonly level: string; readonly template: string; readonly properties: unknown }[];
  /** Everything that happened, for assertions that need more. */
  readonly happenings: readonly Happening[];
  /** The kit's clock. */
  readonly clock: FakeClock;
}

/**
 * Runs handlers against the memory store with a fake clock.
 * @throws {ServiceError} `config_invalid`, `handlers_invalid`.
 */
export async function createTestKit(options: TestKitOptions): Promise<TestKit> {
  const kit = new Kit(options);
  await kit.advance(0);
  return kit;
}

class Kit implements TestKit {
  readonly clock = new FakeClock();
  readonly happenings: Happening[] = [];
  readonly logs: { level: string; template: string; properties: unknown }[] = [];
  readonly #acknowledged: { stream: string; ref: string }[] = [];
  readonly #broker: MemoryBroker;
  readonly #config: Config;
  readonly #workers: readonly StreamWorker[];
  readonly #scheduler: Scheduler;
  readonly #publisher: Publisher;
  readonly #deadlines: Deadlines;

  constructor(options: TestKitOptions) {
    const { config } = parseConfig({ TEST_EVENT_INTERVAL: "0", ...options.env }, {
      hostname: "kit",
      version: "0.0.0",
      mintToken: () => "kit",
    });
    this.#config = config;
    const module = collect({ ...options.handlers });
    const schedules = [...module.schedules, ...testSchedule(config.stream.testEventIntervalMs)];
    const registry = new Registry(module.handlers, schedules, (pattern) => checkCron(pattern, config.log.timezone));
    const happenings = new Happenings();
    happenings.listen((happening) => this.#hear(happening));
    this.#broker = new MemoryBroker(this.clock);
    this.#deadlines = new Deadlines(this.clock);
    const shared = { clock: this.clock, random: options.random ?? (() => 0.5), happenings };
    const stores = this.#stores();
    this.#publisher = this.#makePublisher(stores[0]!, happenings);
    this.#workers = this.#makeWorkers(stores, registry, shared);
    this.#scheduler = new Scheduler({
      ...shared,
      store: stores[0]!,
      publisher: this.#publisher,
      schedules,
      timezone: config.log.timezone,
    });
    for (const worker of this.#workers) worker.start();
    for (const loop of this.#scheduler.loops) loop.start();
  }

  async publish(event: EventInit): Promise<Receipt> {
    const receipt = await this.#publisher.publish(event);
    await this.advance(0);
    return receipt;
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    // What the last moment set off may set timers for the same moment.
    await this.clock.advance(0);
  }

  get published(): readonly Event[] {
    return this.#config.stream.names.flatMap((stream) =>
      this.#broker.entries(stream).map(({ id, fields }) => eventOf(stream, id, fields))
    );
  }

  get acknowledged(): readonly Event[] {
    return this.#acknowledged.flatMap(({ stream, ref }) => {
      const entry = this.#broker.entries(stream).find(({ id }) => id === ref);
      return entry === undefined ? [] : [eventOf(stream, entry.id, entry.fields)];
    });
  }

  get parked(): readonly ParkedEvent[] {
    return this.#config.stream.names.flatMap((stream) =>
      this.#broker.parked(stream, this.#config.stream.group).map(({ entryId, fields, history, dueMs }) => ({
        ...eventOf(stream, entryId, fields),
        attempt: Math.max(1, attemptOf(history) - 1),
        error: history.error,
        dueMs,
      }))
    );
  }

  get deadLetters(): readonly DeadEvent[] {
    return this.#config.stream.names.flatMap((stream) =>
      this.#broker.deadLetters(stream, this.#config.stream.group).map(({ fields }) => deadOf(stream, fields))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const never = new AbortController().signal;
    const stopping = [
      ...this.#scheduler.loops.map((loop) => loop.stop()),
      ...this.#workers.map((worker) => worker.stopIntake(never)),
    ];
    await this.advance(0);
    await Promise.all(stopping);
    const stopped = this.#workers.map((worker) => worker.stop(never));
    await this.advance(0);
    await Promise.all(stopped);
    this.#deadlines.dispose();
  }

  #hear(happening: Happening): void {
    this.happenings.push(happening);
    if (happening.kind !== "settled") return;
    if (!["processed", "ignored", "duplicate"].includes(happening.outcome)) return;
    for (const ref of happening.refs) this.#acknowledged.push({ stream: happening.stream, ref });
  }

  #stores(): MemoryStreamStore[] {
    const { names, group } = this.#config.stream;
    return names.map((stream) =>
      new MemoryStreamStore({ broker: this.#broker, stream, group, publishStream: names[0]! })
    );
  }

  #makePublisher(store: MemoryStreamStore, happenings: Happenings): Publisher {
    return new Publisher({
      store,
      clock: this.clock,
      happenings,
      source: this.#config.service.name,
      maxBytes: this.#config.http.maxBodyBytes,
      dedupWindowMs: this.#config.stream.publishDedupWindowMs,
      durability: { level: "memory" },
      onDelayed: () => this.#workers[0]?.delayed(),
    });
  }

  #makeWorkers(
    stores: readonly MemoryStreamStore[],
    registry: Registry,
    shared: { clock: FakeClock; random: () => number; happenings: Happenings },
  ): StreamWorker[] {
    const { stream: s } = this.#config;
    const dispatcher = new Dispatcher(s.concurrency);
    return stores.map((store) =>
      new StreamWorker({
        ...shared,
        store,
        registry,
        dispatcher,
        deadlines: this.#deadlines,
        publisher: this.#publisher,
        logger: () => this.#logger(),
        baseName: s.consumerName,
        startId: "kit",
        leaseMs: s.leaseMs,
        batchSize: s.batchSize,
        blockMs: 2_000,
        retention: { maxLength: s.retentionMaxLength, maxAgeMs: s.retentionMaxAgeMs },
        consuming: true,
        settings: {
          maxHeld: 2 * s.batchSize + s.concurrency,
          ordering: s.ordering,
          handlerTimeoutMs: s.handlerTimeoutMs,
          maxDeliveries: s.maxDeliveries,
          retryBackoffMs: s.retryBackoffMs,
          retryBackoffMaxMs: s.retryBackoffMaxMs,
          dedupWindowMs: s.dedupWindowMs,
          maxParked: 20 * s.batchSize,
        },
      })
    );
  }

  #logger(): HandlerLogger {
    const at = (level: string) => (template: string, properties?: unknown): void => {
      this.logs.push({ level, template, properties });
    };
    return { debug: at("DEBUG"), info: at("INFO"), warn: at("WARN"), error: at("ERROR") };
  }
}

/** An entry as an event, readable or not. */
function eventOf(stream: string, id: string, fields: Fields): Event {
  const decoded = decodeEntry({ stream, id, fields });
  if (decoded.ok) return decoded.event;
  return {
    id,
    type: decoded.type ?? "undecodable",
    source: "unknown",
    time: "",
    datacontenttype: "application/octet-stream",
    data: undefined,
    extensions: {},
    entry: { stream, id },
  };
}

function deadOf(stream: string, fields: Fields): DeadEvent {
  const text = new TextDecoder();
  const letter: Record<string, string> = {};
  // Ours come last: what an original field of that name said is overwritten.
  for (let at = 0; at + 1 < fields.length; at += 2) letter[text.decode(fields[at])] = text.decode(fields[at + 1]);
  return {
    ...eventOf(stream, letter["dlq.entry"] ?? "", fields),
    reason: letter["dlq.reason"] ?? "",
    error: letter["dlq.error"] ?? "",
    deliveries: Number(letter["dlq.deliveries"] ?? 0),
  };
}
