/**
 * Looks at the server itself, for `doctor`: what it is, how it keeps data, and what our user may do. Changes nothing but
 * one probe key with a minute to live.
 * @module
 */
import type { Clock } from "../../clock.ts";
import { causeOf, StoreRefusedError } from "../../errors.ts";
import type { ServerInspector, ServerState } from "../admin_port.ts";
import type { Durability } from "../port.ts";
import type { Arg, RedisChannel, Reply } from "./channel.ts";
import { list, number, text, textOrNull } from "./codec.ts";
import { commandsOn, nameOf, waitsFor, writesOn } from "./inspect_commands.ts";
import { keysOf } from "./keys.ts";

/** What an inspector is built from. */
export interface RedisInspectorOptions {
  readonly stream: string;
  readonly group: string;
  readonly command: RedisChannel;
  readonly clock: Clock;
  /** `PUBLISH_DURABILITY`: what it waits with is asked for too. */
  readonly durability: Durability;
}

type Info = ReadonlyMap<string, string>;
type Answer = Reply | StoreRefusedError;

/** See the module's text. */
export class RedisInspector implements ServerInspector {
  readonly #o: RedisInspectorOptions;

  /** Does no I/O. */
  constructor(options: RedisInspectorOptions) {
    this.#o = options;
  }

  /** @inheritdoc */
  async inspect(): Promise<ServerState> {
    const { command } = this.#o;
    const clock = await this.#clockSkew();
    const [info, save] = await command.pipeline([["INFO"], ["CONFIG", "GET", "save"]]);
    const facts = infoOf(info);
    return {
      ...stateOf(facts),
      // Redis answers `save` and the points; a user who may not ask gets an error.
      snapshots: save instanceof StoreRefusedError || save === undefined ? null : text(list(save)[1]),
      ...clock,
      ...await this.#refusals(),
      writeRefused: await this.#writeRefused(),
    };
  }

  async #clockSkew(): Promise<Pick<ServerState, "clockSkewMs" | "roundTripMs">> {
    const { command, clock } = this.#o;
    const startedAt = clock.monotonic();
    const [time] = await command.pipeline([["TIME"]]);
    // Told among the permissions.
    if (time === undefined || time instanceof StoreRefusedError) return { clockSkewMs: null, roundTripMs: 0 };
    const [seconds, micros] = list(time);
    const roundTripMs = clock.monotonic() - startedAt;
    const there = number(seconds) * 1_000 + number(micros) / 1_000;
    return { clockSkewMs: Math.round(there - (clock.now() - roundTripMs / 2)), roundTripMs };
  }

  async #writeRefused(): Promise<string | null> {
    const { stream, group, command } = this.#o;
    try {
      await command.send(["SET", keysOf(stream, group).probe, "1", "PX", "60000"]);
      return null;
    } catch (error) {
      if (error instanceof StoreRefusedError) return error.reason;
      throw error;
    }
  }

  async #refusals(): Promise<Pick<ServerState, "forbidden" | "unknown">> {
    const asked = await this.#dryRuns() ?? await this.#tries();
    const forbidden = asked.filter(({ answer }) => isForbidden(answer)).map(({ name }) => name);
    const unknown = asked.filter(({ answer }) => isUnknown(answer)).map(({ name }) => name);
    return { forbidden: [...new Set(forbidden)], unknown: [...new Set(unknown)] };
  }

  /** Asks without executing anything. @returns Null where Redis is older than 7.0, or does not let us ask. */
  async #dryRuns(): Promise<readonly { name: string; answer: Answer }[] | null> {
    const { stream, group, command, durability } = this.#o;
    const [who] = await command.pipeline([["ACL", "WHOAMI"]]);
    if (who === undefined || who instanceof StoreRefusedError) return null;
    const { prefix, records } = keysOf(stream, group);
    const keyed = [stream, records, `${prefix}dlq`].flatMap((key) => [
      ...commandsOn(key, `${prefix}orphans`, group),
      ...writesOn(key),
    ]);
    const asked = [...keyed, ...waitsFor(durability)];
    const answers = await command.pipeline(asked.map((args): Arg[] => ["ACL", "DRYRUN", text(who), ...args]));
    if (answers.some((answer) => answer instanceof StoreRefusedError && !isUnknown(answer))) return null;
    return asked.map((args, index) => ({ name: nameOf(args), answer: answers[index]! }));
  }

  async #tries(): Promise<readonly { name: string; answer: Answer }[]> {
    const { stream, group, command, durability } = this.#o;
    const { prefix } = keysOf(stream, group);
    const asked = [...commandsOn(`${prefix}doctor`, `${prefix}doctor:other`, group), ...waitsFor(durability)];
    const answers = await command.pipeline(asked);
    return asked.map((args, index) => ({ name: nameOf(args), answer: answers[index]! }));
  }
}

/** `ACL DRYRUN` answers in words where it does not answer OK. */
function isForbidden(answer: Answer): boolean {
  if (answer instanceof StoreRefusedError) return causeOf(answer) === "permission";
  return typeof answer === "string" && /no permissions|cannot|can't/i.test(answer);
}

function isUnknown(answer: Answer): boolean {
  return answer instanceof StoreRefusedError && /unknown (sub)?command|Command '.*' not found/i.test(answer.message);
}

function infoOf(reply: Answer | undefined): Info {
  const found = new Map<string, string>();
  if (reply instanceof StoreRefusedError) return found;
  for (const line of text(reply).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) found.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return found;
}

function stateOf(
  info: Info,
): Omit<ServerState, "snapshots" | "clockSkewMs" | "roundTripMs" | "forbidden" | "unknown" | "writeRefused"> {
  const count = (name: string): number | null => info.has(name) ? Number(info.get(name)) : null;
  return {
    // Valkey tells a version of Redis too, of the one that it is compatible with.
    product: info.has("valkey_version") || info.get("server_name") === "valkey" ? "valkey" : "redis",
    version: info.get("valkey_version") ?? info.get("redis_version") ?? null,
    role: textOrNull(info.get("role")),
    loading: info.get("loading") === "1",
    replicas: count("connected_slaves"),
    aof: info.has("aof_enabled") ? info.get("aof_enabled") === "1" : null,
    lastWriteFailed: info.get("aof_last_write_status") === "err" || info.get("rdb_last_bgsave_status") === "err",
    evictionPolicy: info.get("maxmemory_policy") ?? null,
    memoryLimit: count("maxmemory"),
    memoryUsed: count("used_memory"),
  };
}
