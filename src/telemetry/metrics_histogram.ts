/**
 * A histogram for what is observed with every event. That of the library checks, hashes and looks up its labels each
 * time, which took longer than a short handler; here each label has its bins, found once, and the library gets them when
 * somebody looks.
 * @module
 */
import type { Metric, Registry } from "prom-client";

/** What a histogram is made of. */
export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending, seconds. */
  readonly buckets: readonly number[];
  /** Name of its one label. Default: none. */
  readonly label?: string;
}

/** One value as the library writes it. */
interface Sample {
  readonly labels: Record<string, string | number>;
  readonly value: number;
  readonly metricName: string;
}

/** The observations of one label. */
export class Bins {
  readonly #bounds: readonly number[];
  /** Not cumulative; what is above every bound comes last. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds Ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Counts all of them. @param many Milliseconds, any finite numbers. */
  observeMs(many: readonly number[]): void {
    const bounds = this.#bounds;
    for (const ms of many) {
      const seconds = ms / 1_000;
      let bin = 0;
      while (bin < bounds.length && seconds > bounds[bin]!) bin++;
      this.#counts[bin]!++;
      this.#sum += seconds;
    }
  }

  /** As the library writes them. */
  samples(name: string, labels: Record<string, string>): Sample[] {
    let total = 0;
    const samples: Sample[] = this.#counts.map((count, bin) => {
      total += count;
      const le = this.#bounds[bin] ?? "+Inf";
      return { labels: { le, ...labels }, value: total, metricName: `${name}_bucket` };
    });
    return [
      ...samples,
      { labels, value: this.#sum, metricName: `${name}_sum` },
      { labels, value: total, metricName: `${name}_count` },
    ];
  }
}

/** See the module's text. Labels are bounded by whoever chooses them. */
export class EventHistogram {
  readonly #o: HistogramOptions;
  readonly #bins = new Map<string, Bins>();

  /** @param registry Shows it from now on. */
  constructor(options: HistogramOptions, registry: Registry) {
    this.#o = options;
    const { name, help } = options;
    const get = () => Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values: this.#samples() });
    // The library asks no more of a metric than this, though its types do.
    registry.registerMetric({ name, help, get, getForPromString: get } as unknown as Metric);
    if (options.label === undefined) this.of("");
  }

  /** The bins of a label, made when first asked for, with all 0. */
  of(label: string): Bins {
    const known = this.#bins.get(label);
    if (known !== undefined) return known;
    const made = new Bins(this.#o.buckets);
    this.#bins.set(label, made);
    return made;
  }

  #samples(): Sample[] {
    const { name, label } = this.#o;
    return [...this.#bins].flatMap(([value, bins]) =>
      bins.samples(name, label === undefined ? {} : { [label]: value })
    );
  }
}
