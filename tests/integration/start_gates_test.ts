/** What stands before the first event: a module that must load, and a pause that must be obeyed. */
import assert from "node:assert/strict";
import { startRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const PAUSED = "{event-stream}:redis-stream-service:paused";

Deno.test("a new replica of a paused group reads nothing until the pause ends", async () => {
  await using redis = await startRedis();
  await redis.command(["SET", PAUSED, "1"]);
  for (let n = 0; n < 20; n++) await redis.command(["XADD", "event-stream", "*", "type", "test.script", "data", "{}"]);
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS: "./tests/fixtures/handlers.ts" },
  });
  await service.ready();
  const stats = async (): Promise<string> => await redis.cli("INFO", "commandstats");
  const reads = async (): Promise<number> => Number(/cmdstat_xreadgroup:calls=(\d+)/.exec(await stats())?.[1] ?? 0);
  await waitFor(async () => Number(/cmdstat_get:calls=(\d+)/.exec(await stats())?.[1]) >= 4, {
    what: "looks at the flag",
  });
  assert.match(await redis.cli("XINFO", "GROUPS", "event-stream"), /last-delivered-id\n0-0/, "nothing was read");
  assert.deepEqual(service.records.filter((line) => line["logger"] === "handler"), []);
  assert.ok(await reads() >= 0);
  await redis.command(["DEL", PAUSED]);
  const ended = (): number => service.records.filter((line) => String(line["message"]).startsWith("end ")).length;
  await waitFor(() => ended() === 20, { what: "the events to be handled" });
});

Deno.test("a handlers module that never finishes loading ends the process with code 2", async () => {
  const module = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(module, "export {};\nawait new Promise(() => {});\n");
    await using service = startServiceProcess({ env: { REDIS_URL: "redis://127.0.0.1:1", HANDLERS: module } });
    assert.equal(await service.exited(25_000), 2);
    assert.match(service.stderr, /has not finished loading within 10000 ms/);
  } finally {
    await Deno.remove(module);
  }
});
