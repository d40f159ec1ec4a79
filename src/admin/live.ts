/**
 * What happens in this process, for those who watch: happenings as they come, and counts once a second.
 * @module
 */
import type { Clock } from "../clock.ts";
import { rfc3339 } from "../events/time.ts";
import type { Happening, Happenings } from "../happenings.ts";

/** One message; `data` is plain JSON. */
export interface LiveMessage {
  /** Kind of a happening, or `tick`. */
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Somebody who watches. Both must be quick and must not throw. */
export interface LiveWatcher {
  readonly onMessage: (message: LiveMessage) => void;
  /** The service ends: nothing comes any more. */
  readonly onEnd: () => void;
}

/** What a hub is made of. */
export interface LiveHubOptions {
  readonly happenings: Happenings;
  readonly clock: Clock;
  /** Most watchers at once. Default 20. */
  readonly maxWatchers?: number;
}

/** Of each second so many happenings are passed on; what is more is only counted. */
const MOST_A_SECOND = 200;
const TICK_MS = 1_000;
const MOST_REFS = 20;
/** These say nothing but that all goes on. */
const QUIET: ReadonlySet<Happening["kind"]> = new Set(["read", "beat", "counted", "attempted"]);

/** See the module's text. Costs nothing while nobody watches. */
export class LiveHub {
  readonly #o: LiveHubOptions;
  readonly #watchers = new Set<LiveWatcher>();
  readonly #unlisten: () => void;
  /** Stops listening to all that watchers are told of; null while nobody watches. */
  #unhear: (() => void) | null = null;
  #counts = new Counts();
  #passed = 0;
  #cancelTick: (() => void) | null = null;
  #ended = false;

  /** @param options See {@link LiveHubOptions}. */
  constructor(options: LiveHubOptions) {
    this.#o = options;
    this.#unlisten = options.happenings.listen((happening) => this.#lives(happening), ["lifecycle"]);
  }

  /** @returns What ends it; null: there are too many, or the service ends. */
  watch(watcher: LiveWatcher): (() => void) | null {
    if (this.#ended || this.#watchers.size >= (this.#o.maxWatchers ?? 20)) return null;
    this.#watchers.add(watcher);
    if (this.#cancelTick === null) this.#arm();
    this.#unhear ??= this.#o.happenings.listen((happening) => {
      if (happening.kind !== "lifecycle") this.#hear(happening);
    });
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#disarm();
    };
  }

  /** Somebody watches. */
  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Tells everybody who watches of something that is no happening. */
  tell(kind: string, data: Readonly<Record<string, unknown>>): void {
    this.#send(kind, data);
  }

  /** Sends everybody away, for good. Idempotent. */
  close(): void {
    this.#ended = true;
    this.#unlisten();
    this.#disarm();
    for (const watcher of [...this.#watchers]) watcher.onEnd();
    this.#watchers.clear();
  }

  #hear(happening: Happening): void {
    if (QUIET.has(happening.kind)) return;
    this.#counts.add(happening);
    if (this.#passed++ < MOST_A_SECOND) this.#send(happening.kind, bounded(happening));
  }

  #lives(happening: Happening): void {
    if (this.#watchers.size > 0) this.#hear(happening);
    // A stream without an end would hold up the end of the HTTP server.
    if (happening.kind === "lifecycle" && happening.state === "draining") this.close();
  }

  #send(kind: string, data: Readonly<Record<string, unknown>>): void {
    const message = { kind, data: { time: rfc3339(this.#o.clock.now()), ...data } };
    for (const watcher of this.#watchers) watcher.onMessage(message);
  }

  #arm(): void {
    this.#cancelTick = this.#o.clock.after(TICK_MS, () => {
      this.#send("tick", { ...this.#counts.data, suppressed: Math.max(0, this.#passed - MOST_A_SECOND) });
      this.#counts = new Counts();
      this.#passed = 0;
      this.#arm();
    }, true);
  }

  #disarm(): void {
    this.#unhear?.();
    this.#unhear = null;
    this.#cancelTick?.();
    this.#cancelTick = null;
    this.#counts = new Counts();
    this.#passed = 0;
  }
}

/** What happened within one tick. */
class Counts {
  readonly data = {
    ...{ published: 0, started: 0, succeeded: 0, failed: 0 },
    ...{ processed: 0, retried: 0, dead_lettered: 0, ignored: 0, duplicate: 0 },
    /** Durations of attempts, ms. */
    ...{ totalMs: 0, maxMs: 0 },
  };

  add(happening: Happening): void {
    const { data } = this;
    if (happening.kind === "published") data.published += happening.count;
    else if (happening.kind === "started") data.started++;
    else if (happening.kind === "settled") data[happening.outcome] += happening.count;
    else if (happening.kind === "finished") {
      data[happening.ok ? "succeeded" : "failed"]++;
      data.totalMs += happening.durationMs;
      data.maxMs = Math.max(data.maxMs, happening.durationMs);
    }
  }
}

/** Without the kind, which is said apart, and with no more refs than anybody reads. */
function bounded({ kind: _, ...data }: Happening): Readonly<Record<string, unknown>> {
  return "refs" in data && data.refs.length > MOST_REFS ? { ...data, refs: data.refs.slice(0, MOST_REFS) } : data;
}
