/** A key of ours that holds something else: nothing ends, nothing is lost, the log stays short, and it heals with the key. */
import type { TestRedis } from "../../testing/redis_server.ts";
import { endure, type Ordeal } from "./support_ordeal.ts";
import { sideBySide } from "./support_side_by_side.ts";
import { OURS, STREAM } from "./support_state.ts";

/** The consumer's own name is part of some keys. */
async function consumerOf(redis: TestRedis): Promise<string> {
  const [lease] = await redis.command(["KEYS", `${OURS}lease:*`]) as string[];
  return String(lease).slice(`${OURS}lease:`.length);
}

async function put(redis: TestRedis, key: string, type: "string" | "list"): Promise<unknown> {
  await redis.command(["DEL", key]);
  return await redis.command(type === "string" ? ["SET", key, "stranger"] : ["RPUSH", key, "stranger"]);
}

interface Key {
  readonly key: string | ((consumer: string) => string);
  /** What it holds by right. */
  readonly holds: "string" | "other";
  readonly reasons?: readonly string[] | null;
}

const BASE = `{${STREAM}}:`;
const KEYS: readonly Key[] = [
  { key: (me) => `${OURS}lease:${me}`, holds: "string" },
  { key: (me) => `${OURS}running:${me}`, holds: "string", reasons: null },
  { key: (me) => `${OURS}parked:${me}`, holds: "other", reasons: null },
  { key: `${OURS}consumers`, holds: "other", reasons: null },
  { key: `${OURS}orphans`, holds: "other", reasons: null },
  { key: `${OURS}records`, holds: "other", reasons: null },
  { key: `${OURS}dlq`, holds: "other", reasons: null },
  { key: `${OURS}replay`, holds: "other", reasons: ["wrong_type"] },
  { key: `${OURS}ledger`, holds: "other", reasons: null },
  { key: `${OURS}made`, holds: "string", reasons: null },
  { key: `${BASE}schedules`, holds: "other", reasons: null },
  { key: `${BASE}delayed`, holds: "other", reasons: null },
  { key: `${BASE}delayed:events`, holds: "other", reasons: null },
  { key: `${BASE}probe`, holds: "string", reasons: null },
];

function ordealOf({ key, holds, reasons }: Key): Ordeal {
  let name = "";
  return {
    name: `wrong type in ${typeof key === "string" ? key : key("ME")}`,
    ...(reasons === undefined ? {} : { reasons }),
    async hurt(redis): Promise<void> {
      name = typeof key === "string" ? key : key(await consumerOf(redis));
      await put(redis, name, holds === "string" ? "list" : "string");
    },
    // What our own writes have put right by themselves stays.
    async heal(redis): Promise<void> {
      const type = String(await redis.command(["TYPE", name]));
      if (type === (holds === "string" ? "list" : "string")) await redis.command(["DEL", name]);
    },
  };
}

sideBySide(KEYS.map(ordealOf).map((ordeal) => ({ name: ordeal.name, run: () => endure(ordeal) })), 7);
