/** The dashboard where there is a lot of everything, with production permissions, and for a long time. */
import assert from "node:assert/strict";
import { flagsOf, permissionsFor } from "../../tools/permissions.ts";
import { startRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { soak } from "./soak.ts";
import { browserTest, LETTERS, Site, STREAM, TOKEN } from "./support.ts";

/** Dead letters as the service writes them, of three kinds. */
const FILL_LETTERS = `
  for i = 1, tonumber(ARGV[1]) do
    local kind = i % 10 == 0 and 'timeout after ' .. i .. ' ms' or i % 3 == 0 and 'no such order ' .. i or 'shop answered 503'
    redis.call('XADD', KEYS[1], '*', 'id', 'e' .. i, 'type', i % 3 == 0 and 'order.paid' or 'order.sent', 'data', '{"n":' .. i .. '}',
      'dlq.entry', i .. '-1', 'dlq.stream', 's', 'dlq.group', 'g', 'dlq.consumer', 'c', 'dlq.reason', 'max_deliveries',
      'dlq.error', kind, 'dlq.deliveries', '5', 'dlq.first', '2025-01-01T00:00:00Z', 'dlq.last', '2025-01-01T00:00:01Z', 'dlq.replays', '0')
  end`;
const FILL_CONSUMERS = `
  for i = 1, tonumber(ARGV[1]) do
    redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], ARGV[2], 'reader-' .. i)
    if i % 50 == 0 then redis.call('XREADGROUP', 'GROUP', ARGV[2], 'reader-' .. i, 'COUNT', 2, 'STREAMS', KEYS[1], '>') end
  end`;

browserTest(
  "with a thousand consumers and a hundred thousand dead letters it pages, and says what it did not count",
  async (browser) => {
    await using site = await Site.start({ CONSUMER_ENABLED: "false" });
    for (let n = 0; n < 40; n++) await site.add("order.placed");
    await site.redis.command(["XGROUP", "CREATE", STREAM, "redis-stream-service", "0"]);
    for (let part = 0; part < 20; part++) {
      await site.redis.command(["EVAL", FILL_LETTERS, 1, LETTERS, 5_000], {
        timeoutMs: 20_000,
      });
    }
    await site.redis.command(["EVAL", FILL_CONSUMERS, 1, STREAM, 1_000, "redis-stream-service"], { timeoutMs: 20_000 });
    await using page = await browser.page();
    await page.goto(`${site.url}/admin/#${TOKEN}`);
    await page.see("100,000");
    await site.show(page, "where");
    await page.see("1 to 50 of 1,000");
    await page.click("button", "Next");
    await page.see("51 to 100 of 1,000");
    await site.show(page, "dead");
    await page.see("of the newest 20,000; there are 100,000", { timeoutMs: 20_000 });
    await page.see("no such order #");
    await page.click("button", "Older");
    await page.see("Page 2, newest first");
    await page.until("document.querySelectorAll('table.letters tbody tr').length === 25");
    const slowest = async (path: string): Promise<number> => {
      const startedAt = performance.now();
      await site.ask(path);
      return performance.now() - startedAt;
    };
    // Quick on a quiet machine (a tenth of this); on a busy one still no more than a person waits.
    for (
      const path of [
        "now",
        "consumers?limit=50",
        "dead-letters?limit=25&preview=200",
        "dead-letter-groups",
        "search?id=e77777",
      ]
    ) {
      const ms = await slowest(path);
      assert.ok(ms < 5_000, `${path} took ${Math.round(ms)} ms`);
    }
    // Filters look through everything, part by part: the whole count is right, and each request is bounded.
    await site.show(page, "dead?type=order.paid");
    await page.click("button", "Delete all");
    await page.see("Delete 33,320 letters", { timeoutMs: 20_000 });
    assert.deepEqual(page.complaints, []);
  },
);

browserTest("with the permissions of production the page and all that it shows is there", async (browser) => {
  await using redis = await startRedis();
  const env = {
    REDIS_URL: redis.url,
    ENVIRONMENT: "production",
    HOST: "127.0.0.1",
    ADMIN_TOKEN: TOKEN,
    SERVICE_PORT: "0",
  };
  const permissions = flagsOf(await permissionsFor({ env, mayEmbed: false, handlersNeed: null }), () => {});
  await using service = startServiceProcess({ env, permissions });
  const url = await service.ready();
  await using page = await browser.page();
  await page.goto(`${url}/admin/#${TOKEN}`);
  await page.see("Flowing");
  for (
    const [view, sign] of [["where", "Consumers"], ["find", "Which event?"], ["dead", "No dead letters"], [
      "controls",
      "Done by hand",
    ]]
  ) {
    await page.eval(`location.hash = "#/${view}"`);
    await page.see(sign!);
  }
  assert.deepEqual(page.complaints, []);
});

// Not part of a normal run: two browsers, left open. docs/dashboard.md has the figures.
const minutes = Number(Deno.env.get("DASHBOARD_SOAK_MINUTES") ?? 0);
if (minutes > 0) {
  browserTest(
    `two pages left open for ${minutes} minutes cost the service and themselves nothing`,
    (browser) => soak(browser, minutes),
  );
}
