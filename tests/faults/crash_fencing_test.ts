/** Real processes that are stopped, killed, and poisoned: who was taken over settles nothing, nobody waits, the guilty one is found. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { add, fieldOver, OURS, pending, STREAM } from "./support_state.ts";

const LEASE_MS = 1_500;
/** Exit code of a process that was killed. */
const KILLED = 137;
/** CONTRACT 6.3. */
const TAKEOVER_MS = LEASE_MS + 2_000;

function start(redis: TestRedis, name: string, env: Record<string, string> = {}): ServiceProcess {
  return startServiceProcess({
    env: {
      REDIS_URL: redis.url,
      HANDLERS: "./tests/faults/support_fencing_handlers.ts",
      CONSUMER_NAME: name,
      LEASE_MS: String(LEASE_MS),
      RETRY_BACKOFF: "50",
      ...env,
    },
  });
}

function effects(redis: TestRedis): Promise<readonly string[]> {
  return fieldOver(redis, STREAM, "id").then((ids) => ids.filter((id) => id.startsWith("of-")).toSorted());
}

/** @returns When it wrote that down, epoch ms: how long the line was on its way is no matter. */
async function says(service: ServiceProcess, message: string, timeoutMs?: number): Promise<number> {
  const { time } = await service.record((record) => record["message"] === message, `"${message}"`, timeoutMs);
  return Date.parse(String(time));
}

async function quiet(redis: TestRedis): Promise<void> {
  await waitFor(async () => await pending(redis) === 0, { what: "nothing to be pending" });
}

Deno.test("a process stopped past its lease is taken over in time; awake again it settles nothing and works on", async () => {
  await using redis = await startRedis();
  await using stopped = start(redis, "stopped");
  await stopped.ready();
  await add(redis, { id: "z", type: "zombie" });
  await says(stopped, "start z");
  await using other = start(redis, "other");
  await other.ready();
  stopped.signal("SIGSTOP");
  const stoppedAt = Date.now();
  const tookMs = await says(other, "start z") - stoppedAt;
  assert.ok(tookMs <= TAKEOVER_MS, `taken over after ${Math.round(tookMs)} ms`);
  await waitFor(async () => (await effects(redis)).length === 1, { what: "the effect" });
  stopped.signal("SIGCONT");
  const aborted = await stopped.record((record) => record["message"] === "aborted z", "the zombie to be told");
  assert.equal(aborted["reason"], "lease_lost");
  // It works on, alone.
  other.signal("SIGTERM");
  assert.equal(await other.exited(), 0);
  await add(redis, { id: "next", type: "calm" });
  await says(stopped, "start next");
  await waitFor(async () => (await effects(redis)).length === 2, { what: "its effect" });
  await quiet(redis);
  assert.deepEqual(await effects(redis), ["of-next", "of-z"], "each effect once");
  assert.equal(await redis.command(["EXISTS", `${OURS}dlq`]), 0);
});

Deno.test("what a killed process held runs elsewhere within the lease and two seconds, time after time", async () => {
  await using redis = await startRedis();
  let [one, two] = [start(redis, "one"), start(redis, "two")];
  try {
    await Promise.all([one.ready(), two.ready()]);
    for (let round = 0; round < 3; round++) {
      const id = `k${round}`;
      await add(redis, { id, type: "zombie" });
      const holder = await Promise.any(
        [one, two].map((service) => says(service, `start ${id}`).then(() => service)),
      );
      const other = holder === one ? two : one;
      holder.signal("SIGKILL");
      const killedAt = Date.now();
      const tookMs = await says(other, `start ${id}`) - killedAt;
      assert.ok(tookMs <= TAKEOVER_MS, `round ${round}: ${Math.round(tookMs)} ms`);
      await holder.exited();
      await holder[Symbol.asyncDispose]();
      [one, two] = [other, start(redis, `again${round}`)];
      await two.ready();
    }
    await waitFor(async () => (await effects(redis)).length === 3, { what: "the effects" });
    await quiet(redis);
    assert.deepEqual(await effects(redis), ["of-k0", "of-k1", "of-k2"], "each effect once");
  } finally {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  }
});

Deno.test("an entry that kills its process ends as crash_loop within its bound; its neighbours are handled once each", async () => {
  const MAX_DELIVERIES = 3;
  const INNOCENT = 24;
  await using redis = await startRedis();
  const env = { MAX_DELIVERIES: String(MAX_DELIVERIES), LEASE_MS: "1000", CONSUMER_CONCURRENCY: "4" };
  for (let n = 0; n < INNOCENT; n++) {
    await add(redis, { id: `c${n}`, type: "calm" });
    if (n === 5) await add(redis, { id: "p", type: "poison" });
  }
  let crashes = 0;
  let over = false;
  // One promise for all rounds: a condition that is looked at would go on looking after the round that lost interest.
  const end = Promise.withResolvers<number>();
  /** What keeps services alive starts one again when it ends. */
  const supervise = async (name: string): Promise<void> => {
    while (!over) {
      await using service = start(redis, name, env);
      const code = await Promise.race([service.exited(60_000), end.promise]);
      assert.ok(code === 0 || code === KILLED, `it exited with ${code}: ${service.output.slice(-1_000)}`);
      if (code === KILLED) crashes++;
    }
  };
  const supervisors = [supervise("a"), supervise("b")];
  try {
    await waitFor(async () => Number(await redis.command(["XLEN", `${OURS}dlq`])) === 1, {
      timeoutMs: 50_000,
      everyMs: 50,
      what: "the poison to be a dead letter",
    });
    await waitFor(async () => (await effects(redis)).length >= INNOCENT, { timeoutMs: 15_000, what: "the others" });
    await quiet(redis);
  } finally {
    over = true;
    end.resolve(0);
    await Promise.all(supervisors);
  }
  assert.ok(crashes <= 2 + MAX_DELIVERIES, `${crashes} crashes`);
  assert.ok(crashes >= MAX_DELIVERIES, `${crashes} crashes`);
  assert.deepEqual(await fieldOver(redis, `${OURS}dlq`, "id"), ["p"]);
  assert.deepEqual(await fieldOver(redis, `${OURS}dlq`, "dlq.reason"), ["crash_loop"]);
  assert.deepEqual(await fieldOver(redis, `${OURS}dlq`, "dlq.deliveries"), [String(MAX_DELIVERIES)]);
  const wanted = Array.from({ length: INNOCENT }, (_, n) => `of-c${n}`).toSorted();
  assert.deepEqual(await effects(redis), wanted, "each neighbour's effect once");
});
