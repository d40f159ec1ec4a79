/**
 * Metrics: listens to what happens, counts, and gives it all as Prometheus text.
 *
 * The library that does this is loaded after the service listens, so that a cold start does not wait for it. What
 * happens before that is kept, it is little: no event is read before {@link Metrics.load} has ended.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Happening, Happenings } from "../happenings.ts";
import type { Instruments } from "./metrics_instruments.ts";
import { type FigureSource, StreamSampler } from "./metrics_sampler.ts";

/** One answered request. `method` and `route` are bounded: the route is a pattern, never the path. */
export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** What metrics are made of. */
export interface MetricsOptions {
  readonly clock: Clock;
  readonly happenings: Happenings;
  readonly service: { readonly name: string; readonly version: string };
  /** The first is where the service publishes. */
  readonly streams: readonly string[];
  readonly group: string;
  /** Whether Redis takes our work, from memory. */
  readonly redisUsable: () => boolean;
  /** Log lines that were never written, since the start. */
  readonly logLinesDropped: () => number;
}

/** Prometheus text and its content type. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

/** Most of what happened before the library was there; a few links and probes, unless something floods. */
const MAX_EARLY = 10_000;
/** What is counted. */
const HEARD = ["attempted", "settled", "published", "lease_lost", "store_lost", "link"] as const;

/** See the module's text. */
export class Metrics {
  readonly #o: MetricsOptions;
  readonly #sampler: StreamSampler;
  readonly #unlisten: () => void;
  #instruments: Instruments | null = null;
  #early: ((instruments: Instruments) => void)[] = [];
  #loading: Promise<Instruments> | null = null;

  /** @param options See {@link MetricsOptions}. Listens from now on; loads nothing. */
  constructor(options: MetricsOptions) {
    this.#o = options;
    this.#sampler = new StreamSampler({ clock: options.clock, usable: options.redisUsable });
    this.#unlisten = options.happenings.listen((happening) => this.#hear(happening), HEARD);
  }

  /** Loads the library. Idempotent. @throws It is not there. */
  async load(): Promise<void> {
    await this.#load();
  }

  /** These types are labels of their own, however many others come, and there from the start, with 0. */
  knowTypes(types: { readonly handled: readonly string[]; readonly published: readonly string[] }): void {
    this.#do((instruments) => instruments.know(types));
  }

  /** Whose figures the gauges show. */
  watch(sources: readonly FigureSource[]): void {
    this.#sampler.watch(sources);
  }

  /** An HTTP request was answered. */
  request(request: AnsweredRequest): void {
    this.#do((instruments) => instruments.request(request));
  }

  /** Everything, now. Takes a moment at most, whatever Redis does. @throws The library is not there. */
  async expose(): Promise<Exposition> {
    const [instruments, figures] = await Promise.all([this.#load(), this.#sampler.figures()]);
    return await instruments.expose(figures);
  }

  /** Stops listening. */
  dispose(): void {
    this.#unlisten();
  }

  #hear(happening: Happening): void {
    if (this.#instruments !== null) this.#instruments.hear(happening);
    else this.#do((instruments) => instruments.hear(happening));
  }

  #do(act: (instruments: Instruments) => void): void {
    if (this.#instruments !== null) act(this.#instruments);
    else if (this.#early.length < MAX_EARLY) this.#early.push(act);
  }

  #load(): Promise<Instruments> {
    return this.#loading ??= this.#make();
  }

  async #make(): Promise<Instruments> {
    const { Instruments } = await import("./metrics_instruments.ts");
    const instruments = new Instruments(this.#o);
    for (const act of this.#early.splice(0)) act(instruments);
    this.#instruments = instruments;
    return instruments;
  }
}
