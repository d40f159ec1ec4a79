/** What Redis refuses, and for how long, while the service is at work: nothing lost, nothing twice, a short log, the truth. */
import type { TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { endure, type Ordeal } from "./support_ordeal.ts";
import { sideBySide } from "./support_side_by_side.ts";
import { OURS, STREAM } from "./support_state.ts";

const allCommands = ({ user }: TestRedis): string[] => ["ACL", "SETUSER", user, "+@all", "allkeys"];

/** A script that never ends, on a connection of its own. */
function spin(redis: TestRedis): Promise<unknown> {
  return redis.connect().then((client) => {
    client.command(["EVAL", "while true do end", "0"], { timeoutMs: 60_000 }).catch(() => {}).finally(() =>
      client.close()
    );
    return waitFor(async () => {
      const reply = await redis.command(["PING"]).catch((error) => String(error));
      return String(reply).includes("BUSY");
    }, { what: "Redis to be busy" });
  });
}

const ORDEALS: readonly Ordeal[] = [
  {
    name: "MISCONF: the snapshot cannot be written",
    config: { save: "3600 1" },
    before: true,
    async hurt(redis): Promise<void> {
      await Deno.mkdir(`${redis.dir}/dump.rdb`, { recursive: true });
      await redis.command(["BGSAVE"]);
      await waitFor(async () => {
        const reply = await redis.command(["SET", "x", "y"]).catch((error) => String(error));
        return String(reply).includes("MISCONF");
      }, { what: "MISCONF" });
    },
    async heal(redis): Promise<void> {
      await Deno.remove(`${redis.dir}/dump.rdb`);
      await redis.command(["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    },
    reasons: ["misconf"],
  },
  {
    name: "BUSY: somebody's script runs for ever",
    config: { "busy-reply-threshold": "50" },
    before: true,
    hurt: spin,
    heal: (redis) => redis.command(["SCRIPT", "KILL"]),
    reasons: ["busy", "timeout"],
  },
  {
    name: "LOADING: it restarts with much to load",
    config: { "key-load-delay": "300", "loading-process-events-interval-bytes": "1024", appendonly: "no" },
    before: true,
    async hurt(redis): Promise<void> {
      await redis.command(["EVAL", "for i=1,20000 do redis.call('SET','k'..i,'v') end", "0"]);
      const client = await redis.connect();
      client.command(["DEBUG", "RELOAD"], { timeoutMs: 60_000 }).catch(() => {}).finally(() => client.close());
      await waitFor(async () => {
        const reply = await redis.command(["GET", "x"]).catch((error) => String(error));
        return String(reply).includes("LOADING");
      }, { what: "Redis to load" });
    },
    heal: (redis) =>
      waitFor(async () => {
        const reply = await redis.command(["GET", "x"]).catch((error) => String(error));
        return !String(reply).includes("LOADING");
      }, { timeoutMs: 20_000, what: "Redis to have loaded" }),
    reasons: ["loading"],
  },
  {
    name: "OOM: what needs no memory goes on",
    hurt: async (redis) => {
      await redis.command(["CONFIG", "SET", "maxmemory", "1mb"]);
    },
    before: true,
    heal: (redis) => redis.command(["CONFIG", "SET", "maxmemory", "0"]),
    reasons: ["out_of_memory"],
  },
  {
    name: "NOREPLICAS: too few replicas",
    before: true,
    hurt: (redis) => redis.command(["CONFIG", "SET", "min-replicas-to-write", "1"]),
    heal: (redis) => redis.command(["CONFIG", "SET", "min-replicas-to-write", "0"]),
    reasons: ["no_replicas"],
  },
  {
    name: "CLIENT PAUSE WRITE: writes wait without an answer",
    before: true,
    hurt: (redis) => redis.command(["CLIENT", "PAUSE", "60000", "WRITE"]),
    heal: (redis) => redis.command(["CLIENT", "UNPAUSE"]),
    reasons: ["timeout", "connection"],
  },
  {
    name: "maxclients: every connection is refused",
    before: true,
    async hurt(redis): Promise<void> {
      await redis.command(["CONFIG", "SET", "maxclients", "1"]);
      await redis.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    },
    heal: (redis) => redis.command(["CONFIG", "SET", "maxclients", "1000"]),
    reasons: ["max_clients", "connection"],
  },
  {
    name: "READONLY: it becomes a replica of nobody and a master again",
    before: true,
    hurt: (redis) => redis.command(["REPLICAOF", "127.0.0.1", "1"]),
    heal: (redis) => redis.command(["REPLICAOF", "NO", "ONE"]),
    reasons: ["readonly", "connection"],
  },
  {
    name: "ACL: scripts are not allowed any more",
    before: true,
    hurt: (redis) => redis.command(["ACL", "SETUSER", redis.user, "-evalsha", "-eval"]),
    heal: (redis) => redis.command(allCommands(redis)),
    reasons: ["permission"],
  },
  {
    name: "ACL: acknowledging is not allowed any more",
    before: true,
    hurt: (redis) => redis.command(["ACL", "SETUSER", redis.user, "-xack"]),
    heal: (redis) => redis.command(allCommands(redis)),
    reasons: ["permission"],
  },
  {
    name: "ACL: our keys are not allowed any more",
    before: true,
    hurt: (redis) => redis.command(["ACL", "SETUSER", redis.user, "resetkeys", "~something-else"]),
    heal: (redis) => redis.command(allCommands(redis)),
    reasons: ["permission"],
  },
  {
    name: "SCRIPT FLUSH, again and again: nobody notices",
    async hurt(redis): Promise<void> {
      for (let n = 0; n < 20; n++) await redis.command(["SCRIPT", "FLUSH"]);
    },
    heal: (redis) => redis.command(["SCRIPT", "FLUSH"]),
    reasons: null,
  },
  {
    name: "the index of parked entries is deleted",
    hurt: (redis) => redis.command(["DEL", `${OURS}orphans`]),
    heal: (redis) => redis.command(["EXISTS", STREAM]),
    reasons: null,
  },
];

sideBySide(ORDEALS.map((ordeal) => ({ name: ordeal.name, run: () => endure(ordeal) })), 5);
