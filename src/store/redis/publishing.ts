/**
 * Appending events, delayed ones included, and schedules.
 * @module
 */
import type { Appended, AppendItem, AppendOptions, Occurrence } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { list, number } from "./codec.ts";
import { callGroup, groupCall, type StoreContext } from "./context.ts";
import { appendedOf, encodeItem, pushItem } from "./items.ts";
import { publishMark } from "./keys.ts";
import { runScript } from "./runner.ts";

/** See {@link StreamStore.append}. One script call, however many there are: all or none. */
export async function append(
  context: StoreContext,
  items: readonly AppendItem[],
  options: AppendOptions,
): Promise<readonly Appended[]> {
  if (items.length === 0) return [];
  const { base } = context.keys;
  const windowMs = Math.round(options.dedupWindowMs ?? 0);
  const dedup = windowMs > 0;
  const batch = dedup && options.batchKey !== undefined ? publishMark(base, "batch", options.batchKey) : "";
  const durability = options.durability ?? { level: "memory" };
  const alone = items.length === 1 && batch === "" && (items[0]!.deliverAtMs ?? 0) <= 0;
  if (alone && durability.level === "memory") {
    return [await context.gathered.append(encodeItem(items[0]!, base, dedup), windowMs)];
  }
  const args = appendArgs(context, items.length, windowMs, batch);
  for (const item of items) pushItem(args, item, base, dedup);
  const call = groupCall(context, context.scripts.append, "", args);
  if (durability.level !== "memory") return appended(context, await context.durable.append(call, durability));
  context.gathered.flush();
  return appended(context, await runScript(context.command, call));
}

/** What {@link GatheredAppends} calls. */
export async function appendTogether(
  context: StoreContext,
  items: readonly (readonly Arg[])[],
  windowMs: number,
  waitedMs: number,
): Promise<readonly Appended[]> {
  const args = appendArgs(context, items.length, windowMs, "");
  for (const item of items) for (const arg of item) args.push(arg);
  const call = groupCall(context, context.scripts.append, "", args);
  return appended(context, await runScript(context.command, call, { waitedMs }));
}

function appendArgs(context: StoreContext, count: number, windowMs: number, batch: string): Arg[] {
  return [context.keys.base, String(windowMs), batch, String(count)];
}

function appended(context: StoreContext, reply: Reply): readonly Appended[] {
  const found = appendedOf(reply);
  for (const { entryId } of found) if (entryId !== null) context.sightings.note(entryId);
  return found;
}

/** See {@link StreamStore.promoteDelayed}. */
export async function promoteDelayed(
  context: StoreContext,
  limit: number,
): Promise<{ moved: number; nextDueInMs: number | null }> {
  const reply = await callGroup(context, context.scripts.promote, "", [context.keys.base, String(limit)]);
  const [moved, next] = list(reply);
  return { moved: number(moved), nextDueInMs: next === -1 ? null : number(next) };
}

/** See {@link StreamStore.fire}. */
export async function fire(
  context: StoreContext,
  schedule: string,
  occurrences: readonly Occurrence[],
  seenMs: number | undefined,
): Promise<number> {
  const { base } = context.keys;
  const seen = seenMs === undefined ? "" : String(Math.round(seenMs));
  const args: Arg[] = [base, schedule, seen, String(occurrences.length)];
  for (const { atMs, item } of occurrences) args.push(String(Math.round(atMs)), ...encodeItem(item, base, false));
  return number(await callGroup(context, context.scripts.fire, "", args));
}

/** See {@link StreamStore.time}. */
export async function time(context: StoreContext): Promise<number> {
  const { now } = context.storeClock;
  if (now !== null) return now;
  const [seconds, micros] = list(await context.command.send(["TIME"]));
  return number(seconds) * 1000 + Math.floor(number(micros) / 1000);
}
