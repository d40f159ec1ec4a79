/** CONTRACT 6.10: never more than twice the batch size and the concurrency are held, whatever comes. */
import assert from "node:assert/strict";
import { defineHandler } from "redis-stream-service";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { GROUP, OURS, runService, STREAM } from "../faults/support_state.ts";

const BATCH = 8;
const CONCURRENCY = 8;
const MOST = 2 * BATCH + CONCURRENCY;
const EVENTS = 40;
/** Entries, each with these fields. */
const ADD = "for n = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end";

const add = (redis: TestRedis, key: string, ...fields: string[]): Promise<unknown> =>
  redis.command(["EVAL", ADD, 1, key, EVENTS, ...fields]);

/** What consumers hold; parked entries are nobody's. */
async function held(redis: TestRedis): Promise<number> {
  let sum = 0;
  for (const key of [STREAM, `${OURS}replay`]) {
    const [, , , consumers] = await redis.command(["XPENDING", key, GROUP]) as [
      number,
      string,
      string,
      string[][] | null,
    ];
    for (const [name, count] of consumers ?? []) if (name !== "@parked") sum += Number(count);
  }
  return sum;
}

Deno.test("what is replayed while much is held, and before a beat tells of it, is not held on top", async () => {
  await using redis = await startRedis();
  const gates: (() => void)[] = [];
  let open = false;
  await using service = await runService(redis, {
    handlers: [
      defineHandler({
        type: "work",
        handle: () => open ? undefined : new Promise<void>((resolve) => gates.push(resolve)),
      }),
    ],
    env: { CONSUMER_BATCH_SIZE: String(BATCH), CONSUMER_CONCURRENCY: String(CONCURRENCY) },
  });
  await add(redis, STREAM, "type", "work");
  await service.until(() => gates.length === CONCURRENCY, "all handlers to be busy");
  const beats = service.of("beat").length;
  await service.until(() => service.of("beat").length > beats, "a beat");
  // As it is written by a replay.
  await add(redis, `${OURS}replay`, "type", "work", "dlq.entry", "1-1", "dlq.replays", "1");
  let most = 0;
  for (let ended = 1; ended <= EVENTS; ended++) {
    gates.shift()?.();
    await service.until(() => (service.tally["processed"] ?? 0) >= ended, `event ${ended} to end`);
    most = Math.max(most, await held(redis));
  }
  open = true;
  for (const end of gates.splice(0)) end();
  await service.until(() => service.tally["processed"] === 2 * EVENTS, "all to be handled");
  assert.ok(most <= MOST, `${most} were held, ${MOST} at most are allowed`);
});
