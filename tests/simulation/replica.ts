/**
 * One replica of the service: its own loops, composed as in `app.ts`, over a bad connection to the one broker.
 * @module
 */
import type { RunningParts } from "../../src/app/running_parts.ts";
import type { AdminParts } from "../../src/app/admin_parts.ts";
import type { RedisParts } from "../../src/app/redis_parts.ts";
import { shutDown } from "../../src/app/shutdown.ts";
import { Watcher } from "../../src/app/watcher.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Schedule } from "../../src/handling/define.ts";
import { Registry } from "../../src/handling/registry.ts";
import { Happenings } from "../../src/happenings.ts";
import type { MemoryBroker } from "../../src/store/memory/broker.ts";
import { MemoryStreamStore } from "../../src/store/memory/memory_store.ts";
import { Deadlines } from "../../src/stream/deadlines.ts";
import { Dispatcher } from "../../src/stream/dispatcher.ts";
import { Publisher } from "../../src/stream/publisher.ts";
import { Scheduler } from "../../src/stream/scheduler.ts";
import { StreamWorker } from "../../src/stream/worker.ts";
import { recordingLogger } from "../../src/telemetry/recording_logger.ts";
import { ChaosStore } from "./chaos_store.ts";
import type { Dice } from "./dice.ts";
import type { Ledger, Watched } from "./ledger.ts";
import { handlersFor, type HandlerWorld } from "./plans.ts";
import { SimProcess } from "./process.ts";
import type { VirtualClock } from "./virtual_clock.ts";
import { type Weather, Wire } from "./wire.ts";

/** The stream and the group of every simulation. */
export const STREAM = "events";
export const GROUP = "sim";

const SHUTDOWN = parseConfig({ COMMAND_TIMEOUT: "1000", SHUTDOWN_TIMEOUT: "1000", SHUTDOWN_DELAY: "0" }, {
  hostname: "sim",
  version: "0.0.0",
  mintToken: () => "sim",
}).config;

/** Settings that differ between simulations. */
export interface Settings {
  readonly leaseMs: number;
  readonly batchSize: number;
  readonly concurrency: number;
  readonly maxDeliveries: number;
  readonly maxParked: number;
  readonly dedupWindowMs: number;
  readonly handlerTimeoutMs: number;
}

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly world: VirtualClock;
  readonly broker: MemoryBroker;
  readonly dice: Dice;
  readonly ledger: Ledger;
  /** Place of the replica, and number of this start: `r0`, `s3`. */
  readonly slot: string;
  readonly startId: string;
  readonly settings: Settings;
  readonly schedules: readonly Schedule[];
  readonly weather: () => Weather;
  readonly trace: (line: string) => void;
  readonly handlerWorld: Pick<HandlerWorld, "planOf" | "count">;
  /** A poison event has killed it. */
  readonly onPoisoned: (replica: Replica, ref: string) => void;
}

/** Most entries held, as the contract bounds it. */
export function maxHeldOf({ batchSize, concurrency }: Settings): number {
  return 2 * batchSize + concurrency;
}

/** See the module's text. */
export class Replica implements Watched {
  readonly name: string;
  readonly process: SimProcess;
  readonly happenings = new Happenings();
  readonly worker: StreamWorker;
  readonly publisher: Publisher;
  readonly concurrency: number;
  /** True once it was asked to end in order. */
  stopping = false;
  readonly #attempts = new Set<{ readonly signal: () => AbortSignal; readonly consumer: string }>();
  readonly #o: ReplicaOptions;
  readonly #wires: { readonly command: Wire; readonly reader: Wire };
  readonly #dispatcher: Dispatcher;
  readonly #deadlines: Deadlines;
  readonly #scheduler: Scheduler;
  readonly #store: ChaosStore;
  readonly #log = recordingLogger("ERROR").logger;

  /** @param options See {@link ReplicaOptions}. Nothing runs before {@link start}. */
  constructor(options: ReplicaOptions) {
    this.#o = options;
    this.name = `${options.slot}-${options.startId}`;
    this.process = new SimProcess(options.world);
    this.concurrency = options.settings.concurrency;
    options.ledger.enroll(options.startId, this.process);
    this.happenings.listen((happening) => options.ledger.hear(this, happening));
    this.#wires = { command: this.#wire("command"), reader: this.#wire("reader") };
    const inner = new MemoryStreamStore({ broker: options.broker, stream: STREAM, group: GROUP });
    this.#store = new ChaosStore({ inner, ...this.#wires, witness: options.ledger });
    this.#dispatcher = new Dispatcher(this.concurrency);
    this.#deadlines = new Deadlines(this.process);
    this.publisher = this.#makePublisher();
    this.worker = this.#makeWorker();
    this.#scheduler = new Scheduler({
      ...this.#shared(),
      publisher: this.publisher,
      schedules: options.schedules,
      timezone: "UTC",
    });
  }

  /** The consumer's present name. */
  consumer = (): string => this.worker.membership.name;

  /** Entries that the consumer says it holds. */
  get held(): number {
    return this.worker.consumer.held;
  }

  /** True when an attempt runs on for a consumer that is known to be taken over, and its signal has not said so. */
  get deaf(): boolean {
    const consumer = this.consumer();
    for (const attempt of this.#attempts) if (attempt.consumer !== consumer && !attempt.signal().aborted) return true;
    return false;
  }

  /** Starts every loop. */
  start(): void {
    if (this.#o.dice.chance(0.5)) this.worker.trustStart();
    this.worker.start();
    for (const loop of this.#scheduler.loops) loop.start();
  }

  /** Dies there and then. */
  crash(cause: string): void {
    if (this.process.state === "dead") return;
    this.process.die(cause);
    for (const wire of Object.values(this.#wires)) wire.cut();
    this.#o.ledger.died(this.process);
  }

  /** Loses its connections for this long. */
  disconnect(downMs: number): void {
    for (const wire of Object.values(this.#wires)) wire.break("connection", downMs);
  }

  /** Its connections are good from now on. */
  heal(): void {
    for (const wire of Object.values(this.#wires)) wire.heal();
  }

  /** Ends in order, as on SIGTERM. @returns The exit code. */
  async stop(): Promise<number> {
    this.stopping = true;
    const watcher = new Watcher({ ...this.#shared(), stores: [], serverFacts: () => Promise.resolve(null) });
    const parts: RunningParts = {
      redis: { close: () => Promise.resolve() } as unknown as RedisParts,
      workers: [this.worker],
      dispatcher: this.#dispatcher,
      deadlines: this.#deadlines,
      scheduler: this.#scheduler,
      publisher: this.publisher,
      watcher,
      // All that the end asks of it is a loop to stop.
      admin: { pause: { loop: watcher.loop } } as unknown as AdminParts,
    };
    const { process: clock, happenings } = this;
    const log = this.#log;
    const code = await shutDown({ config: SHUTDOWN, clock, happenings, log, parts, http: null, embedded: null });
    this.crash("stopped");
    return code;
  }

  #wire(channel: string): Wire {
    const { world, dice, weather, trace } = this.#o;
    const { process, happenings } = this;
    return new Wire({
      world,
      process,
      dice,
      happenings,
      channel,
      weather,
      trace: (line) => trace(`${this.name} ${line}`),
    });
  }

  #shared(): { store: ChaosStore; clock: SimProcess; random: () => number; happenings: Happenings } {
    return { store: this.#store, clock: this.process, random: this.#o.dice.next, happenings: this.happenings };
  }

  #makePublisher(): Publisher {
    let ids = 0;
    return new Publisher({
      ...this.#shared(),
      source: "sim",
      maxBytes: 100_000,
      dedupWindowMs: 600_000,
      durability: { level: "memory" },
      newId: () => `${this.name}-${ids++}`,
      onDelayed: () => this.worker.delayed(),
    });
  }

  #makeWorker(): StreamWorker {
    const { settings: s, slot, startId, handlerWorld } = this.#o;
    const handlers = handlersFor({
      ...handlerWorld,
      clock: this.process,
      timeoutMs: s.handlerTimeoutMs,
      enter: (ctx) => {
        const attempt = { signal: () => ctx.signal, consumer: this.consumer() };
        this.#attempts.add(attempt);
        return () => this.#attempts.delete(attempt);
      },
      crash: (event) => this.#o.onPoisoned(this, event.entry.id),
    });
    return new StreamWorker({
      ...this.#shared(),
      registry: new Registry(handlers, [], () => null),
      dispatcher: this.#dispatcher,
      deadlines: this.#deadlines,
      publisher: this.publisher,
      logger: () => this.#log,
      baseName: slot,
      startId,
      leaseMs: s.leaseMs,
      batchSize: s.batchSize,
      blockMs: 500,
      retention: { maxLength: 1_000_000, maxAgeMs: 604_800_000 },
      consuming: true,
      settings: {
        maxHeld: maxHeldOf(s),
        ordering: "key",
        handlerTimeoutMs: s.handlerTimeoutMs,
        maxDeliveries: s.maxDeliveries,
        retryBackoffMs: 200,
        retryBackoffMaxMs: 2_000,
        dedupWindowMs: s.dedupWindowMs,
        maxParked: s.maxParked,
      },
    });
  }
}
