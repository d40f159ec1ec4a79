/** SIGTERM in each state: documented exit code, within bounds, nothing lost. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const GROUP = "redis-stream-service";

function start(redis: TestRedis, env: Record<string, string> = {}): ServiceProcess {
  return startServiceProcess({
    env: { REDIS_URL: redis.url, RETRY_DELAYS: "200", HANDLERS: "./tests/fixtures/handlers.ts", ...env },
  });
}

function add(redis: TestRedis, id: string, script: object): Promise<unknown> {
  return redis.command([
    "XADD",
    "event-stream",
    "*",
    "id",
    id,
    "type",
    "test.script",
    "source",
    "t",
    "data",
    JSON.stringify(script),
  ]);
}

async function pending(redis: TestRedis): Promise<number> {
  return Number((await redis.command(["XPENDING", "event-stream", GROUP]) as unknown[])[0]);
}

async function consumers(redis: TestRedis): Promise<readonly string[]> {
  const info = await redis.command(["XINFO", "CONSUMERS", "event-stream", GROUP]) as unknown[][];
  return info.map((fields) => String(fields[1]));
}

/** Ends with a signal. @returns Exit code and how long it took, ms. */
async function terminate(service: ServiceProcess): Promise<{ code: number; ms: number }> {
  const startedAt = performance.now();
  service.signal("SIGTERM");
  const code = await service.exited();
  return { code, ms: performance.now() - startedAt };
}

Deno.test("SIGTERM when idle: exit 0 at once, and the consumer is gone", async () => {
  await using redis = await startRedis();
  await using service = start(redis);
  await service.ready();
  const { code, ms } = await terminate(service);
  assert.equal(code, 0, service.output.slice(-2_000));
  // It waits for neither of its bounds: 20 s for handlers, 5 s for a command.
  assert.ok(ms < 4_500, `took ${ms} ms`);
  assert.deepEqual((await consumers(redis)).filter((name) => !name.startsWith("@")), []);
});

Deno.test("SIGTERM with clients that are silent, half through something, or gone: exit 0 at once", async () => {
  await using redis = await startRedis();
  await using service = start(redis);
  const { hostname, port } = new URL(await service.ready());
  const begins = [
    "",
    "GET /health/li",
    "PRI * HTTP/2.0\r\n\r\nS",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200),
    "POST /trigger-test-event HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
    "POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
  ];
  const connections = await Promise.all([...begins, ...begins].map(async (begin, i) => {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(begin));
    if (i >= begins.length) connection.close();
    return connection;
  }));
  assert.ok(await status(`http://${hostname}:${port}/health/live`, 200));
  const { code, ms } = await terminate(service);
  for (const connection of connections.slice(0, begins.length)) connection.close();
  assert.equal(code, 0, service.output.slice(-2_000));
  assert.ok(ms < 4_500, `took ${ms} ms`);
  assert.doesNotMatch(service.output, /Uncaught|BadResource|survived a fault/);
});

Deno.test("SIGTERM when busy: what runs finishes, what waits is handed back, exit 0", async () => {
  await using redis = await startRedis();
  await using service = start(redis, { CONSUMER_CONCURRENCY: "2" });
  await service.ready();
  for (const id of ["a", "b", "c", "d"]) await add(redis, id, { sleepMs: 1_500 });
  await service.record((r) => r["message"] === "start b", "two handlers to run");
  const { code } = await terminate(service);
  assert.equal(code, 0, service.output.slice(-2_000));
  assert.deepEqual(service.records.filter((r) => String(r["message"]).startsWith("end ")).map((r) => r["id"]).sort(), [
    "a",
    "b",
  ]);
  assert.equal(await pending(redis), 2);
  await using other = start(redis);
  const startedAt = performance.now();
  await other.record((r) => r["message"] === "start d", "the rest to run elsewhere");
  assert.ok(performance.now() - startedAt < 9_000, "sooner than by a lease that runs out");
  const attempts = other.records.filter((r) => String(r["message"]).startsWith("start ")).map((r) => r["attempt"]);
  assert.deepEqual(attempts, [1, 1]);
});

Deno.test("what SIGTERM hands back runs in another replica within a second of the exit", async () => {
  await using redis = await startRedis();
  await using leaving = start(redis, { CONSUMER_CONCURRENCY: "1", SHUTDOWN_TIMEOUT: "300" });
  await leaving.ready();
  for (const id of ["a", "b", "c"]) await add(redis, id, { sleepMs: 60_000 });
  await leaving.record((r) => r["message"] === "start a", "the first to run");
  await using staying = start(redis);
  await staying.ready();
  const { code } = await terminate(leaving);
  const exitedAt = Date.now();
  assert.equal(code, 0, leaving.output.slice(-2_000));
  assert.ok(leaving.records.some((r) => r["message"] === "aborted a" && r["reason"] === "shutting_down"));
  for (const id of ["a", "b", "c"]) {
    const { time } = await staying.record((r) => r["message"] === `start ${id}`, `${id} to run elsewhere`);
    // What it wrote down itself: how long the line was on its way is no matter.
    const tookMs = Date.parse(String(time)) - exitedAt;
    assert.ok(tookMs < 1_300, `${id} started after ${tookMs} ms`);
  }
  assert.ok(
    staying.records.filter((r) => r["message"] === "start a").every((r) => r["attempt"] === 1),
    "a drain is no attempt",
  );
});

Deno.test("a handler that is deaf to its signal does not hold the exit up", async () => {
  await using redis = await startRedis();
  await using service = start(redis, { SHUTDOWN_TIMEOUT: "300" });
  await service.ready();
  await add(redis, "deaf", { sleepMs: 60_000, deaf: true });
  await service.record((r) => r["message"] === "start deaf", "it to run");
  const { code, ms } = await terminate(service);
  assert.equal(code, 0, service.output.slice(-2_000));
  assert.ok(ms < 10_000, `took ${ms} ms, the handler a minute`);
  assert.equal(await pending(redis), 1);
});

Deno.test("SIGTERM while Redis is down: within the bound, and 0 with nothing held", async () => {
  await using redis = await startRedis();
  await using service = start(redis, { COMMAND_TIMEOUT: "1000", SHUTDOWN_TIMEOUT: "500" });
  const url = await service.ready();
  await redis.kill9();
  await waitFor(() => status(`${url}/health/ready`, 503), { timeoutMs: 6_000, what: "503" });
  const { code, ms } = await terminate(service);
  assert.equal(code, 0, service.output.slice(-2_000));
  assert.ok(ms < 2_700, `took ${ms} ms`);
});

Deno.test("SIGTERM while Redis is stopped: within the bound, and 0 with nothing held", async () => {
  await using redis = await startRedis();
  await using service = start(redis, { COMMAND_TIMEOUT: "1000", SHUTDOWN_TIMEOUT: "500" });
  await service.ready();
  redis.stop();
  const { code, ms } = await terminate(service);
  assert.equal(code, 0, service.output.slice(-2_000));
  assert.ok(ms < 2_700, `took ${ms} ms`);
});

Deno.test("SIGTERM while Redis is down and something is held: exit 1", async () => {
  await using redis = await startRedis();
  await using service = start(redis, { COMMAND_TIMEOUT: "1000", SHUTDOWN_TIMEOUT: "500" });
  await service.ready();
  await add(redis, "held", { sleepMs: 60_000 });
  await service.record((r) => r["message"] === "start held", "it to run");
  await redis.kill9();
  const { code, ms } = await terminate(service);
  assert.equal(code, 1, service.output.slice(-2_000));
  assert.ok(ms < 2_900, `took ${ms} ms`);
});

Deno.test("SIGTERM during the start: exit 0", async () => {
  await using redis = await startRedis();
  for (const waitMs of [0, 60, 120, 200]) {
    await using service = start(redis);
    // Not a wait for something to happen: the moment of the signal is what varies.
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    // Before its first line of code Deno has no listener, and nothing of ours can run.
    if (waitMs === 0) await waitFor(() => service.output !== "", { what: "the first line" });
    const { code } = await terminate(service);
    assert.ok(
      code === 0 || (code === 143 && service.output === ""),
      `code ${code} after ${waitMs} ms: ${service.output}`,
    );
  }
});
