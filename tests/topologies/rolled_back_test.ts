/** A store that goes back to an earlier state, as a failover makes it: what the service thinks of it must follow. */
import assert from "node:assert/strict";
import { defineHandler } from "redis-stream-service";
import { startRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { add, GROUP, OURS, runService, STREAM } from "../faults/support_state.ts";

Deno.test("a parked entry that the store knows nothing of any more does not hold up its key", async () => {
  await using redis = await startRedis();
  const done: string[] = [];
  const handlers = [defineHandler({
    type: "work",
    handle(event): void {
      if (event.id === "failing") throw new Error("as it should");
      done.push(event.id);
    },
  })];
  await using service = await runService(redis, { handlers, env: { RETRY_BACKOFF: "60000", RETRY_DELAYS: "100" } });
  await service.ready();
  const failing = await add(redis, { id: "failing", subject: "k" });
  await service.until(() => service.of("parked").length === 1, "the first to be parked");
  await add(redis, { id: "next", subject: "k" });
  // Somebody else had it, says the server that answers from now on: it is neither parked nor pending.
  for (const key of await redis.command(["KEYS", `${OURS}parked:*`]) as string[]) await redis.command(["DEL", key]);
  await redis.command(["XACK", STREAM, GROUP, failing]);
  assert.equal(done.length, 0);
  await redis.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
  await service.until(() => done.includes("next"), "the next of its key to be handled", 5_000);
});

Deno.test("what a crash took from the end of the file is named once, by whoever had seen it", async () => {
  await using redis = await startRedis();
  const handlers = [defineHandler({ type: "work", handle(): void {} })];
  await using one = await runService(redis, { handlers, env: { RETRY_DELAYS: "100" } });
  await using two = await runService(redis, { handlers, env: { RETRY_DELAYS: "100" } });
  await Promise.all([one.ready(), two.ready()]);
  const settled = (): number =>
    [one, two].flatMap((service) => service.of("settled")).reduce((sum, { count }) => sum + count, 0);
  const some = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await add(redis, { id: `e${n}` });
  };
  await some(0, 10);
  await one.until(() => settled() === 10, "the first ten");
  // Each has looked at the books since.
  const beats = one.of("beat").length;
  await one.until(() => one.of("beat").length >= beats + 3, "a look at the books");
  await redis.command(["SAVE"]);
  await some(10, 35);
  await one.until(() => settled() === 35, "twenty-five that are not on disk");
  await redis.kill9();
  await redis.start();
  const lost = (): number => (one.lost["rolled_back"] ?? 0) + (two.lost["rolled_back"] ?? 0);
  await one.until(() => lost() === 25, "all twenty-five to be named");
  await some(35, 40);
  await one.until(() => settled() === 40, "new ones to be handled");
  await waitFor(() => lost() === 25, { what: "and no more than these" });
});
