/**
 * Many dead letters at once: those that a person has picked, or all that a filter finds, given back or deleted in
 * requests that each do a bounded part. What a dry run counted is what is done: letters that come later are left alone.
 * @module
 */
import type { RangeQuery } from "../store/admin_port.ts";
import { invalid } from "./errors.ts";
import { cursorOf, cursorText, entryIdOf, letterFilterOf, type Params, type Position } from "./input.ts";
import { type AdminStream, queryOf } from "./letters.ts";

/** One letter that was picked. */
export interface PickedLetter {
  readonly id: string;
  readonly stream: string;
}

/** What is to be done. */
export interface BulkRequest {
  readonly action: "replay" | "delete";
  /** At most 500; then there is no filter. */
  readonly letters?: readonly PickedLetter[];
  /** `type` `reason` `error` `text` `stream`; and `until` and `cursor` of an earlier answer. */
  readonly params: Params;
  /** Counts, and changes nothing. */
  readonly dryRun: boolean;
}

/** What was done, in this request. */
export interface BulkResult {
  readonly matched: number;
  readonly replayed: number;
  readonly deleted: number;
  /** Letters up to here, epoch ms of Redis, are meant. Give it back with the next request. */
  readonly until: string | null;
  /** Where to go on; null: that was all. */
  readonly next: string | null;
  /** False: a dry run that stopped counting; there are at least `matched`. */
  readonly complete: boolean;
}

/** Most letters that one request names. */
export const MOST_PICKED = 500;
/** Letters of one request by filter, and at once. */
const PART = 1_000;
const CHUNK = 50;
/** Looks of one request by filter, of 1,000 letters each: where few fit, they would have no end. */
const LOOKS = 100;
/** Calls of a dry run, of 1,000 letters each. */
const COUNT_CALLS = 200;

/** @throws {AdminError} `invalid` */
export async function bulkLetters(streams: readonly AdminStream[], request: BulkRequest): Promise<BulkResult> {
  if (request.letters !== undefined) return await picked(streams, request.letters, request);
  const filter = letterFilterOf(request.params, streams.map(({ admin }) => admin.stream));
  const asked = streams.filter(({ admin }) => filter.stream === null || admin.stream === filter.stream);
  const until = untilOf(request.params) ?? String(await streams[0]!.store.time());
  const query = { ...queryOf(filter), to: { id: `${until}-18446744073709551615` } };
  if (request.dryRun) return { ...NONE, ...await count(asked, query), until };
  return { ...await part(asked, query, cursorOf(request.params, streams.length), request.action), until };
}

const NONE: BulkResult = { matched: 0, replayed: 0, deleted: 0, until: null, next: null, complete: true };

async function picked(
  streams: readonly AdminStream[],
  letters: readonly PickedLetter[],
  { action, dryRun }: BulkRequest,
): Promise<BulkResult> {
  if (letters.length === 0 || letters.length > MOST_PICKED) throw invalid("letters", `1 to ${MOST_PICKED} letters`);
  const targets = letters.map(({ id, stream }) => {
    const found = streams.find(({ admin }) => admin.stream === stream);
    if (found === undefined) throw invalid("stream", "one of the streams of this service");
    return { id: entryIdOf(id, "id"), ...found };
  });
  let done = 0;
  for (let at = 0; at < targets.length; at += CHUNK) {
    const results = await Promise.all(
      targets.slice(at, at + CHUNK).map(async (target) => {
        if (!dryRun) return await act(target, target.id, action);
        const bound = { id: target.id };
        return (await target.admin.range({ of: "letters", from: bound, to: bound, limit: 1 })).entries.length === 1;
      }),
    );
    done += results.filter((one) => one).length;
  }
  return { ...NONE, ...(dryRun ? { matched: done } : counted(action, done, done)) };
}

async function count(
  streams: readonly AdminStream[],
  { of: _, ...query }: Omit<RangeQuery, "limit">,
): Promise<Pick<BulkResult, "matched" | "complete">> {
  let [matched, calls] = [0, 0];
  for (const { admin } of streams) {
    for (let rest = query;; calls++) {
      const { kinds, scannedTo } = await admin.letterKinds(rest);
      matched += kinds.reduce((sum, kind) => sum + kind.count, 0);
      if (scannedTo === null) break;
      if (calls >= COUNT_CALLS) return { matched, complete: false };
      rest = { ...query, to: { id: scannedTo, exclusive: true } };
    }
  }
  return { matched, complete: true };
}

/** The next part, oldest first, stream by stream. */
async function part(
  streams: readonly AdminStream[],
  query: Omit<RangeQuery, "limit">,
  cursor: Position | null,
  action: BulkRequest["action"],
): Promise<BulkResult> {
  let [matched, done, looks, from] = [0, 0, 0, cursor];
  for (const stream of streams.filter(({ index }) => cursor === null || index >= cursor.index)) {
    for (;;) {
      const begin = from?.index === stream.index ? { from: { id: from.id, exclusive: true } } : {};
      const found = await stream.admin.range({ ...query, ...begin, limit: CHUNK });
      const results = await Promise.all(found.entries.map(({ id }) => act(stream, id, action)));
      matched += found.entries.length;
      done += results.filter((one) => one).length;
      if (found.scannedTo === null) break;
      from = { id: found.scannedTo, index: stream.index };
      const enough = matched >= PART || ++looks >= LOOKS;
      if (enough) return { ...NONE, ...counted(action, matched, done), next: cursorText(from) };
    }
  }
  return { ...NONE, ...counted(action, matched, done) };
}

function act({ store, admin }: AdminStream, id: string, action: BulkRequest["action"]): Promise<boolean> {
  return action === "replay" ? store.replay(id) : admin.deleteLetter(id);
}

function counted(action: BulkRequest["action"], matched: number, done: number): Partial<BulkResult> {
  return { matched, ...(action === "replay" ? { replayed: done } : { deleted: done }) };
}

function untilOf({ until }: Params): string | null {
  if (!until) return null;
  if (!/^\d{1,15}$/.test(until)) throw invalid("until", "the `until` of an earlier answer");
  return until;
}
