/** The whole process against a real Redis: starts, answers, handles, stops. */
import assert from "node:assert/strict";
import { startRedis } from "../../testing/redis_server.ts";
import { getJson, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

Deno.test("a triggered event reaches its handler with the correlation id of the request", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url } });
  const url = await service.ready();
  const { status: code, body } = await getJson(`${url}/trigger-test-event`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-correlation-id": "corr-42" },
    body: JSON.stringify({ hello: "world" }),
  });
  assert.equal(code, 200);
  assert.deepEqual(Object.keys(body).sort(), ["entryId", "eventId", "message", "stream", "success"]);
  assert.equal(body["message"], "Test event published");
  const line = await service.record(
    (r) => r["logger"] === "handler" && r["eventId"] === body["eventId"],
    "its log line",
  );
  assert.equal(line["correlationId"], "corr-42");
  await waitFor(
    async () => String(await redis.command(["XPENDING", "event-stream", "redis-stream-service"])).startsWith("0"),
    {
      what: "the acknowledgement",
    },
  );
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0);
});

Deno.test("/health has the documented shape", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, TEST_EVENT_INTERVAL: "200" } });
  const url = await service.ready();
  await service.record((r) => r["logger"] === "handler", "a scheduled event");
  const { status: code, body } = await getJson(`${url}/health`);
  assert.equal(code, 200);
  assert.equal(body["status"], "healthy");
  const { redis: check, eventStream } = body["checks"] as Record<string, Record<string, unknown>>;
  assert.equal(check?.["status"], "healthy");
  assert.equal(typeof check?.["latency"], "number");
  assert.ok(!Number.isNaN(Date.parse(String(check?.["lastCheck"]))));
  assert.equal(eventStream?.["consumerActive"], true);
  assert.ok(!Number.isNaN(Date.parse(String(eventStream?.["lastMessage"]))));
});

Deno.test("with Redis down HTTP listens, live is 200, ready 503; events flow once Redis is there", async () => {
  await using redis = await startRedis();
  await redis.kill9();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, RETRY_DELAYS: "200" } });
  const url = await service.listening(5_000);
  assert.ok(await status(`${url}/health/live`, 200));
  assert.equal((await getJson(`${url}/health/ready`)).status, 503);
  await waitFor(async () => (await getJson(`${url}/health/ready`)).body["reason"] === "connection", {
    what: "the reason",
  });
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const startedAt = performance.now();
    const trigger = await getJson(`${url}/trigger-test-event`, { method: "POST" });
    times.push(performance.now() - startedAt);
    assert.deepEqual([trigger.status, trigger.body["success"]], [503, false]);
  }
  // The machine may be busy now and then; the rule is for the request, not for the machine.
  assert.ok(Math.min(...times) < 100, times.map(Math.round).join(" "));
  await redis.restart();
  await waitFor(() => status(`${url}/health/ready`, 200), { timeoutMs: 5_000, what: "ready after Redis came up" });
  assert.equal((await getJson(`${url}/trigger-test-event`, { method: "POST" })).status, 200);
  await service.record((r) => r["logger"] === "handler", "the handler's line");
});

Deno.test("ten wrong settings are one message of ten lines, exit code 2, and no secret", async () => {
  await using service = startServiceProcess({
    env: {
      SERVICE_PORT: "99999",
      LOG_LEVEL: "LOUD",
      LOG_FORMAT: "xml",
      TIMEZONE: "Mars/Base",
      REDIS_URL: "redis://user:canary-secret@127.0.0.1:99999",
      COMMAND_TIMEOUT: "5s",
      RETRY_DELAYS: "a,b",
      LEASE_MS: "-1",
      CONSUMER_ORDERING: "sometimes",
      PUBLISH_DURABILITY: "forever",
    },
  });
  assert.equal(await service.exited(10_000), 2);
  const lines = service.stderr.trim().split("\n");
  assert.equal(lines.length, 11, service.stderr);
  assert.ok(!service.output.includes("canary-secret"));
});

Deno.test("a handlers module that cannot be loaded ends the process with code 2", async () => {
  await using service = startServiceProcess({
    env: { REDIS_URL: "redis://127.0.0.1:1", HANDLERS: "./no/such/module.ts" },
  });
  assert.equal(await service.exited(10_000), 2);
  assert.match(service.stderr, /no\/such\/module\.ts/);
});

Deno.test("MAX_RETRY_ATTEMPTS gives up with code 3", async () => {
  await using redis = await startRedis();
  await redis.kill9();
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, RETRY_DELAYS: "50", MAX_RETRY_ATTEMPTS: "3" },
  });
  assert.equal(await service.exited(15_000), 3);
});

Deno.test("a second signal forces the end with code 130", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, SHUTDOWN_DELAY: "20000" } });
  const url = await service.ready();
  service.signal("SIGTERM");
  await waitFor(() => status(`${url}/health/ready`, 503), { what: "ready to turn 503" });
  // A second signal, not the echo of the first.
  const drainingSince = performance.now();
  while (performance.now() - drainingSince < 60) assert.ok(await status(`${url}/health/live`, 200));
  service.signal("SIGTERM");
  assert.equal(await service.exited(2_000), 130);
});
