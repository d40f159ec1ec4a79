import assert from "node:assert/strict";
import { CommandMonitor } from "../../testing/command_monitor.ts";
import { startRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

/** What is watched, ms: several beats, and a read that ends by itself. */
const WATCHED_MS = 6_000;

Deno.test("an idle service sends fewer than 2.5 commands a second, and the beat is most of them", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, TEST_EVENT_INTERVAL: "10000" } });
  await service.ready();
  // The start is over when the looks that follow from it are: nothing but beats and reads in a whole second.
  await waitFor(async () => {
    using starting = await CommandMonitor.open(redis.port);
    const until = performance.now() + 1_000;
    await waitFor(() => performance.now() >= until, { everyMs: 100 });
    return starting.total <= 3;
  }, { timeoutMs: 20_000, what: "the start to be over" });
  using monitor = await CommandMonitor.open(redis.port);
  const startedAt = performance.now();
  await waitFor(() => performance.now() - startedAt >= WATCHED_MS, { timeoutMs: 20_000, everyMs: 100 });
  const seconds = (performance.now() - startedAt) / 1_000;
  const counts = new Map(monitor.counts);
  const told = JSON.stringify([...counts]);
  assert.ok(monitor.total / seconds < 2.5, `${monitor.total} in ${seconds} s: ${told}`);
  const beats = counts.get("script beat") ?? 0;
  assert.ok(beats >= 3 && beats <= seconds * 1.3 + 1, `beats keep the lease and the promises of a second: ${told}`);
});
