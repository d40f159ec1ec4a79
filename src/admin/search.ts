/**
 * Finds events by what people have in hand: an event id, a subject, a trace. Streams have no index, so this looks at
 * entries one after the other, newest first, a bounded number in one request, and says how far it got.
 * @module
 */
import { idTimeMs } from "../delivery/ids.ts";
import { rfc3339 } from "../events/time.ts";
import { invalid } from "./errors.ts";
import { eventItem } from "./events.ts";
import { cursorOf, limitOf, type Params, type Position, streamOf, typeOf, wordOf } from "./input.ts";
import { type AdminStream, letterOf } from "./letters.ts";
import { type Found, pageOf, type PageQuery } from "./paging.ts";
import type { EventItem, Letter, Page } from "./shapes.ts";

/** Parameters of {@link search}. */
export const SEARCH_PARAMS = ["id", "subject", "trace", "type", "stream", "cursor", "limit"] as const;

/** A page of events; `next` also where none was found yet. */
export interface SearchPage extends Page<EventItem> {
  /** Everything after this time was looked at; null: all that there is. */
  readonly searchedTo: string | null;
  /** Dead letters that fit, newest first; with the first page alone. */
  readonly letters: readonly Letter[];
  /** False: there are more letters than were looked at. */
  readonly allLetters: boolean;
}

/** Pages of one request, each of which looks at 5,000 entries of a stream at most. */
const PAGES = 6;

/** @throws {AdminError} `invalid` */
export async function search(streams: readonly AdminStream[], params: Params): Promise<SearchPage> {
  const stream = streamOf(params, streams.map(({ admin }) => admin.stream));
  const asked = streams.filter(({ admin }) => stream === null || admin.stream === stream);
  const match = Object.fromEntries(
    (["id", "subject", "trace"] as const).flatMap((name) => {
      const word = wordOf(params, name);
      return word === null ? [] : [[name, word]];
    }),
  );
  const type = typeOf(params);
  if (Object.keys(match).length === 0 && type === null) throw invalid("id", "one of id, subject, trace or type");
  const query: Omit<PageQuery, "of"> = { newestFirst: true, match, ...(type === null ? {} : { type }) };
  const limit = limitOf(params);
  const cursor = cursorOf(params, streams.length);
  const events = await collect(asked, { ...query, of: "entries" }, cursor, limit, streams.length);
  const letters = cursor === null
    ? await collect(asked, { ...query, of: "letters" }, null, limit, streams.length)
    : { found: [], next: null };
  return {
    items: events.found.map((one) => eventItem(one.stream, one.entry)),
    next: events.next,
    searchedTo: events.next === null ? null : rfc3339(idTimeMs(events.next.split(".")[0]!)),
    letters: letters.found.map((one) => letterOf(one.stream, one.entry)),
    allLetters: letters.next === null,
  };
}

async function collect(
  streams: readonly AdminStream[],
  query: PageQuery,
  cursor: Position | null,
  limit: number,
  places: number,
): Promise<{ found: readonly Found[]; next: string | null }> {
  const found: Found[] = [];
  let next: string | null = null;
  for (let page = 0; page < PAGES; page++) {
    const from = next === null ? cursor : cursorOf({ cursor: next }, places);
    const part = await pageOf(streams, query, from, limit - found.length);
    found.push(...part.items);
    next = part.next;
    if (next === null || found.length >= limit) break;
  }
  return { found, next };
}
