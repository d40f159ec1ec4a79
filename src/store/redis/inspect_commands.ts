/**
 * Every command that the service sends, and those that its scripts call, each in a form that changes nothing: on a key
 * that does not exist, and with options that create none. Used to find out what a user may not do.
 * @module
 */
import type { Durability } from "../port.ts";
import type { Arg } from "./channel.ts";

/**
 * @param key What the commands are asked on: a real key for `ACL DRYRUN`, which executes nothing; else a key of the same
 *   pattern that nobody uses. @param other Another one.
 */
export function commandsOn(key: string, other: string, group: string): readonly (readonly Arg[])[] {
  return [
    ...streamCommands(key, group),
    ...keyCommands(key, other),
    ["EVAL", "return 1", "1", key],
    ["EVALSHA", "0".repeat(40), "1", key],
    ["WATCH", key],
    ["MULTI"],
    // With nothing queued, it changes nothing and ends the watch.
    ["EXEC"],
    ["TIME"],
    ["INFO", "server"],
    ["CLIENT", "ID"],
    ["CLIENT", "UNBLOCK", "0"],
  ];
}

function streamCommands(key: string, group: string): readonly (readonly Arg[])[] {
  return [
    ["XADD", key, "NOMKSTREAM", "*", "a", "b"],
    ["XREADGROUP", "GROUP", group, "doctor", "COUNT", "1", "STREAMS", key, ">"],
    ["XACK", key, group, "0-1"],
    ["XCLAIM", key, group, "doctor", "0", "0-1", "JUSTID"],
    ["XPENDING", key, group],
    ["XRANGE", key, "-", "+", "COUNT", "1"],
    ["XREVRANGE", key, "+", "-", "COUNT", "1"],
    ["XLEN", key],
    ["XDEL", key, "0-1"],
    ["XTRIM", key, "MINID", "0-1"],
    ["XINFO", "STREAM", key],
    ["XINFO", "GROUPS", key],
    ["XINFO", "CONSUMERS", key, group],
    ["XGROUP", "CREATE", key, group, "0"],
    ["XGROUP", "DELCONSUMER", key, group, "doctor"],
  ];
}

function keyCommands(key: string, other: string): readonly (readonly Arg[])[] {
  return [
    ["GET", key],
    ["MGET", key],
    ["SET", key, "", "XX"],
    ["DEL", key],
    ["EXISTS", key],
    ["TYPE", key],
    ["RENAME", key, other],
    ["PTTL", key],
    ["PEXPIRE", key, "1000"],
    ["HGET", key, "a"],
    ["HGETALL", key],
    ["HKEYS", key],
    ["HEXISTS", key, "a"],
    ["HSCAN", key, "0"],
    ["HDEL", key, "a"],
    ["ZADD", key, "XX", "1", "a"],
    ["ZREM", key, "a"],
    ["ZRANGE", key, "0", "0"],
    ["ZRANGEBYSCORE", key, "0", "0"],
    ["ZSCORE", key, "a"],
    ["ZCARD", key],
    ["ZCOUNT", key, "0", "0"],
  ];
}

/** What this durability is waited for with: in this form it is there at once. */
export function waitsFor({ level }: Durability): readonly (readonly Arg[])[] {
  if (level === "memory") return [];
  return level === "replica" ? [["WAIT", "0", "1"]] : [["WAITAOF", "0", "0", "1"]];
}

/** These have no form that changes nothing: they are asked about with `ACL DRYRUN` alone. */
export function writesOn(key: string): readonly (readonly Arg[])[] {
  return [["HSET", key, "a", "b"], ["HSETNX", key, "a", "b"], ["HINCRBY", key, "a", "1"]];
}

/** `XINFO STREAM`, `XADD`: as people name it. */
export function nameOf(command: readonly Arg[]): string {
  const [first, second] = command.map(String);
  return ["XINFO", "XGROUP", "CLIENT"].includes(first!) ? `${first} ${second}` : first!;
}
