/**
 * What the store destroyed: looked up for what a consumer misses, counted for what nobody had in care.
 * @module
 */
import type { Census, Fate } from "../port.ts";
import { list, number, text } from "./codec.ts";
import { callGroup, type StoreContext } from "./context.ts";

/** Entries that one call looks up. */
const PAGE = 200;

/** See {@link StreamStore.fates}. */
export async function fates(
  context: StoreContext,
  consumer: string,
  entries: readonly { readonly ref: string; readonly heldMs: number }[],
): Promise<readonly Fate[]> {
  const found: Fate[] = [];
  for (let from = 0; from < entries.length; from += PAGE) {
    const page = entries.slice(from, from + PAGE);
    const args = page.flatMap(({ ref, heldMs }) => [ref, String(Math.round(heldMs))]);
    const reply = list(await callGroup(context, context.scripts.fates, consumer, args));
    for (const fate of reply) found.push(text(fate) as Fate);
  }
  return found;
}

/** See {@link StreamStore.census}. */
export async function census(context: StoreContext): Promise<Census> {
  // First: the script writes down what it tells, so that nothing may fail after it.
  await context.sightings.look(context);
  const reply = list(await callGroup(context, context.scripts.census, ""));
  const [deleted, trimmed, remembered, atStake, made] = reply;
  return {
    rolledBack: context.sightings.tell(text(made)),
    deleted: number(deleted),
    trimmed: number(trimmed),
    remembered: remembered === 1,
    atStake: atStake === -1 ? null : number(atStake),
  };
}
