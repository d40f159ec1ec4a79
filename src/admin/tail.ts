/**
 * Follows streams: every event that comes, once, in order.
 * @module
 */
import { type Clock, sleep } from "../clock.ts";
import { compareIds } from "../delivery/ids.ts";
import type { Bound } from "../store/admin_port.ts";
import { eventItem } from "./events.ts";
import { boundOf, type Params, streamOf, typeOf } from "./input.ts";
import type { AdminStream } from "./letters.ts";
import type { EventItem } from "./shapes.ts";

/** How long a new event may stay unseen, and how many come at once from one stream. */
const PERIOD_MS = 200;
const MOST = 200;

/**
 * Asks again and again until the signal aborts. Begins behind the newest entry, or at `from`.
 * @param params `from`, `type`, `stream`. @throws {AdminError} `invalid`
 */
export async function* tail(
  streams: readonly AdminStream[],
  params: Params,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<EventItem> {
  const stream = streamOf(params, streams.map(({ admin }) => admin.stream));
  const type = typeOf(params);
  const from = boundOf(params, "from");
  const asked = streams.filter(({ admin }) => stream === null || admin.stream === stream);
  const next = new Map<AdminStream, Bound>();
  for (const one of asked) next.set(one, from ?? await behindNewest(one));
  while (!signal.aborted) {
    const found = (await Promise.all(asked.map((one) => newOf(one, next)))).flat();
    for (const item of found.sort((a, b) => compareIds(a.entryId, b.entryId))) {
      if (type === null || item.type === type) yield item;
    }
    if (found.length < MOST) await sleep(clock, PERIOD_MS, signal);
  }
}

async function behindNewest({ admin }: AdminStream): Promise<Bound> {
  const { entries: [newest] } = await admin.range({ of: "entries", newestFirst: true, limit: 1 });
  return { id: newest?.id ?? "0-0", exclusive: true };
}

async function newOf(one: AdminStream, next: Map<AdminStream, Bound>): Promise<readonly EventItem[]> {
  const { entries } = await one.admin.range({ of: "entries", from: next.get(one)!, limit: MOST });
  const last = entries.at(-1);
  if (last !== undefined) next.set(one, { id: last.id, exclusive: true });
  return entries.map((entry) => eventItem(one.admin.stream, entry));
}
