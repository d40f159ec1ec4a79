/**
 * Every metric by name, and what each happening does to them. Loaded late: it brings the library.
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Happening, Outcome } from "../happenings.ts";
import type { AnsweredRequest, Exposition, MetricsOptions } from "./metrics.ts";
import { type Bins, EventHistogram } from "./metrics_histogram.ts";
import { BoundedLabels } from "./metrics_labels.ts";
import { registerProcessMetrics } from "./metrics_process.ts";
import type { FigureSource, StreamFigures } from "./metrics_sampler.ts";

/** Types that become labels without being known beforehand. */
const MAX_TYPES = 200;
const OUTCOMES: readonly Outcome[] = ["processed", "retried", "dead_lettered", "ignored", "duplicate"];
/** Why the store can have lost an entry; others show once they happen. */
const LOSSES = ["deleted", "trimmed", "removed", "rolled_back"] as const;

const HTTP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const HANDLER_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const AGE_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];

type GaugeName = "lag" | "pending" | "parked" | "dead_letters" | "delayed" | "oldest_age_seconds";
type StreamGauge = { readonly gauge: Gauge<"stream" | "group">; readonly value: (figures: StreamFigures) => number };

/** See the module's text. */
export class Instruments {
  readonly #registry = new Registry();
  readonly #types = new BoundedLabels(MAX_TYPES);
  readonly #o: MetricsOptions;
  readonly #published: Counter<"stream" | "type">;
  readonly #events: Counter<"stream" | "group" | "type" | "outcome">;
  readonly #durations: EventHistogram;
  readonly #age: Bins;
  readonly #leasesLost: Counter;
  readonly #storeLost: Counter<"stream" | "cause">;
  readonly #reconnects: Counter;
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #gauges: readonly StreamGauge[];
  readonly #connected = new Set<string>();

  /** @param options See {@link MetricsOptions}. */
  constructor(options: MetricsOptions) {
    this.#o = options;
    const registers = [this.#registry];
    this.#published = new Counter({
      name: "stream_events_published_total",
      help: "Events published: over HTTP, by schedules and as effects. Delayed ones count when they are accepted.",
      labelNames: ["stream", "type"],
      registers,
    });
    this.#events = new Counter({
      name: "stream_events_total",
      help: "Events by how they ended; `retried` counts attempts that are to be repeated.",
      labelNames: ["stream", "group", "type", "outcome"],
      registers,
    });
    this.#durations = new EventHistogram({
      name: "stream_handler_duration_seconds",
      help: "How long attempts took.",
      label: "type",
      buckets: HANDLER_BUCKETS,
    }, this.#registry);
    const age = new EventHistogram({
      name: "stream_event_age_seconds",
      help: "Age of an event, from its time to the start of each attempt.",
      buckets: AGE_BUCKETS,
    }, this.#registry);
    this.#age = age.of("");
    this.#leasesLost = new Counter({
      name: "stream_leases_lost_total",
      help: "How often this process was taken over by another.",
      registers,
    });
    this.#storeLost = new Counter({
      name: "stream_store_lost_total",
      help: "Entries that the store destroyed before they were settled.",
      labelNames: ["stream", "cause"],
      registers,
    });
    this.#reconnects = new Counter({
      name: "redis_reconnects_total",
      help: "Connections to Redis that were made anew after one was lost.",
      registers,
    });
    this.#requests = new Histogram({
      name: "http_request_duration_seconds",
      help: "HTTP requests by route.",
      labelNames: ["method", "route", "status"],
      buckets: HTTP_BUCKETS,
      registers,
    });
    this.#gauges = this.#streamGauges();
    this.#ownGauges();
    for (const stream of options.streams) for (const cause of LOSSES) this.#storeLost.inc({ stream, cause }, 0);
  }

  /** Types that are labels of their own, and there from the start. */
  know({ handled, published }: { readonly handled: readonly string[]; readonly published: readonly string[] }): void {
    const { streams, group } = this.#o;
    this.#types.know([...handled, ...published]);
    for (const type of handled) {
      this.#durations.of(type);
      for (const stream of streams) {
        for (const outcome of OUTCOMES) this.#events.inc({ stream, group, type, outcome }, 0);
      }
    }
    for (const type of published) this.#published.inc({ stream: streams[0]!, type }, 0);
  }

  /** Counts what happened. */
  hear(happening: Happening): void {
    switch (happening.kind) {
      case "attempted": {
        const { type, agesMs, succeededMs, failedMs } = happening;
        this.#age.observeMs(agesMs);
        // The label is there once something of it has ended.
        if (succeededMs.length + failedMs.length === 0) return;
        const durations = this.#durations.of(this.#types.of(type));
        durations.observeMs(succeededMs);
        return durations.observeMs(failedMs);
      }
      case "settled": {
        const { stream, group, outcome, count } = happening;
        return this.#events.inc({ stream, group, type: this.#types.of(happening.type), outcome }, count);
      }
      case "published":
        return this.#published.inc({ stream: happening.stream, type: this.#types.of(happening.type) }, happening.count);
      case "lease_lost":
        return this.#leasesLost.inc();
      case "store_lost":
        return this.#storeLost.inc({ stream: happening.stream, cause: happening.cause }, happening.count);
      case "link":
        if (happening.state === "ready") this.#ready(happening.channel);
        return;
      default:
        return;
    }
  }

  /** Counts a request. */
  request({ method, route, status, durationMs }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status }, durationMs / 1_000);
  }

  /** Everything as text, with these figures in the gauges. */
  async expose(figures: ReadonlyMap<FigureSource, StreamFigures>): Promise<Exposition> {
    for (const [{ stream, group }, latest] of figures) {
      for (const { gauge, value } of this.#gauges) gauge.set({ stream, group }, value(latest));
    }
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #ready(channel: string): void {
    if (this.#connected.has(channel)) this.#reconnects.inc();
    else this.#connected.add(channel);
  }

  #streamGauges(): readonly StreamGauge[] {
    const gauge = (name: GaugeName, help: string, value: StreamGauge["value"]): StreamGauge => ({
      gauge: new Gauge({ name: `stream_${name}`, help, labelNames: ["stream", "group"], registers: [this.#registry] }),
      value,
    });
    return [
      gauge("lag", "Entries that the group has not been given yet.", (figures) => figures.lag),
      gauge("pending", "Entries that consumers hold, parked ones apart.", (figures) => figures.pending),
      gauge("parked", "Entries that wait for their retry.", (figures) => figures.parked),
      gauge("dead_letters", "Entries given up on and kept for a person.", (figures) => figures.deadLetters),
      gauge("delayed", "Published events whose time has not come; the same for all groups.", (f) => f.delayed),
      gauge(
        "oldest_age_seconds",
        "Age of the oldest entry that the group has not finished; 0: none.",
        (figures) => figures.oldestAgeMs / 1_000,
      ),
    ];
  }

  #ownGauges(): void {
    const { redisUsable, logLinesDropped, service } = this.#o;
    const registers = [this.#registry];
    new Gauge({
      name: "redis_up",
      help: "1 while Redis takes our work.",
      registers,
      collect(): void {
        this.set(redisUsable() ? 1 : 0);
      },
    });
    new Counter({
      name: "log_lines_dropped_total",
      help: "Log lines that were not written, because their reader was too slow or gone.",
      registers,
      collect(): void {
        this.reset();
        this.inc(logLinesDropped());
      },
    });
    new Gauge({ name: "service_info", help: "Always 1.", labelNames: ["name", "version"], registers }).set({
      ...service,
    }, 1);
    registerProcessMetrics(this.#registry, this.#o.clock);
  }
}
