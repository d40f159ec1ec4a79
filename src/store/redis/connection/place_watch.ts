/**
 * Notices that the data has moved although the old place still answers.
 *
 * After a failover that was asked for, Sentinel leaves the old primary a primary for another ten seconds. It takes writes
 * meanwhile, and all of them are lost when it becomes a replica.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";
import { within } from "./deadline.ts";
import { type EndpointResolver, formatEndpoint } from "./endpoint.ts";
import { StoreUnavailableError } from "../../../errors.ts";

/** How often the place is asked for, and the bound on the answer, milliseconds. */
const ASK_EVERY_MS = 1_000;

/** A link that is in use. */
export interface PlacedLink {
  /** Where it leads, as {@link formatEndpoint} says; null while there is none. */
  readonly place: string | null;
  /** Gives it up. */
  reset(reason: string): void;
}

/** What a watch is made of. */
export interface PlaceWatchOptions {
  readonly resolver: EndpointResolver;
  readonly clock: Clock;
  readonly links: () => readonly PlacedLink[];
}

/** Looks once a second until the signal aborts; gives up links to other places than the one that is named. Never rejects. */
export async function watchPlace({ resolver, clock, links }: PlaceWatchOptions, signal: AbortSignal): Promise<void> {
  const late = (): Error => new StoreUnavailableError("timeout", "asking where Redis is: no answer");
  while (await sleep(clock, ASK_EVERY_MS, signal)) {
    if (links().every(({ place }) => place === null)) continue;
    try {
      const endpoint = await within(clock, ASK_EVERY_MS, signal, late, (bounded) => resolver.resolve("", bounded));
      const named = formatEndpoint(endpoint);
      for (const link of links()) {
        if (link.place !== null && link.place !== named) link.reset(`Redis is at ${named} now`);
      }
    } catch {
      // Nobody knows at the moment: what works goes on.
    }
  }
}
