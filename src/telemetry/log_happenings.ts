/**
 * Turns happenings into log lines: one for each change of state, a summary every 30 s while a fault lasts, never a
 * flood, and never the payload of an event.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Happening, Happenings } from "../happenings.ts";
import { Faults, type FaultText } from "./log_faults.ts";
import { LineQuota } from "./log_quota.ts";
import type { Logger } from "./logger.ts";

/** Between two summaries. */
export const SUMMARY_MS = 30_000;

/** Error texts come from handlers and servers; the whole one is in the dead letter. */
const MAX_ERROR = 500;

/**
 * Logs what happens.
 * @param happenings What is listened to.
 * @param logger Gets the lines.
 * @param clock For how long faults last and the summaries; its timer never keeps the process alive.
 * @returns Stops listening, after a last summary of what was counted and not yet told. Harmless when called twice.
 */
export function logHappenings(happenings: Happenings, logger: Logger, clock: Clock): () => void {
  const teller = new Teller(logger, clock);
  const stopListening = happenings.listen((happening) => teller.hear(happening), teller.kinds);
  return () => {
    stopListening();
    teller.stop();
  };
}

type Kind = Happening["kind"];
type Of<K extends Kind> = Extract<Happening, { kind: K }>;
/** Attempts one by one are for whoever watches; here they are counted. */
type Told = Exclude<Kind, "started" | "finished">;
type Table = { readonly [K in Told]: (happening: Of<K>) => void };

const LINK: FaultText = {
  begin: "link {channel} {state}: {cause}",
  still: "link {channel} still down after {lastedMs} ms: {cause}",
  over: "link {channel} ready again after {lastedMs} ms",
};
const READ: FaultText = {
  begin: "reading {stream} failed: {cause}",
  still: "reading {stream} still fails after {lastedMs} ms: {cause}",
  over: "reading {stream} works again after {lastedMs} ms",
};
const SETTLE: FaultText = {
  begin: "settling in {stream} refused: {cause}",
  still: "settling in {stream} still refused after {lastedMs} ms: {cause}",
  over: "settling in {stream} works again after {lastedMs} ms",
};
const BEAT: FaultText = {
  begin: "{stream} cannot be worked on: {cause}",
  still: "{stream} still cannot be worked on after {lastedMs} ms: {cause}",
  over: "{stream} can be worked on again after {lastedMs} ms",
};
const LOOP: FaultText = {
  begin: "loop {loop} failed: {cause}",
  still: "loops still fail after {lastedMs} ms, {loop} the latest: {cause}",
  over: "loops work again after {lastedMs} ms",
};

/** Listens, counts and tells. */
class Teller {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #quota: LineQuota;
  readonly #faults: Faults;
  readonly #counts = new Map<string, number>();
  readonly #heldBackBy = new Map<string, string>();
  #cancelTimer: (() => void) | null = null;
  #stopped = false;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
    this.#quota = new LineQuota(clock, logger);
    this.#faults = new Faults(clock, logger);
  }

  hear(happening: Happening): void {
    const hadFaults = this.#faults.pending;
    // The table is complete by its type; that the row fits the happening is what the compiler cannot follow.
    (this.#table[happening.kind as Told] as (happening: Happening) => void)(happening);
    // A fault is told 30 s after it began, whatever the timer was set for before.
    const faultBegan = !hadFaults && this.#faults.pending;
    if (faultBegan || (this.#cancelTimer === null && this.#pending)) this.#arm();
  }

  /** What it wants to hear. */
  get kinds(): readonly Kind[] {
    return Object.keys(this.#table) as Told[];
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#quota.summarise();
    this.#tellCounts();
  }

  get #pending(): boolean {
    return this.#counts.size > 0 || this.#faults.pending || this.#quota.pending;
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(SUMMARY_MS, () => {
      this.#cancelTimer = null;
      this.#faults.summarise();
      this.#quota.summarise();
      this.#tellCounts();
      if (this.#pending && !this.#stopped) this.#arm();
    }, true);
  }

  #tellCounts(): void {
    if (this.#counts.size === 0) return;
    this.#logger.debug("traffic since the last such line", Object.fromEntries(this.#counts));
    this.#counts.clear();
  }

  #count(name: string, by: number): void {
    if (by > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  readonly #table: Table = {
    // Many a second: counted only.
    published: (h) => this.#count("published", h.count),
    promoted: (h) => this.#count("promoted", h.count),
    attempted: ({ agesMs, succeededMs, failedMs }) => {
      this.#count("started", agesMs.length);
      this.#count("finished", succeededMs.length);
      this.#count("failed", failedMs.length);
    },
    read: (h) => {
      this.#count("read", h.count);
      this.#faults.ended(`read:${h.stream}`, { stream: h.stream });
    },
    settled: (h) => {
      this.#count(h.outcome, h.count);
      this.#faults.ended(`settle:${h.stream}`, { stream: h.stream });
    },

    // Faults.
    link: (h) => this.#link(h),
    read_failed: (h) => {
      // The group is made again at once, and that is the one line about it.
      if (h.cause === "no_group" || h.cause === "unblocked") return this.#count("read_failed", 1);
      this.#fails(`read:${h.stream}`, READ, h.cause, { stream: h.stream, error: short(h.message) });
    },
    settle_refused: (h) =>
      this.#fails(`settle:${h.stream}`, SETTLE, h.cause, {
        stream: h.stream,
        entries: h.count,
        error: short(h.message),
      }),
    counted: () => {},
    beat: (h) => {
      if (h.ok) this.#faults.ended(`beat:${h.stream}`, { stream: h.stream });
      else this.#fails(`beat:${h.stream}`, BEAT, h.cause ?? "unknown", { stream: h.stream });
    },
    // When Redis is away every loop fails of the same cause: that is one fault. An unknown cause is each loop's own.
    loop_failed: (h) => {
      // A reader says more by `read_failed`.
      if (h.cause === "no_group" || h.cause === "unblocked" || h.loop.startsWith("reader:")) return;
      const name = h.cause === "unknown" ? `loop:${h.loop}` : `loops:${h.cause}`;
      this.#fails(name, LOOP, h.cause, { loop: h.loop, error: short(h.message) }, true);
    },
    gave_up: (h) => this.#logger.error("gave up on Redis after {attempts} attempts", { attempts: h.attempts }),

    // Events that a person may want to find again.
    parked: (h) =>
      this.#quota.tell(h.kind, "info", "{type} {entryId} failed, retry in {delayMs} ms", () => parkedOf(h)),
    dead_lettered: ({ kind, stream, ref, entryId, type, reason, error, correlationId, traceId }) =>
      this.#quota.tell(kind, "warn", "{type} {entryId} dead-lettered: {reason}", {
        ...{ stream, ref, entryId, type, reason, correlationId, traceId },
        error: short(error),
      }),
    schedule_fired: ({ kind, schedule, occurrences }) =>
      this.#quota.tell(kind, "debug", "schedule {schedule} fired", { schedule, occurrences }),

    // Changes of state.
    lease_lost: ({ kind, stream, consumer, held }) =>
      this.#quota.tell(kind, "warn", "lease of {consumer} lost, {held} entries held", { stream, consumer, held }),
    taken_over: ({ kind, stream, from, count }) =>
      this.#quota.tell(kind, "warn", "took over {count} entries from {from}", { stream, from, count }),
    handed_back: ({ kind, stream, count, failed }) =>
      failed > 0
        ? this.#quota.tell(`${kind}_failed`, "warn", "{failed} entries could not be handed back", {
          ...{ stream, count, failed },
        })
        : this.#quota.tell(kind, "info", "handed back {count} entries", { stream, count }),
    group_created: ({ kind, stream, group, again }) =>
      again
        ? this.#quota.tell(`${kind}_again`, "warn", "group {group} was gone and is made again", { stream, group })
        : this.#quota.tell(kind, "info", "group {group} created", { stream, group }),
    store_lost: ({ kind, stream, cause, count }) =>
      this.#quota.tell(kind, "warn", "the store lost {count} entries: {cause}", { stream, cause, count }),
    paused: ({ stream, paused }) => this.#logger.info(paused ? "{stream} is paused" : "{stream} goes on", { stream }),
    trimmed: (h) => this.#trimmed(h),
    lifecycle: ({ state }) => {
      // The app itself says where it listens, and on what it works.
      if (state === "draining" || state === "stopped") this.#logger.info("service {state}", { state });
      else this.#logger.debug("service {state}", { state });
    },
  };

  #fails(name: string, text: FaultText, cause: string, fields: object, endsQuietly = false): void {
    this.#faults.occurred(name, text, { sort: cause, fields: { ...fields, cause } }, endsQuietly);
  }

  #link({ channel, state, cause, message, attempt, retryInMs }: Of<"link">): void {
    const name = `link:${channel}`;
    if (state === "ready") return this.#linkReady(name, channel);
    if (state === "closing") {
      this.#faults.forget(name);
      return this.#logger.debug("link {channel} closing", { channel });
    }
    if (state === "connecting" && cause === undefined) {
      if (this.#faults.lasts(name)) this.#faults.again(name);
      else this.#quota.tell("link_connecting", "debug", "link {channel} connecting", { channel, attempt });
      return;
    }
    const why = cause ?? "connection";
    const fields = { channel, state, cause: why, attempt, retryInMs, error: short(message) };
    this.#faults.occurred(name, LINK, { sort: `${state} ${why}`, fields });
  }

  #linkReady(name: string, channel: string): void {
    if (this.#faults.lasts(name)) this.#faults.ended(name, { channel });
    else this.#quota.tell("link_ready", "info", "link {channel} ready", { channel });
  }

  #trimmed({ stream, removed, heldBackBy }: Of<"trimmed">): void {
    this.#count("trimmed", removed);
    const before = this.#heldBackBy.get(stream);
    if (heldBackBy === before) return;
    if (heldBackBy === undefined) this.#heldBackBy.delete(stream);
    else this.#heldBackBy.set(stream, heldBackBy);
    const text = heldBackBy === undefined
      ? "trimming of {stream} is no longer held back"
      : "trimming of {stream} is held back by what group {group} still needs";
    this.#quota.tell("trim_held_back", "info", text, { stream, group: heldBackBy ?? before });
  }
}

function parkedOf(
  { stream, ref, entryId, type, attempt, delayMs, correlationId, traceId, error }: Of<"parked">,
): object {
  return { stream, ref, entryId, type, attempt, delayMs, correlationId, traceId, error: short(error) };
}

function short(text: string | undefined): string | undefined {
  return text?.slice(0, MAX_ERROR);
}
