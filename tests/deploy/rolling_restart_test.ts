/** Two replicas behind a balancer, restarted one after the other under load: nobody outside notices. */
import assert from "node:assert/strict";
import { startBalancer } from "../../testing/balancer.ts";
import { type KeepAliveLoad, startLoad } from "../../testing/keep_alive_load.ts";
import { freePort, startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const GROUP = "redis-stream-service";
const BOUND = { timeoutMs: 20_000 };

function start(redis: TestRedis, port: number): ServiceProcess {
  return startServiceProcess({
    env: {
      REDIS_URL: redis.url,
      SERVICE_PORT: String(port),
      SHUTDOWN_DELAY: "1500",
      HANDLERS: "./tests/deploy/rolling_handlers.ts",
    },
  });
}

/** Waits for a hundred more events to be taken. */
async function moreOf(load: KeepAliveLoad): Promise<void> {
  const before = load.accepted.length;
  await waitFor(() => load.accepted.length >= before + 100, { ...BOUND, what: "100 more events" });
}

/** Ids in the stream by type. */
async function idsOf(redis: TestRedis, type: string): Promise<string[]> {
  const entries = await redis.command(["XRANGE", "event-stream", "-", "+"]) as [unknown, unknown[]][];
  return entries.flatMap(([, fields]) => {
    const texts = fields.map((field) => field instanceof Uint8Array ? new TextDecoder().decode(field) : String(field));
    const value = (name: string): string => texts[texts.findIndex((text, i) => i % 2 === 0 && text === name) + 1]!;
    return value("type") === type ? [value("id")] : [];
  });
}

Deno.test("a rolling restart under a keep-alive load: no request fails, no event is lost or handled twice", async () => {
  await using redis = await startRedis();
  const ports = [freePort(), freePort()];
  await using stack = new AsyncDisposableStack();
  const replicas = ports.map((port) => stack.use(start(redis, port)));
  const all = [...replicas];
  await Promise.all(replicas.map((replica) => replica.ready()));
  await using balancer = startBalancer({ backends: ports });
  await waitFor(() => balancer.ready.size === 2, { ...BOUND, what: "both replicas to be in" });
  const load = startLoad({ port: balancer.port, type: "roll.placed" });
  await moreOf(load);
  for (const [i, port] of ports.entries()) {
    replicas[i]!.signal("SIGTERM");
    assert.equal(await replicas[i]!.exited(), 0, replicas[i]!.output.slice(-2_000));
    replicas[i] = stack.use(start(redis, port));
    all.push(replicas[i]!);
    await waitFor(() => balancer.ready.size === 2, { ...BOUND, what: "the new replica to be in" });
    await moreOf(load);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  const wanted = [...load.accepted].sort();
  assert.ok(wanted.length >= 300);
  assert.deepEqual((await idsOf(redis, "roll.placed")).sort(), wanted);
  await waitFor(async () => (await idsOf(redis, "roll.done")).length >= wanted.length, {
    ...BOUND,
    what: "every effect",
  });
  await waitFor(async () => (await redis.command(["XPENDING", "event-stream", GROUP]) as unknown[])[0] === 0, {
    ...BOUND,
    what: "nothing to be pending",
  });
  assert.deepEqual((await idsOf(redis, "roll.done")).map((id) => id.slice("done-".length)).sort(), wanted);
  // Nor was a handler run to its end in vain.
  const runs = all.flatMap(({ records }) => records.filter(({ message }) => String(message).startsWith("done ")));
  assert.deepEqual(runs.map(({ id }) => String(id)).sort(), wanted);
});
