/**
 * Connecting to a place that can change while we try.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";
import { untilAborted } from "./deadline.ts";
import { type Endpoint, type EndpointResolver, formatEndpoint } from "./endpoint.ts";
import type { LiveLink } from "./live_link.ts";

/** How often the place is asked for while an attempt is under way, milliseconds. */
const ASK_EVERY_MS = 1_000;

/**
 * Opens a link where the resolver says. A stopped master takes connections and stays silent; the attempt on it would
 * last for the whole `CONNECTION_TIMEOUT` although a failover has long named another one, so that the place is asked for
 * again meanwhile and the attempt begins anew there.
 * @param open Opens a link there; must end when its signal aborts.
 * @param signal Ends everything.
 * @throws What the resolver or `open` throws; the signal's reason.
 */
export async function openWhereItIs(
  resolver: EndpointResolver,
  slotKey: string,
  clock: Clock,
  open: (endpoint: Endpoint, signal: AbortSignal) => Promise<LiveLink>,
  signal: AbortSignal,
): Promise<LiveLink> {
  let endpoint = await untilAborted(resolver.resolve(slotKey, signal), signal);
  while (resolver.moves) {
    const moved = await openUnlessMoved(endpoint, resolver, slotKey, clock, open, signal);
    if (!("host" in moved) && !("path" in moved)) return moved;
    endpoint = moved;
  }
  return await open(endpoint, signal);
}

/** @returns The link, or the new place when there is one before the link is there. */
async function openUnlessMoved(
  endpoint: Endpoint,
  resolver: EndpointResolver,
  slotKey: string,
  clock: Clock,
  open: (endpoint: Endpoint, signal: AbortSignal) => Promise<LiveLink>,
  signal: AbortSignal,
): Promise<LiveLink | Endpoint> {
  // Two controllers: the signal that opened a socket must not abort once the link is in use.
  const opening = new AbortController();
  const watching = new AbortController();
  const onAbort = (): void => [opening, watching].forEach((controller) => controller.abort(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const link = untilAborted(open(endpoint, opening.signal), opening.signal, (late) => late.destroy());
    const moved = newPlace(endpoint, resolver, slotKey, clock, watching.signal);
    const first = await Promise.race([link, moved]);
    if (first !== null && ("host" in first || "path" in first)) {
      opening.abort(new DOMException("The place has changed", "AbortError"));
      link.catch(() => {});
      return first;
    }
    return await link;
  } finally {
    watching.abort();
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks until another place is named. @returns Null when the signal ends it. */
async function newPlace(
  old: Endpoint,
  resolver: EndpointResolver,
  slotKey: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Endpoint | null> {
  while (await sleep(clock, ASK_EVERY_MS, signal)) {
    try {
      const endpoint = await untilAborted(resolver.resolve(slotKey, signal), signal);
      if (formatEndpoint(endpoint) !== formatEndpoint(old)) return endpoint;
    } catch {
      // Nobody knows at the moment: go on with what we have.
    }
  }
  return null;
}
