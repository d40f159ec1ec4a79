/** While a slot moves, a step that needs several keys is refused whole, by a cause that says so, and works afterwards. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { causeOf, StoreRefusedError } from "../../src/errors.ts";
import { Happenings } from "../../src/happenings.ts";
import { RedisConnectionManager } from "../../src/store/redis/connection/manager.ts";
import { slotOf } from "../../src/store/redis/connection/slot.ts";
import { RedisStreamStore } from "../../src/store/redis/redis_stream_store.ts";
import { startCluster } from "../../testing/redis_cluster.ts";
import { waitFor } from "../../testing/wait.ts";
import { redisConfigOf } from "./support_conformance.ts";

const STREAM = "events";
const item = (id: string): { fields: string[] } => ({ fields: ["id", id, "type", "t", "source", "s"] });

Deno.test("while the stream's slot moves every script is refused before it does anything, and ASK is not followed", async () => {
  await using cluster = await startCluster({ primaries: 2, replicas: 0 });
  const manager = new RedisConnectionManager({
    config: redisConfigOf(cluster.env),
    clock: systemClock,
    random: () => 0.5,
    happenings: new Happenings(),
    clientName: "migrating",
  });
  try {
    const command = manager.command(STREAM);
    const store = new RedisStreamStore({
      stream: STREAM,
      group: "g",
      command,
      blocking: manager.blocking("r", STREAM),
    });
    manager.start();
    await store.ensureGroup().catch(() => {});
    await command.whenReady(AbortSignal.timeout(5_000));
    await waitFor(() => store.ensureGroup().then(() => true), { what: "the group" });
    await store.register("a", 10_000);
    await store.append([item("1"), item("2")]);
    const held = await waitFor(async () => {
      const found = await store.read("a", 10, 0, AbortSignal.timeout(1_000));
      return found.length > 0 && found;
    }, { what: "both entries" });
    const from = await cluster.owner(STREAM);
    const other = cluster.servers.find((node) => node !== from)!;
    const slot = slotOf(STREAM);
    await other.command(["CLUSTER", "SETSLOT", slot, "IMPORTING", await from.cli("CLUSTER", "MYID")]);
    await from.command(["CLUSTER", "SETSLOT", slot, "MIGRATING", await other.cli("CLUSTER", "MYID")]);

    const refused = (error: unknown): boolean =>
      error instanceof StoreRefusedError && causeOf(error) === "cluster_down";
    await assert.rejects(store.append([item("3")]), refused);
    await assert.rejects(store.ensureGroup(), refused);
    await assert.rejects(store.register("b", 10_000), refused);
    await assert.rejects(store.takeOver("a", "b", 10_000, 10), refused);
    const effects = [item("effect")];
    const settlement = { kind: "done", ref: held[0]!.ref, effects } as const;
    const [outcome] = await store.settle("a", [settlement]);
    assert.deepEqual([outcome?.kind, outcome?.kind === "refused" && outcome.reason], ["refused", "cluster_down"]);
    assert.equal(await from.command(["XLEN", STREAM]), 2, "nothing was written");
    // The lease leaves first: over there it is, here it is not, and neither is what a takeover looks like.
    await from.command(["MIGRATE", "127.0.0.1", other.port, `{${STREAM}}:g:lease:a`, 0, 5_000]);
    const [plain] = await store.settle("a", [{ kind: "done", ref: held[1]!.ref }]);
    assert.deepEqual([plain?.kind, plain?.kind === "refused" && plain.reason], ["refused", "cluster_down"]);
    assert.equal(command.state, "ready", "the link to the owner is kept");

    await cluster.migrate(STREAM);
    const settled = await waitFor(async () => {
      const outcomes = await store.settle("a", [settlement, { kind: "done", ref: held[1]!.ref }]);
      return outcomes.every(({ kind }) => kind === "settled") && outcomes;
    }, { what: "both to be settled at the new owner" });
    assert.equal(settled.length, 2);
    assert.equal(await other.command(["XLEN", STREAM]), 3);
  } finally {
    await manager.close(1_000);
  }
});
