/**
 * Pages over several streams in one order: by entry id, and where ids are the same by the place of the stream.
 * @module
 */
import { compareIds } from "../delivery/ids.ts";
import type { Bound, RangeQuery, StoredEntry, StreamAdmin } from "../store/admin_port.ts";
import { cursorText, type Position } from "./input.ts";
import type { Page } from "./shapes.ts";

/** A stream and its place in the list of all. */
export interface Paged {
  readonly index: number;
  readonly admin: StreamAdmin;
}

/** An entry and where it was found. */
export interface Found extends Position {
  readonly entry: StoredEntry;
  readonly stream: string;
}

/** What is asked, whatever the stream. */
export type PageQuery = Omit<RangeQuery, "limit">;

/** Parts of ranges, each of a bounded number of entries, that one page may take. */
const ROUNDS = 5;

/** One page. @param cursor Where it begins, exclusive; null: at the beginning. */
export async function pageOf(
  streams: readonly Paged[],
  query: PageQuery,
  cursor: Position | null,
  limit: number,
): Promise<Page<Found>> {
  const items: Found[] = [];
  let from = cursor;
  for (let round = 0; round < ROUNDS; round++) {
    const { found, more } = await onePart(streams, query, from, limit - items.length);
    items.push(...found);
    if (more === null || items.length === limit) return { items, next: more === null ? null : cursorText(more) };
    from = more;
  }
  return { items, next: from === null ? null : cursorText(from) };
}

/** At most `limit`; `more`: where to go on, null at the end. */
async function onePart(
  streams: readonly Paged[],
  query: PageQuery,
  cursor: Position | null,
  limit: number,
): Promise<{ found: readonly Found[]; more: Position | null }> {
  const order = (a: Position, b: Position): number =>
    (query.newestFirst ? compareIds(b.id, a.id) : compareIds(a.id, b.id)) || a.index - b.index;
  // One more than wanted says whether there are more.
  const parts = await Promise.all(streams.map(async ({ index, admin }) => {
    const part = await admin.range({ ...query, ...boundsOf(query, cursor, index), limit: limit + 1 });
    const found = part.entries.map((entry): Found => ({ id: entry.id, index, entry, stream: admin.stream }));
    // Beyond this nothing is known of the stream; with one more than wanted in hand, that is never reached.
    const frontier = part.scannedTo === null || found.length > limit ? null : { id: part.scannedTo, index };
    return { found, frontier };
  }));
  const [frontier] = parts.flatMap((part) => part.frontier ?? []).sort(order);
  const known = parts.flatMap(({ found }) => found).sort(order)
    .filter((one) => frontier === undefined || order(one, frontier) <= 0);
  const found = known.slice(0, limit);
  return { found, more: known.length > limit ? found.at(-1)! : frontier ?? null };
}

function boundsOf(query: PageQuery, cursor: Position | null, index: number): { from?: Bound; to?: Bound } {
  if (cursor === null) return {};
  const bound: Bound = { id: cursor.id, exclusive: index <= cursor.index };
  const { from, to } = query;
  if (query.newestFirst) return to !== undefined && compareIds(to.id, cursor.id) < 0 ? {} : { to: bound };
  return from !== undefined && compareIds(from.id, cursor.id) > 0 ? {} : { from: bound };
}
