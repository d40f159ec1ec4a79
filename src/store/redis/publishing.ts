/**
 * Appending events, delayed ones included, and schedules.
 * @module
 */
import { causeOf, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Appended, AppendItem, AppendOptions, Durability, Occurrence } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { list, number, replies } from "./codec.ts";
import { callGroup, groupCall, type StoreContext } from "./context.ts";
import { appendedOf, encodeItem } from "./items.ts";
import { publishMark } from "./keys.ts";
import { bySha, bySource, runScript, type ScriptCall } from "./runner.ts";

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
  const args: Arg[] = [base, String(windowMs), batch, String(items.length)];
  for (const item of items) for (const arg of encodeItem(item, base, dedup)) args.push(arg);
  const call = groupCall(context, context.scripts.append, "", args);
  const durability = options.durability ?? { level: "memory" };
  if (durability.level === "memory") return appendedOf(await runScript(context.command, call));

  return appendedOf(await runDurably(context, call, durability));
}

/**
 * Script and wait in one write on one connection: Redis confirms what that connection did. A repeated append that adds
 * nothing is confirmed too, because the offset waited for is the server's at that moment.
 */
async function runDurably(
  context: StoreContext,
  call: ScriptCall,
  durability: Exclude<Durability, { level: "memory" }>,
): Promise<Reply> {
  const wait = waitCommand(durability, context.durabilityTimeoutMs);
  const options = { timeoutMs: context.durabilityTimeoutMs + 1_000 };
  let answers = await context.publish.pipeline([bySha(call), wait], options);
  if (causeOf(answers[0]) === "no_script") answers = await context.publish.pipeline([bySource(call), wait], options);
  const [appended] = replies(answers.slice(0, 1));
  const confirmed = list(answers[1] instanceof StoreRefusedError ? [] : [answers[1]!].flat())[0];
  const wanted = durability.level === "replica" ? durability.replicas : 1;
  if (confirmed !== undefined && number(confirmed) >= wanted) return appended!;
  const reason = answers[1] instanceof StoreRefusedError ? answers[1].reason : "no_replicas";
  const found = answers[1] instanceof StoreRefusedError ? answers[1].message : `${number(confirmed)} of ${wanted}`;
  const what = durability.level === "replica" ? "replicas" : "disks";
  const message = `confirming an append on ${wanted} ${what}: found ${found} within ${context.durabilityTimeoutMs} ms`;
  throw new StoreUnavailableError(reason, message, { outcomeUnknown: true });
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
  const [seconds, micros] = list(await context.command.send(["TIME"]));
  return number(seconds) * 1000 + Math.floor(number(micros) / 1000);
}

function waitCommand(durability: Exclude<Durability, { level: "memory" }>, timeoutMs: number): readonly Arg[] {
  return durability.level === "replica"
    ? ["WAIT", String(durability.replicas), String(timeoutMs)]
    : ["WAITAOF", "1", "0", String(timeoutMs)];
}
