/**
 * The memory adapter of the StreamAdmin port.
 * @module
 */
import {
  type Bound,
  type ConsumerFacts,
  type ConsumersPart,
  type GroupFacts,
  type LetterKind,
  type LetterKindsPart,
  MAX_CONSUMERS,
  type RangePart,
  type RangeQuery,
  type StoredPlace,
  type StreamAdmin,
  type StreamFacts,
} from "../admin_port.ts";
import { compareIds, nextId } from "../../delivery/ids.ts";
import { FRESH } from "../port.ts";
import type { MemoryBroker } from "./broker.ts";
import type { GroupView } from "./group_view.ts";
import { peers } from "./holding.ts";
import { deadLetterStream } from "./keyspace.ts";
import { fits, kindOf } from "./filter.ts";
import { openLetter } from "./letters.ts";
import { compare, type GroupState, PARKED, parseId, type Pending, type StreamLog } from "./log.ts";

/** What a {@link MemoryStreamAdmin} is made of. */
export interface MemoryAdminOptions {
  readonly broker: MemoryBroker;
  readonly stream: string;
  readonly group: string;
}

/** One stream and one group on a {@link MemoryBroker}; looks at everything there is, so that it is always certain. */
export class MemoryStreamAdmin implements StreamAdmin {
  /** @inheritdoc */
  readonly stream: string;
  /** @inheritdoc */
  readonly group: string;
  readonly #broker: MemoryBroker;
  readonly #view: GroupView;

  /** Shares the broker's data with the stores on it. */
  constructor({ broker, stream, group }: MemoryAdminOptions) {
    this.stream = stream;
    this.group = group;
    this.#broker = broker;
    this.#view = broker.view(stream, group);
  }

  /** @inheritdoc */
  facts({ consumers = true }: { readonly consumers?: boolean } = {}): Promise<StreamFacts> {
    return this.#do("facts", () => {
      const { log, side } = this.#view;
      const nowMs = this.#broker.now();
      const { delayed } = this.#broker.data.publishing(this.stream);
      const due = [...side.parked.values(), ...delayed].filter(({ dueMs }) => dueMs <= nowMs).length;
      const groups = [...log?.groups ?? []].map(([name, state]) => groupFacts(name, state, log!));
      return {
        nowMs,
        groups,
        consumers: consumers ? this.#consumers(nowMs) : [],
        due,
        pausedSinceMs: side.pausedSinceMs,
      };
    });
  }

  /** @inheritdoc */
  consumers(from: number, count: number): Promise<ConsumersPart> {
    return this.#do("consumers", () => {
      const all = [...this.#consumers(this.#broker.now())];
      all.sort((a, b) => b.pending - a.pending || (a.consumer < b.consumer ? -1 : 1));
      return { consumers: all.slice(from, from + count), total: all.length };
    });
  }

  /** @inheritdoc */
  letterKinds(query: Omit<RangeQuery, "of" | "limit" | "newestFirst">): Promise<LetterKindsPart> {
    return this.#do("letter kinds", () => {
      const all = this.#broker.deadLetters(this.stream, this.group).toReversed();
      const letters = all.filter(({ id }) => isAfter(id, query.from) && isBefore(id, query.to));
      const kinds = new Map<string, LetterKind>();
      for (
        const { id, fields } of letters.filter(({ fields }) => fits(fields, { ...query, of: "letters", limit: 1 }))
      ) {
        const kind = kindOf(fields);
        const key = JSON.stringify(Object.values(kind));
        const before = kinds.get(key) ?? { ...kind, count: 0, newest: id, oldest: id };
        kinds.set(key, { ...before, count: before.count + 1, oldest: id });
      }
      return { kinds: [...kinds.values()], scanned: letters.length, scannedTo: null };
    });
  }

  /** @inheritdoc */
  where(entryId: string): Promise<StoredPlace | null> {
    return this.#do("where", () => this.#where(entryId));
  }

  /** @inheritdoc */
  range(query: RangeQuery): Promise<RangePart> {
    return this.#do("range", () => {
      const { of, from, to, newestFirst = false, limit } = query;
      const name = of === "letters" ? deadLetterStream(this.stream, this.group) : this.stream;
      const inside = this.#broker.entries(name).filter(({ id }) => isAfter(id, from) && isBefore(id, to));
      const fitting = (newestFirst ? inside.toReversed() : inside).filter(({ fields }) => fits(fields, query));
      const entries = fitting.slice(0, limit).map(({ id, fields }) => ({ id, fields }));
      return { entries, scannedTo: entries.length === limit ? entries.at(-1)!.id : null };
    });
  }

  /** @inheritdoc */
  deleteLetter(letterId: string): Promise<boolean> {
    const letters = deadLetterStream(this.stream, this.group);
    return this.#do("delete a letter", () => this.#broker.data.log(letters)?.remove(letterId) ?? false);
  }

  /** @inheritdoc */
  setPaused(paused: boolean): Promise<void> {
    return this.#do("pause", () => {
      const { side } = this.#view;
      side.pausedSinceMs = paused ? side.pausedSinceMs ?? this.#broker.now() : null;
    });
  }

  /** @inheritdoc */
  pausedSince(): Promise<number | null> {
    return this.#do("paused since", () => this.#view.side.pausedSinceMs);
  }

  #where(entryId: string): StoredPlace | null {
    const { log, state, side } = this.#view;
    const entry = log?.get(entryId);
    const pending = state?.pending.get(entryId);
    if (entry !== undefined && pending !== undefined) return this.#pendingPlace(pending);
    const delivered = state !== undefined && compare(parseId(entryId), state.lastDelivered) <= 0;
    if (entry !== undefined && !delivered) return { state: "waiting", replay: false };
    if (side.lane.some((replay) => replay.entryId === entryId)) return { state: "waiting", replay: true };
    const replay = [...side.replays.values()].find((replay) => replay.entryId === entryId);
    if (replay !== undefined) return this.#pendingPlace(replay);
    const letters = this.#broker.deadLetters(this.stream, this.group);
    const letter = letters.find(({ fields }) => openLetter(fields)?.entryId === entryId);
    if (letter !== undefined) return { state: "dead", letter: { id: letter.id, fields: letter.fields } };
    if (entry !== undefined) return { state: "done", certain: true };
    return log !== undefined && log.mayHaveRemoved(entryId) ? { state: "trimmed", delivered, certain: true } : null;
  }

  #pendingPlace({ ref, owner, deliveredMs }: Pending): StoredPlace {
    const { side } = this.#view;
    const history = side.records.get(ref) ?? FRESH;
    const replay = ref.startsWith("r:");
    if (owner === PARKED) {
      const parked = side.parked.get(ref);
      return { state: "parked", replay, owner: parked?.owner ?? null, dueMs: parked?.dueMs || null, history };
    }
    const registration = side.registered.get(owner);
    const leaseLeftMs = registration === undefined ? null : registration.leaseUntilMs - this.#view.monotonic();
    return { state: "held", replay, owner, sinceMs: this.#since(deliveredMs), leaseLeftMs, history };
  }

  #consumers(nowMs: number): readonly ConsumerFacts[] {
    return peers(this.#view, "").slice(0, MAX_CONSUMERS).map((peer) => {
      const first = this.#view.heldBy(peer.consumer)[0];
      const parked = [...this.#view.side.parked.values()].filter(({ owner }) => owner === peer.consumer).length;
      const holdsSinceMs = first === undefined ? null : Math.min(nowMs, this.#since(first.deliveredMs));
      return { ...peer, parked, holdsSinceMs };
    });
  }

  /** Store time of a monotonic moment. */
  #since(deliveredMs: number): number {
    return this.#view.now() - Math.floor(this.#view.monotonic() - deliveredMs);
  }

  async #do<T>(operation: string, work: () => T): Promise<T> {
    await Promise.resolve();
    this.#broker.faults.check(operation, "answer");
    return work();
  }
}

function groupFacts(name: string, { consumers, pending, lastDelivered }: GroupState, log: StreamLog): GroupFacts {
  const last = `${lastDelivered.ms}-${lastDelivered.seq}`;
  const [first] = [...pending.keys()].sort(compareIds);
  const needs = first !== undefined && compareIds(first, last) <= 0 ? first : nextId(last);
  return {
    name,
    consumers: consumers.size,
    pending: pending.size,
    lastDelivered: last,
    lag: log.countAfter(lastDelivered),
    needs,
  };
}

function isAfter(id: string, bound: Bound | undefined): boolean {
  return bound === undefined || compareIds(id, bound.id) > (bound.exclusive ? 0 : -1);
}

function isBefore(id: string, bound: Bound | undefined): boolean {
  return bound === undefined || compareIds(id, bound.id) < (bound.exclusive ? 0 : 1);
}
