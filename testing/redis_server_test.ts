import assert from "node:assert/strict";
import { startRedis } from "./redis_server.ts";
import { waitFor } from "./wait.ts";

Deno.test("a test server answers, survives a restart with its data, and forgets on an empty one", async () => {
  await using redis = await startRedis();
  assert.equal(await redis.command(["SET", "a", "1"]), "OK");
  await redis.restart();
  assert.equal(await redis.cli("GET", "a"), "1");
  await redis.restart({ empty: true });
  assert.equal(await redis.command(["GET", "a"]), null);
});

Deno.test("a stopped test server keeps silent until it goes on", async () => {
  await using redis = await startRedis();
  redis.stop();
  await assert.rejects(redis.command(["PING"], { timeoutMs: 100 }), /no answer within 100 ms/);
  redis.cont();
  assert.equal(await redis.command(["PING"]), "PONG");
  redis.stop();
});

Deno.test("bytes come back untouched and error replies are errors", async () => {
  await using redis = await startRedis({ config: ["--requirepass", "s3cret"] });
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
  await redis.command(["SET", "b", bytes]);
  assert.deepEqual(await redis.command(["GET", "b"], { bytes: true }), bytes);
  await assert.rejects(redis.command(["NOPE"]), { name: "RawReplyError" });
  assert.equal(await redis.command(["PING"]), "PONG");
});

Deno.test("a server that is killed with -9 leaves the port refusing and comes back from its append-only file", async () => {
  await using redis = await startRedis({ config: { appendonly: "yes", appendfsync: "always" } });
  await redis.command(["SET", "a", "1"]);
  const before = redis.pid;
  await redis.kill9();
  assert.equal(redis.running, false);
  await assert.rejects(redis.command(["PING"]), { name: "RawLinkError" });
  await redis.start();
  assert.notEqual(redis.pid, before);
  assert.equal(await redis.command(["GET", "a"]), "1");
});

Deno.test("a server that cannot start says why, with its log", async () => {
  await assert.rejects(startRedis({ config: { maxmemory: "nonsense" } }), /redis-server: it exited[^]*FATAL CONFIG/);
});

Deno.test("waiting tells what it waited for and what it found last", async () => {
  await assert.rejects(
    waitFor(() => Promise.reject(new Error("still down")), { timeoutMs: 40, what: "the moon" }),
    /waited 40 ms for the moon: last found "still down"/,
  );
});
