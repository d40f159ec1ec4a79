/**
 * Entries with more fields than Lua can hand to one command. A plain XADD can, so it goes into a transaction together
 * with a script that either confirms it or takes it back: to everybody else still one step, which writes first.
 * @module
 */
import { StoreRefusedError } from "../../errors.ts";
import type { Settlement, SettleOutcome } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { list, number, replies, text } from "./codec.ts";
import { groupCall, type StoreContext } from "./context.ts";
import { bySource, type ScriptCall } from "./runner.ts";

type Dead = Extract<Settlement, { kind: "dead" }>;

/** Writes a dead letter of any size, then acknowledges. Outcomes as for any other. */
export async function settleGiant(context: StoreContext, consumer: string, settlement: Dead): Promise<SettleOutcome> {
  const { ref, entryId } = settlement;
  try {
    const add = [
      "XADD",
      context.keys.letters,
      "*",
      ...settlement.fields,
      ...await markers(context, consumer, settlement),
    ];
    const confirm = groupCall(context, context.scripts.confirmDead, consumer, [ref, entryId]);
    const state = text(list(await transact(context, add, confirm))[0]);
    if (state === "settled" || state === "fenced" || state === "gone") return { kind: state };
    return { kind: "refused", reason: "unknown", message: `writing a dead letter for ${entryId}: it was not written` };
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
    return { kind: "refused", reason: error.reason, message: error.message };
  }
}

/** Gives back a letter of any size. @returns False when there is no such letter. */
export async function replayGiant(context: StoreContext, letterId: string): Promise<boolean> {
  const { letters, replays } = context.keys;
  const found = list(await context.command.send(["XRANGE", letters, letterId, letterId], { bytes: true }))[0];
  const fields = list(list(found)[1]) as readonly Uint8Array[];
  if (fields.length === 0) return false;
  const ours = text(fields.at(-20)) === "dlq.entry";
  const entryId = ours ? text(fields.at(-19)) : letterId;
  const count = ours ? number(fields.at(-1)) + 1 : 1;
  const original = ours ? fields.slice(0, -20) : fields;
  const add = ["XADD", replays, "*", ...original, "dlq.entry", entryId, "dlq.replays", String(count)];
  const confirm = groupCall(context, context.scripts.confirmReplay, "", [letterId, entryId]);
  return number(await transact(context, add, confirm)) === 1;
}

async function markers(context: StoreContext, consumer: string, { entryId, letter }: Dead): Promise<readonly Arg[]> {
  const [seconds, micros] = list(await context.command.send(["TIME"]));
  const now = number(seconds) * 1000 + Math.floor(number(micros) / 1000);
  const iso = (ms: number): string => new Date(ms === 0 ? now : ms).toISOString();
  const pairs: readonly (readonly [string, string])[] = [
    ["entry", entryId],
    ["stream", context.stream],
    ["group", context.group],
    ["consumer", consumer],
    ["reason", letter.reason],
    ["error", letter.error.slice(0, 2_000)],
    ["deliveries", String(letter.deliveries)],
    ["first", iso(letter.firstMs)],
    ["last", iso(letter.lastMs)],
    ["replays", String(letter.replays)],
  ];
  return pairs.flatMap(([name, value]) => [`dlq.${name}`, value]);
}

/** @returns The reply of the confirming script. @throws {StoreRefusedError} The first refusal. */
async function transact(context: StoreContext, add: readonly Arg[], confirm: ScriptCall): Promise<Reply> {
  const answers = await context.command.pipeline([["MULTI"], add, bySource(confirm), ["EXEC"]]);
  // A command refused while queueing aborts the whole; its own reason says more than EXECABORT.
  const executed = list(replies(answers)[3]) as readonly (Reply | StoreRefusedError)[];
  return replies(executed)[1]!;
}
