/**
 * What every part of the adapter shares.
 * @module
 */
import type { Clock } from "../../clock.ts";
import type { AckGuard } from "./ack_guard.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "./channel.ts";
import type { DurableAppends } from "./durable.ts";
import type { GatheredAppends } from "./gathered.ts";
import type { Keys } from "./keys.ts";
import type { KeptEntries } from "./kept.ts";
import type { Outbox } from "./outbox.ts";
import type { ItemPacker } from "./packed_items.ts";
import { runScript, type ScriptCall } from "./runner.ts";
import type { Sightings } from "./sightings.ts";
import type { Script, SCRIPTS } from "./scripts.ts";
import type { StoreClock } from "./store_clock.ts";

/** See the module's text. */
export interface StoreContext {
  readonly stream: string;
  readonly group: string;
  /** Where effects go. */
  readonly publishStream: string;
  /** Takes the effects where that stream is on another node; null: they go there in the step that settles. */
  readonly outbox: Outbox | null;
  readonly keys: Keys;
  readonly scripts: typeof SCRIPTS;
  /** Short commands. */
  readonly command: RedisChannel;
  /** What was seen lately. */
  readonly sightings: Sightings;
  /** Told of each effect that appeared, by its entry id. */
  readonly onEffect: (entryId: string) => void;
  /** The one blocked read. */
  readonly blocking: RedisChannel;
  /** Single appends that wait for nothing but the answer. */
  readonly gathered: GatheredAppends;
  /** Packs what is appended. */
  readonly packer: ItemPacker;
  /** Appends that wait for a confirmation. */
  readonly durable: DurableAppends;
  /** For many plain acknowledgements at once; null: they go by script too. */
  readonly ackGuard: AckGuard | null;
  /** What is kept of parked entries. */
  readonly kept: KeptEntries;
  /** How much longer than its block time a read may take, milliseconds. */
  readonly readMarginMs: number;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
}

/** What a call of a script needs. */
export type CallContext = Pick<StoreContext, "stream" | "group" | "keys" | "command" | "scripts">;

/** A call with the arguments that all scripts begin with. */
export function groupCall(
  context: CallContext,
  script: Script,
  consumer: string,
  args: readonly Arg[] = [],
): ScriptCall {
  const { stream, keys, group } = context;
  return { script, keys: [stream, keys.absent], args: [keys.prefix, group, consumer, ...args] };
}

/** Calls a script with the arguments that all scripts begin with. */
export function callGroup(
  context: CallContext,
  script: Script,
  consumer: string,
  args: readonly Arg[] = [],
  options?: SendOptions,
): Promise<Reply> {
  return runScript(context.command, groupCall(context, script, consumer, args), options);
}
