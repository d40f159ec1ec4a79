/** What stands before the first event: a module that must load, and a pause that must be obeyed. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const PAUSED = "{event-stream}:redis-stream-service:paused";

Deno.test("a new replica of a paused group looks at the flag first of all, and reads nothing until the pause ends", async () => {
  // The log of slow commands holds all commands, in their order.
  await using redis = await startRedis({ config: { "slowlog-log-slower-than": "0", "slowlog-max-len": "10000" } });
  await redis.command(["SET", PAUSED, "1"]);
  for (let n = 0; n < 20; n++) await redis.command(["XADD", "event-stream", "*", "type", "test.script", "data", "{}"]);
  await using service = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS: "./tests/fixtures/handlers.ts" },
  });
  await service.ready();
  // Once it works, each beat looks at the flag.
  const beats = async (): Promise<number> => (await commands(redis)).filter((one) => one.startsWith("EVALSHA")).length;
  await waitFor(async () => await beats() >= 4, { timeoutMs: 10_000, what: "the loops to work" });
  const order = await commands(redis);
  const first = (fits: (command: string) => boolean): number => order.findIndex(fits);
  // Whatever a loop does is a script.
  const works = first((one) => one.startsWith("EVAL"));
  assert.ok(works >= 0);
  // A loop of its own would ask at about the same time, and would mostly be in time.
  assert.ok(first((one) => one.startsWith(`GET ${PAUSED}`)) < works, order.slice(0, 40).join("\n"));
  assert.equal(first((one) => one.startsWith("XREADGROUP")), -1, "nothing was read");
  assert.deepEqual(service.records.filter((line) => line["logger"] === "handler"), []);
  await redis.command(["DEL", PAUSED]);
  const ended = (): number => service.records.filter((line) => String(line["message"]).startsWith("end ")).length;
  await waitFor(() => ended() === 20, { what: "the events to be handled" });
});

/** What Redis was asked since its start, oldest first. */
async function commands(redis: TestRedis): Promise<string[]> {
  const log = await redis.command(["SLOWLOG", "GET", 10_000]) as [number, number, number, string[]][];
  return log.toSorted(([a], [b]) => a - b).map(([, , , words]) => words.join(" "));
}

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
