/** Links of node-redis do what every link must. */
import assert from "node:assert/strict";
import { Secret } from "../../../config/types.ts";
import { startRedis } from "../../../../testing/redis_server.ts";
import { ClientOpener } from "./client.ts";
import { testConfig, watch } from "./fixtures_test.ts";
import { runOpenerTests, soon } from "./opener_cases_test.ts";

runOpenerTests({
  name: "node-redis",
  make: (config) => new ClientOpener(config),
  channel: (manager) => manager.command(""),
  leastRules: ["+ping"],
  // TLS 1.3 says so after the handshake, when node-redis listens to no error for a moment.
  uncertified: ["tls", "connection"],
});

Deno.test("a channel with a wrong password says why, in no text the password, and heals when it is put right", async () => {
  await using redis = await startRedis();
  await redis.command(["CONFIG", "SET", "requirepass", "right-one"]);
  await using watched = watch(testConfig(redis.port, { password: new Secret("wr0ng-0ne") }));
  const channel = watched.manager.command("");
  watched.manager.start();
  const failed = await watched.happenings.next("link", (link) => link.state === "lost", soon());
  assert.equal(failed.cause, "auth");
  assert.equal(failed.retryInMs, 2_000);
  const refused = await channel.send(["PING"]).catch((error: unknown) => error);
  for (const text of [Deno.inspect(watched.links), Deno.inspect(refused, { depth: 9 })]) {
    assert.ok(!text.includes("wr0ng-0ne"), text);
  }
  await using admin = watch(testConfig(redis.port, { password: new Secret("right-one") }));
  const other = admin.manager.command("");
  admin.manager.start();
  await other.whenReady(soon());
  await other.send(["CONFIG", "SET", "requirepass", "wr0ng-0ne"]);
  await channel.whenReady(soon());
});
