/** Events of one key start in stream order, whatever fails: many keys, many failures, one process. */
import assert from "node:assert/strict";
import { defineHandler } from "redis-stream-service";
import { startRedis } from "../../testing/redis_server.ts";
import { addMany, pending, runService } from "./support_state.ts";

const EVENTS = 50_000;
const KEYS = 500;
/** One event in ten fails once. */
const FAILING = 10;

Deno.test(`${EVENTS} events over ${KEYS} keys, a tenth failing, start in order in each key`, async () => {
  await using redis = await startRedis();
  await addMany(redis, EVENTS, (n) => ({ id: String(n), subject: `k${(n * 7919) % KEYS}` }));
  const done: number[] = new Array(KEYS).fill(-1);
  const violations: string[] = [];
  let failures = 0;
  const work = defineHandler({
    type: "work",
    async handle(event, ctx): Promise<void> {
      const n = Number(event.id);
      const key = Number(event.subject?.slice(1));
      // In order: what starts is the next of its key after the last that ended well, and a retry is that one again.
      const next = nextOf(key, done[key] ?? -1);
      if (n !== next) violations.push(`key ${key}: ${n} started, wanted ${next} (attempt ${ctx.attempt})`);
      if (n % 3 === 0) await Promise.resolve();
      if (fails(n) && ctx.attempt === 1) {
        failures++;
        throw new Error("once");
      }
      done[key] = n;
    },
  });
  await using service = await runService(redis, {
    handlers: [work],
    env: { RETRY_BACKOFF: "20", RETRY_BACKOFF_MAX: "20" },
  });
  const startedAt = performance.now();
  await service.until(() => service.tally["processed"] === EVENTS, "all events to be processed", 120_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  assert.deepEqual(violations.slice(0, 10), []);
  assert.ok(failures > EVENTS / FAILING * 0.9 && failures < EVENTS / FAILING * 1.1, `${failures} failed`);
  assert.equal(service.tally["retried"], failures);
  assert.equal(service.tally["lost"], 0);
  assert.equal(await pending(redis), 0);
  assert.ok(seconds < 60, `took ${seconds} s`);
});

/** A tenth of all, spread over the keys as by chance. */
function fails(n: number): boolean {
  return Math.imul(n ^ 0x5bd1e995, 0x9e3779b1) >>> 0 < 2 ** 32 / FAILING;
}

/** The event of this key that comes after `n` in the stream. */
function nextOf(key: number, n: number): number {
  for (let next = n + 1; next < EVENTS; next++) if ((next * 7919) % KEYS === key) return next;
  return -1;
}
