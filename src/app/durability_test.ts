import assert from "node:assert/strict";
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/types.ts";
import { StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { Happenings } from "../happenings.ts";
import type { Arg, RedisChannel, Reply } from "../store/redis/channel.ts";
import { UNSUPPORTED, watchDurability } from "./durability.ts";

function configOf(durability: string): Config {
  const env = { PUBLISH_DURABILITY: durability, REDIS_URL: "redis://localhost", STREAM: "s" };
  return parseConfig(env, { hostname: "h", version: "0", mintToken: () => "t" }).config;
}

/** What health was told, in order, while a Redis answers the question so. */
function watched(
  durability: string,
  answers: (() => Promise<Reply>)[],
): { reasons: unknown[]; connect: () => Promise<void> } {
  const happenings = new Happenings();
  const reasons: unknown[] = [];
  const send = (args: readonly Arg[]): Promise<Reply> => {
    assert.deepEqual(args, ["WAITAOF", "1", "0", "1"]);
    return answers.shift()!();
  };
  const manager = { blocking: (name: string) => ({ name, send }) as unknown as RedisChannel };
  watchDurability({ config: configOf(durability), happenings, manager, block: (reason) => reasons.push(reason) });
  const connect = async (): Promise<void> => {
    for (const channel of ["command", "publisher:s"]) happenings.emit({ kind: "link", channel, state: "ready" });
    await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => resolve(null)))));
  };
  return { reasons, connect };
}

const refused = (): Promise<Reply> => Promise.reject(new StoreRefusedError("unknown", "ERR unknown command"));
const silent = (): Promise<Reply> => Promise.reject(new StoreUnavailableError("timeout", "none"));
const able = (): Promise<Reply> => Promise.resolve([1, 0]);

Deno.test("what every Redis can do is not looked for", async () => {
  for (const durability of ["memory", "replica:1"]) {
    const { reasons, connect } = watched(durability, []);
    await connect();
    assert.deepEqual(reasons, []);
  }
});

Deno.test("a Redis that cannot wait for its disk makes the service not ready, until it can", async () => {
  const { reasons, connect } = watched("fsync", [refused, silent, able]);
  assert.deepEqual(reasons, ["starting"]);
  await connect();
  assert.deepEqual(reasons, ["starting", UNSUPPORTED]);
  await connect();
  assert.deepEqual(reasons, ["starting", UNSUPPORTED], "no answer tells nothing");
  await connect();
  assert.deepEqual(reasons, ["starting", UNSUPPORTED, null]);
});
