import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import { RawClient } from "../src/store/redis/embedded/raw_client.ts";
import { type FaultProxy, startProxy } from "./fault_proxy.ts";
import { startRedis } from "./redis_server.ts";
import { waitFor } from "./wait.ts";

const through = (proxy: FaultProxy): Promise<RawClient> => RawClient.connect({ port: proxy.port }, systemClock);

Deno.test("the fault proxy", async (t) => {
  await using redis = await startRedis();

  await t.step("passes bytes, and sever ends what is open but not what comes", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    assert.equal(await client.command(["PING"]), "PONG");
    assert.equal(proxy.connections, 1);
    proxy.sever();
    await assert.rejects(client.command(["PING"]), { name: "RawLinkError" });
    using again = await through(proxy);
    assert.equal(await again.command(["PING"]), "PONG");
    assert.equal(proxy.accepted, 2);
  });

  await t.step("a blackhole holds requests until it heals", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    proxy.set({ kind: "blackhole" });
    const waiting = client.command(["INCR", "requests"]);
    using fresh = await through(proxy);
    await assert.rejects(fresh.command(["PING"], { timeoutMs: 100 }), /no answer within/);
    assert.equal(await redis.command(["GET", "requests"]), null);
    proxy.heal();
    assert.equal(await waiting, 1);
  });

  await t.step("a blackhole for replies lets the command happen", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    proxy.set({ kind: "blackhole", direction: "replies" });
    const waiting = client.command(["INCR", "replies"]);
    await waitFor(async () => await redis.cli("GET", "replies") === "1", { what: "the command to arrive" });
    proxy.sever();
    await assert.rejects(waiting, { name: "RawLinkError" });
  });

  await t.step("refuse closes the port, and healing opens the same one", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    proxy.set({ kind: "refuse" });
    const answer = (): Promise<string> => through(proxy).then((c) => (c.close(), "taken"), (e: Error) => e.message);
    await waitFor(async () => (await answer()).includes("refused"), { what: "connects to be refused" });
    for (let i = 0; i < 20; i++) proxy.set({ kind: i % 2 ? "refuse" : "pass" });
    proxy.heal();
    using client = await waitFor(() => through(proxy), { what: "the port to be open again" });
    assert.equal(await client.command(["PING"]), "PONG");
  });

  await t.step("rst ends open and new connections", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    proxy.set({ kind: "rst" });
    await assert.rejects(client.command(["PING"]), { name: "RawLinkError" });
    using fresh = await through(proxy);
    await assert.rejects(fresh.command(["PING"]), { name: "RawLinkError" });
  });

  await t.step("cuts in the middle of a reply", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    proxy.set({ kind: "cutAfter", bytes: 3 });
    await assert.rejects(client.command(["PING"]), /closed|reset/);
    assert.equal(proxy.replyBytes, 3);
  });

  await t.step("garbles, slices and delays replies", async () => {
    await using proxy = await startProxy({ targetPort: redis.port });
    using client = await through(proxy);
    proxy.set({ kind: "slice", bytes: 1 });
    assert.equal(await client.command(["PING"]), "PONG");
    proxy.set({ kind: "latency", ms: 30, jitterMs: 5 });
    const before = performance.now();
    assert.equal(await client.command(["PING"]), "PONG");
    assert.ok(performance.now() - before >= 59);
    proxy.set({ kind: "garble" });
    await assert.rejects(client.command(["PING"], { timeoutMs: 300 }), { name: "RawLinkError" });
  });
});
