/**
 * Calls scripts by digest; a server that does not know one is told it once, in the same breath.
 * @module
 */
import { StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "./channel.ts";
import type { Script } from "./scripts.ts";

/** One call of a script. */
export interface ScriptCall {
  readonly script: Script;
  /** Declared keys; at least one, so that a cluster can route. */
  readonly keys: readonly string[];
  readonly args: readonly Arg[];
}

/** Reply of one of several commands: an error reply is a value. */
export type Answer = Reply | StoreRefusedError;

/**
 * Calls one script.
 * @throws {StoreUnavailableError} @throws {StoreRefusedError}
 */
export async function runScript(channel: RedisChannel, call: ScriptCall, options?: SendOptions): Promise<Reply> {
  try {
    return await channel.send(bySha(call), options);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    // EVAL and not SCRIPT LOAD: it carries keys, so that it finds the right node, and it saves a round trip.
    return await channel.send(bySource(call), options);
  }
}

/**
 * Calls several scripts, and plain commands between them, in one write. Those that the server did not know are called
 * again once.
 * @returns Replies in the order of the calls.
 * @throws {StoreUnavailableError} For the whole: nothing is known of any, or some are done and nothing is known of the
 *   others; `outcomeUnknown` then, too.
 */
export async function runAll(
  channel: RedisChannel,
  calls: readonly (ScriptCall | readonly Arg[])[],
  options?: SendOptions,
): Promise<readonly Answer[]> {
  const answers = [...await channel.pipeline(calls.map((call) => isCall(call) ? bySha(call) : call), options)];
  const again = answers.flatMap((answer, index) => isUnknownScript(answer) ? [index] : []);
  if (again.length === 0) return answers;
  const told = new Set<Script>();
  const retries = again.map((index) => {
    const call = calls[index] as ScriptCall;
    if (told.has(call.script)) return bySha(call);
    told.add(call.script);
    return bySource(call);
  });
  const late = await channel.pipeline(retries, options).catch((error) => {
    throw again.length < calls.length ? partlyDone(error) : error;
  });
  again.forEach((index, position) => answers[index] = late[position]!);
  return answers;
}

/** As it is to be thrown where a part was done before: the outcome of the whole is unknown even if nothing more was sent. */
export function partlyDone(error: unknown): unknown {
  if (!(error instanceof StoreUnavailableError) || error.outcomeUnknown) return error;
  return new StoreUnavailableError(error.reason, error.message, { cause: error, outcomeUnknown: true });
}

/** The command that calls a script by its digest; for use inside a transaction. */
export function bySha(call: ScriptCall): readonly Arg[] {
  return ["EVALSHA", call.script.sha, String(call.keys.length), ...call.keys, ...call.args];
}

/** The command that calls a script by its source, which also makes the digest known. */
export function bySource(call: ScriptCall): readonly Arg[] {
  return ["EVAL", call.script.source, String(call.keys.length), ...call.keys, ...call.args];
}

function isCall(call: ScriptCall | readonly Arg[]): call is ScriptCall {
  return "script" in call;
}

function isUnknownScript(answer: unknown): boolean {
  return answer instanceof StoreRefusedError && answer.reason === "no_script";
}
