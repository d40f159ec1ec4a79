/**
 * kill -9 before and after each step of the store, one process each; then a healthy one finishes. Nothing is lost, each
 * effect is there once, nothing is both settled and dead, nothing is left pending or parked.
 */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { until, waitFor } from "../../testing/wait.ts";
import { type CrashPoint, EVENTS, handlers, idsOf, PUBLISHED, soon } from "./support_crash.ts";
import { sideBySide } from "./support_side_by_side.ts";
import { add, fieldOver, GROUP, OURS, pending, type RunningService, runService, STREAM } from "./support_state.ts";

const ENV = {
  RETRY_BACKOFF: "50",
  RETRY_BACKOFF_MAX: "100",
  LEASE_MS: "1000",
  SHUTDOWN_TIMEOUT: "200",
  CONSUMER_CONCURRENCY: "4",
  MAX_DELIVERIES: "8",
};

const STEPS: readonly Omit<CrashPoint, "when">[] = [
  { method: "register" },
  { method: "read" },
  { method: "settle" },
  { method: "settle", settling: "effects", nth: 2 },
  { method: "settle", settling: "park" },
  { method: "settle", settling: "dead" },
  { method: "settle", settling: "release" },
  { method: "mark" },
  { method: "adopt" },
  { method: "claimDue", nth: 2 },
  { method: "takeOver" },
  { method: "retire" },
  { method: "append" },
  { method: "fire", nth: 2 },
  { method: "promoteDelayed", nth: 2 },
];
/** Steps that settle and claim nothing: tried where there is time. */
const OTHERS: typeof STEPS = [
  { method: "ensureGroup" },
  { method: "beat", nth: 2 },
  { method: "read", nth: 2 },
  { method: "peers" },
  { method: "append", nth: 2 },
  { method: "trim" },
  { method: "census", nth: 2 },
];

const LONG = Deno.env.get("FAULTS_LONG") === "1";
const POINTS: readonly CrashPoint[] = [...STEPS, ...LONG ? OTHERS : []].flatMap((step) => [
  { ...step, when: "before" } as const,
  { ...step, when: "after" } as const,
]);
/** Each has a Redis of its own, and most of its time is waiting for a lease to run out. */
const AT_ONCE = 6;

/** What a process before left behind: a dead consumer that holds two entries, and one that was handed back. */
async function stage(redis: TestRedis): Promise<void> {
  for (const type of Object.keys(EVENTS)) for (const id of idsOf(type)) await add(redis, { id, type, subject: id });
  await redis.command(["XGROUP", "CREATE", STREAM, GROUP, "0"]);
  const read = async (count: number): Promise<string[]> => {
    const reply = await redis.command(["XREADGROUP", "GROUP", GROUP, "ghost", "COUNT", count, "STREAMS", STREAM, ">"]);
    return (reply as [string, [string, unknown][]][])[0]![1].map(([id]) => String(id));
  };
  const [orphan] = await read(1);
  await redis.command(["XCLAIM", STREAM, GROUP, "@parked", 0, orphan!, "JUSTID"]);
  await redis.command(["ZADD", `${OURS}orphans`, 0, orphan!]);
  await read(2);
  await redis.command(["HSET", `${OURS}consumers`, "ghost", "registered:1"]);
  // A lease of a second that was renewed ten seconds ago.
  await redis.command(["SET", `${OURS}lease:ghost`, "1000", "PX", String(604_800_000 - 10_000)]);
}

async function crash(redis: TestRedis, point: CrashPoint): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", new URL("./support_crash_child.ts", import.meta.url).href],
    env: {
      ...ENV,
      REDIS_URL: redis.url,
      SERVICE_PORT: "0",
      TEST_EVENT_INTERVAL: "0",
      LOG_LEVEL: "ERROR",
      CRASH_POINT: JSON.stringify(point),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  try {
    const { signal, code } = await until(child.status, { timeoutMs: 30_000, what: "the process to die" });
    assert.equal(signal, "SIGKILL", `it came to its end with ${code}, not to its crash point: ${await stderr}`);
  } finally {
    await stderr;
  }
}

/** The client of what was published has no answer and asks again, with the same ids. */
async function publishAgain(service: RunningService): Promise<void> {
  const [published, delayed] = PUBLISHED;
  await service.app.publish({ type: "plain", id: published, source: "t" });
  await service.app.publish({ type: "plain", id: delayed, source: "t", extensions: { deliverat: soon() } });
}

async function survive(point: CrashPoint): Promise<void> {
  await using redis = await startRedis();
  await stage(redis);
  await crash(redis, point);
  await using service = await runService(redis, { handlers: handlers(false), env: ENV });
  await publishAgain(service);
  const wanted = [...PUBLISHED, ...idsOf("plain"), ...idsOf("failing"), ...idsOf("slow")].map((id) => `of-${id}`);
  const effects = async (): Promise<readonly string[]> =>
    (await fieldOver(redis, STREAM, "id")).filter((id) => id.startsWith("of-"));
  await waitFor(async () => new Set(await effects()).size === wanted.length && await pending(redis) === 0, {
    timeoutMs: 12_000,
    everyMs: 50,
    what: "all to be settled",
  }).catch(async (error) => {
    const found = new Set(await effects());
    const missing = wanted.filter((id) => !found.has(id));
    throw new Error(
      `${error.message}: missing ${missing}, pending ${await pending(redis)}, ${Deno.inspect(service.tally)}`,
    );
  });
  assert.deepEqual((await effects()).toSorted(), wanted.toSorted(), "each effect once");
  assert.deepEqual((await fieldOver(redis, `${OURS}dlq`, "id")).toSorted(), idsOf("hopeless"), "each letter once");
  const ids = await fieldOver(redis, STREAM, "id");
  assert.equal(new Set(ids).size, ids.length, "each published event and each tick once");
  assert.deepEqual(await redis.command(["KEYS", `${OURS}parked:*`]), []);
  assert.equal(await redis.command(["EXISTS", `${OURS}orphans`]), 0);
  assert.equal(await redis.command(["EXISTS", `${OURS}records`]), 0, "no record is left");
  assert.deepEqual(service.lost, {});
}

const nameOf = ({ method, when, settling, nth = 1 }: CrashPoint): string =>
  `a process that dies ${when} ${method}${settling ? `(${settling})` : ""} ${nth} costs nothing`;

sideBySide(POINTS.map((point) => ({ name: nameOf(point), run: () => survive(point) })), AT_ONCE);
