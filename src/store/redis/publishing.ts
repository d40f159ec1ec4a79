/**
 * Appending events, delayed ones included, and schedules.
 * @module
 */
import type { Appended, AppendItem, AppendOptions, Occurrence } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { list, number } from "./codec.ts";
import { callGroup, groupCall, type StoreContext } from "./context.ts";
import { appendedOf, checkItem, encodeItem } from "./items.ts";
import { batchMark } from "./keys.ts";
import { runScript, type ScriptCall } from "./runner.ts";

/** See {@link StreamStore.append}. One script call, however many there are: all or none. */
export async function append(
  context: StoreContext,
  items: readonly AppendItem[],
  options: AppendOptions,
): Promise<readonly Appended[]> {
  if (items.length === 0) return [];
  items.forEach(checkItem);
  const { base } = context.keys;
  const windowMs = Math.round(options.dedupWindowMs ?? 0);
  const batch = windowMs > 0 && options.batchKey !== undefined ? batchMark(base, options.batchKey) : "";
  const durability = options.durability ?? { level: "memory" };
  const alone = items.length === 1 && batch === "" && (items[0]!.deliverAtMs ?? 0) <= 0;
  if (alone && durability.level === "memory") return [await context.gathered.append(items[0]!, windowMs)];
  const call = appendCall(context, items, windowMs, batch);
  if (durability.level !== "memory") return appended(context, await context.durable.append(call, durability));
  context.gathered.flush();
  return appended(context, await runScript(context.command, call));
}

/** What {@link GatheredAppends} calls. */
export async function appendTogether(
  context: StoreContext,
  items: readonly AppendItem[],
  windowMs: number,
  waitedMs: number,
): Promise<readonly Appended[]> {
  const call = appendCall(context, items, windowMs, "");
  return appended(context, await runScript(context.command, call, { waitedMs }));
}

function appendCall(context: StoreContext, items: readonly AppendItem[], windowMs: number, batch: string): ScriptCall {
  const { keys: { base }, scripts, packer } = context;
  const packed = packer.pack(items, windowMs > 0);
  return groupCall(context, scripts.append, "", [base, String(windowMs), batch, ...packed]);
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
  for (const { atMs, item } of occurrences) args.push(String(Math.round(atMs)), ...encodeItem(item));
  return number(await callGroup(context, context.scripts.fire, "", args));
}

/** See {@link StreamStore.time}. */
export async function time(context: StoreContext): Promise<number> {
  const { now } = context.storeClock;
  if (now !== null) return now;
  const [seconds, micros] = list(await context.command.send(["TIME"]));
  return number(seconds) * 1000 + Math.floor(number(micros) / 1000);
}
