/**
 * Dead letters: listed, shown, given back, thrown away.
 * @module
 */
import { idTimeMs } from "../delivery/ids.ts";
import { peekRouting } from "../events/codec.ts";
import type { Fields } from "../events/event.ts";
import { lossyText } from "../events/text.ts";
import { rfc3339, utcTime } from "../events/time.ts";
import type { RangeQuery, StoredEntry, StreamAdmin } from "../store/admin_port.ts";
import type { StreamStore } from "../store/port.ts";
import { AdminError } from "./errors.ts";
import { fieldsJson } from "./fields.ts";
import {
  cursorOf,
  demandOnly,
  entryIdOf,
  flagOf,
  type LetterFilter,
  letterFilterOf,
  limitOf,
  type Params,
  streamOf,
} from "./input.ts";
import { pageOf } from "./paging.ts";
import { bulkLetters, type BulkRequest, type BulkResult } from "./letter_bulk.ts";
import { groupLetters, type LetterGroups } from "./letter_groups.ts";
import type { Letter, Page, ReplayResult } from "./shapes.ts";

/** Parameters of {@link LetterDesk.list}. */
export const LETTER_PARAMS = ["cursor", "limit", "type", "reason", "error", "text", "stream"] as const;
/** Parameters of {@link LetterDesk.replayAll}. */
export const REPLAY_PARAMS = ["type", "reason", "error", "text", "stream", "dryRun"] as const;

/** Letters given back at once. */
const REPLAY_CHUNK = 50;
/** Names and values of ours behind the original's. */
const OURS = 20;

/** One stream with both its ports. */
export interface AdminStream {
  readonly index: number;
  readonly store: Pick<StreamStore, "stream" | "group" | "replay" | "stats" | "time">;
  readonly admin: StreamAdmin;
}

/** See the module's text. All throw {@link AdminError} `invalid`; what names a letter also `not_found`, `ambiguous`. */
export class LetterDesk {
  readonly #streams: readonly AdminStream[];
  readonly #names: readonly string[];

  /** @param streams In the order of the configuration. */
  constructor(streams: readonly AdminStream[]) {
    this.#streams = streams;
    this.#names = streams.map(({ admin }) => admin.stream);
  }

  /** Newest first. */
  async list(params: Params): Promise<Page<Letter>> {
    const filter = letterFilterOf(params, this.#names);
    const query = { ...queryOf(filter), newestFirst: true };
    const cursor = cursorOf(params, this.#streams.length);
    const page = await pageOf(this.#asked(filter.stream), query, cursor, limitOf(params));
    return { items: page.items.map(({ stream, entry }) => letterOf(stream, entry)), next: page.next };
  }

  /** One letter. @param params `stream`, where several have a letter of that id. */
  async show(id: string, params: Params): Promise<Letter> {
    const { admin, entry } = await this.#find(id, params);
    return letterOf(admin.stream, entry);
  }

  /** Gives one letter back to its group, once, with a fresh budget. */
  async replay(id: string, params: Params): Promise<ReplayResult> {
    const { store } = await this.#find(id, params);
    if (!await store.replay(id)) throw noLetter();
    return { matched: 1, replayed: 1 };
  }

  /**
   * Gives back every letter that fits and was there at the beginning, oldest first: what dies again meanwhile is not given
   * back a second time.
   * @param params A filter, and `dryRun`.
   */
  async replayAll(params: Params): Promise<ReplayResult> {
    demandOnly(params, REPLAY_PARAMS);
    const dryRun = flagOf(params, "dryRun");
    const filter = letterFilterOf(params, this.#names);
    let [matched, replayed] = [0, 0];
    for (const stream of this.#asked(filter.stream)) {
      const result = await replayStream(stream, filter, dryRun);
      matched += result.matched;
      replayed += result.replayed;
    }
    return { matched, replayed };
  }

  /** Throws a letter away for good. */
  async remove(id: string, params: Params): Promise<{ readonly deleted: number }> {
    const { admin } = await this.#find(id, params);
    if (!await admin.deleteLetter(id)) throw noLetter();
    return { deleted: 1 };
  }

  /** Letters by type, reason and kind of error. */
  groups(params: Params): Promise<LetterGroups> {
    return groupLetters(this.#streams, params);
  }

  /** Gives back or deletes those that are named, or that fit, a bounded number in one call. */
  bulk(request: BulkRequest): Promise<BulkResult> {
    return bulkLetters(this.#streams, request);
  }

  #asked(stream: string | null): readonly AdminStream[] {
    return this.#streams.filter(({ admin }) => stream === null || admin.stream === stream);
  }

  async #find(text: string, params: Params): Promise<AdminStream & { readonly entry: StoredEntry }> {
    const id = entryIdOf(text, "id");
    const asked = this.#asked(streamOf(params, this.#names));
    const found = await Promise.all(asked.map(async (stream) => {
      const { entries: [entry] } = await stream.admin.range({ of: "letters", from: { id }, to: { id }, limit: 1 });
      return entry === undefined ? [] : [{ ...stream, entry }];
    }));
    const [one, other] = found.flat();
    if (one === undefined) throw noLetter();
    if (other !== undefined) {
      throw new AdminError("ambiguous", "Several streams have a dead letter of this id: want `stream` too", "stream");
    }
    return one;
  }
}

async function replayStream(
  { admin, store }: AdminStream,
  filter: LetterFilter,
  dryRun: boolean,
): Promise<ReplayResult> {
  const { entries: [newest] } = await admin.range({ of: "letters", newestFirst: true, limit: 1 });
  let [matched, replayed] = [0, 0];
  if (newest === undefined) return { matched, replayed };
  let query: RangeQuery = { ...queryOf(filter), to: { id: newest.id }, limit: REPLAY_CHUNK };
  for (;;) {
    const part = await admin.range(query);
    matched += part.entries.length;
    if (!dryRun) {
      const done = await Promise.all(part.entries.map(({ id }) => store.replay(id)));
      replayed += done.filter((one) => one).length;
    }
    if (part.scannedTo === null) return { matched, replayed };
    query = { ...query, from: { id: part.scannedTo, exclusive: true } };
  }
}

/** A filter as the store understands it. */
export function queryOf({ type, reason, error, text }: LetterFilter): Omit<RangeQuery, "limit" | "newestFirst"> {
  const match = { ...(error === null ? {} : { error }), ...(text === null ? {} : { text }) };
  return { of: "letters", ...(type === null ? {} : { type }), ...(reason === null ? {} : { reason }), match };
}

function noLetter(): AdminError {
  return new AdminError("not_found", "There is no such dead letter: it was replayed, deleted or trimmed, or never was");
}

/** A letter as people read it; total, also for what somebody else put among the letters. */
export function letterOf(stream: string, { id, fields }: StoredEntry): Letter {
  const ours = oursOf(fields);
  const original = ours === null ? fields : fields.slice(0, -OURS);
  const times = { first: ours?.["dlq.first"], last: ours?.["dlq.last"] };
  return {
    id,
    stream,
    entryId: ours?.["dlq.entry"] ?? id,
    type: peekRouting(original).type,
    reason: ours?.["dlq.reason"] ?? "unknown",
    error: ours?.["dlq.error"] ?? "",
    deliveries: Number(ours?.["dlq.deliveries"] ?? 0) || 0,
    time: rfc3339(idTimeMs(id)),
    first: utcTime(times.first ?? ""),
    last: utcTime(times.last ?? ""),
    consumer: ours?.["dlq.consumer"] ?? null,
    replays: Number(ours?.["dlq.replays"] ?? 0) || 0,
    fields: fieldsJson(original),
  };
}

/** Ours are the last ten; an original field of the same name lies before them. */
function oursOf(fields: Fields): Readonly<Record<string, string>> | null {
  const words = fields.slice(-OURS).map(lossyText);
  if (words.length < OURS || words[0] !== "dlq.entry" || words[OURS - 2] !== "dlq.replays") return null;
  return Object.fromEntries(words.flatMap((name, index) => index % 2 === 0 ? [[name, words[index + 1] ?? ""]] : []));
}
