/** The service as a part of another program. */
import assert from "node:assert/strict";
import { createService, defineHandler, type Service } from "../../mod.ts";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { getJson } from "../../testing/service_process.ts";

const STREAM = "event-stream";

function open(redis: TestRedis, env: Record<string, string>, handlers: Parameters<typeof defineHandler>[0][] = []) {
  const all = { HOST: "127.0.0.1", SERVICE_PORT: "0", LOG_LEVEL: "ERROR", TEST_EVENT_INTERVAL: "0", ...env };
  return createService({ env: { REDIS_URL: redis.url, ...all }, handlers: handlers.map(defineHandler) });
}

Deno.test("createService serves, publishes and handles inside this program, and disposing it drains", async () => {
  await using redis = await startRedis();
  const handled = Promise.withResolvers<unknown>();
  const handle = (event: { data: unknown }): void => handled.resolve(event.data);
  let service: Service;
  {
    await using opened = await open(redis, {}, [{ type: "hello", handle }]);
    service = opened;
    await service.ready;
    const { status } = await getJson(`${service.url}/health/ready`);
    assert.equal(status, 200);
    await service.publish({ type: "hello", data: { to: "you" } });
    assert.deepEqual(await handled.promise, { to: "you" });
  }
  assert.equal(await service.stop(), 0);
  assert.deepEqual(await redis.command(["XINFO", "CONSUMERS", STREAM, "redis-stream-service"]), []);
});

Deno.test("what is published just before the end, without waiting for the answer, is published", async () => {
  await using redis = await startRedis();
  for (const consuming of ["true", "false"]) {
    const service = await open(redis, { CONSUMER_ENABLED: consuming });
    await service.ready;
    const publishing = Array.from({ length: 250 }, () => service.publish({ type: "hello" }));
    assert.equal(await service.stop(), 0);
    await Promise.all(publishing);
  }
  assert.equal(await redis.command(["XLEN", STREAM]), 500);
});
