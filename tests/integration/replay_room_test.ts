/** CONTRACT 6.10 while dead letters come back in bulk. */
import assert from "node:assert/strict";
import { defineHandler, NonRetryableError } from "redis-stream-service";
import { startRedis } from "../../testing/redis_server.ts";
import { ask, TOKEN } from "./admin_support.ts";
import { addMany, gate, GROUP, OURS, runService, STREAM } from "../faults/support_state.ts";

const BATCH = 20;
const CONCURRENCY = 3;
const MOST_HELD = 2 * BATCH + CONCURRENCY;
/** So many end at once: the room that they leave is less than two batches. */
const QUICK = 18;
const LETTERS = 100;
const EVENTS = 100;

Deno.test("letters replayed in bulk and a backlog together: never more is held than twice the batch and the concurrency", async () => {
  await using redis = await startRedis();
  const { open, passed } = gate();
  let healed = false;
  let healthy = 0;
  await using service = await runService(redis, {
    env: { CONSUMER_BATCH_SIZE: String(BATCH), CONSUMER_CONCURRENCY: String(CONCURRENCY), ADMIN_TOKEN: TOKEN },
    handlers: [defineHandler({
      type: "work",
      handle(): Promise<void> {
        if (!healed) throw new NonRetryableError("no");
        return ++healthy > QUICK ? passed : Promise.resolve();
      },
    })],
  });
  const url = service.app.url;
  const held = async (): Promise<number> => {
    let sum = 0;
    for (const key of [STREAM, `${OURS}replay`]) {
      const consumers = (await redis.command(["XPENDING", key, GROUP]) as unknown[])[3] as [string, string][] | null;
      for (const [name, count] of consumers ?? []) if (name !== "@parked") sum += Number(count);
    }
    return sum;
  };
  await addMany(redis, LETTERS, (n) => ({ id: `letter${n}` }));
  await service.until(() => service.tally["dead_lettered"] === LETTERS, "the letters");
  healed = true;
  const beats = (): number => service.of("beat").length;
  await ask(url, "consumer/pause", "POST");
  await service.until(() => service.of("paused").length > 0, "the pause to be noticed");
  await addMany(redis, EVENTS, (n) => ({ id: `event${n}` }));
  assert.equal((await ask(url, "dead-letters/replay", "POST", {})).status, 200);
  const seen = beats();
  await service.until(() => beats() > seen + 1, "a beat that sees the replays");
  await ask(url, "consumer/resume", "POST");
  await service.until(() => service.of("started").length >= LETTERS + QUICK + CONCURRENCY, "handlers to run");
  const from = beats();
  await service.until(() => beats() > from + 2, "two beats");
  const most = await held();
  assert.ok(most > BATCH && most <= MOST_HELD, `${most} held, allowed are ${MOST_HELD}`);
  open();
  await service.until(() => service.tally["processed"] === LETTERS + EVENTS, "all to be handled");
});
