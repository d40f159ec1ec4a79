/**
 * Scripts that bring or fetch much go over the connection of the acknowledgements: it is one of our own, which takes a
 * third of the processor time that the other takes. A script neither ends the watch there nor waits for more than others.
 * @module
 */
import { StoreRefusedError } from "../../errors.ts";
import type { Reply, SendOptions } from "./channel.ts";
import { text } from "./codec.ts";
import type { StoreContext } from "./context.ts";
import { type Answer, partlyDone, runAll, type ScriptCall } from "./runner.ts";

/** Calls several scripts in one write. @returns As {@link runAll}. @throws {StoreUnavailableError} */
export async function runBulk(
  { ackGuard, command }: Pick<StoreContext, "ackGuard" | "command">,
  calls: readonly ScriptCall[],
  options?: SendOptions,
): Promise<readonly Answer[]> {
  const own = ackGuard?.scripts ?? null;
  if (own === null) return await runAll(command, calls, options);
  const answers = [...await runAll(own, calls, options)];
  const queued = answers.flatMap((answer, index) => isQueued(answer) ? [index] : []);
  if (queued.length === 0) return answers;
  const late = await runAll(command, queued.map((index) => calls[index]!), options).catch((error) => {
    throw queued.length < calls.length ? partlyDone(error) : error;
  });
  queued.forEach((index, position) => answers[index] = late[position]!);
  return answers;
}

/** Calls one script. @throws {StoreUnavailableError} @throws {StoreRefusedError} */
export async function runBulkOne(
  context: Pick<StoreContext, "ackGuard" | "command">,
  call: ScriptCall,
  options?: SendOptions,
): Promise<Reply> {
  const [answer] = await runBulk(context, [call], options);
  if (answer instanceof StoreRefusedError) throw answer;
  return answer!;
}

/**
 * The permission to `EXEC` was withdrawn a moment ago, so that a transaction was left open. What is queued in it never
 * runs: it can only abort.
 */
function isQueued(answer: Answer): boolean {
  return !Array.isArray(answer) && !(answer instanceof StoreRefusedError) && text(answer) === "QUEUED";
}
