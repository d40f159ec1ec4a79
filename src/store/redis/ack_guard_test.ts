import assert from "node:assert/strict";
import {
  AWKWARD,
  done,
  history,
  hold,
  LONG_MS,
  only,
  park,
  plain,
  readNow,
  refsOf,
} from "../../../testing/conformance/steps.ts";
import type { Delivery } from "../port.ts";
import type { RedisChannel } from "./channel.ts";
import { testConfig, watch } from "./connection/fixtures_test.ts";
import { keysOf } from "./keys.ts";
import { RedisStreamStore } from "./redis_stream_store.ts";
import { ACK, ack, ackMany, ARM, pending, seize, test, watched } from "./ack_fixtures_test.ts";
import { openHarness, rows } from "./test_harness.ts";

const past = history({ failures: 2, error: 'what "went" wrong 🚀' });
const FENCE = keysOf("events", "g").fence("a");

test("many go without a script, few by script; beats do not end the watch", async (scene) => {
  assert.deepEqual(await ackMany(scene, 500), { kind: "settled", way: "watch" });
  await scene.store.beat("a", LONG_MS);
  assert.deepEqual(await ackMany(scene, 17), { kind: "settled", way: "watch" });
  assert.deepEqual(await ackMany(scene, 16), { kind: "settled", way: "script" });
  assert.deepEqual(await ackMany(scene, 1_000), { kind: "settled", way: "watch" });
  assert.equal(scene.settling.inner.sent.filter((words) => words === "MULTI").length, 4, "armed once");
  assert.equal(await pending(scene), 0);
});

test("a call of more than one step takes several transactions", async (scene) => {
  assert.deepEqual(await ackMany(scene, 2_500), { kind: "settled", way: "watch" });
  assert.equal(await pending(scene), 0);
});

test("taken over between two batches: fenced, and nothing changes", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  assert.equal((await seize(scene)).length, 30);
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "fenced", way: "both" });
  assert.equal(await pending(scene), 30);
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "fenced", way: "script" });
  assert.equal(await pending(scene), 30);
});

for (const when of [ARM, ACK]) {
  for (const side of ["before", "after"] as const) {
    test(`taken over ${side} "${when}": a batch is acknowledged whole, or fenced whole`, async (scene) => {
      const held = await hold(scene.store, "a", 30);
      let taken: readonly Delivery[] = [];
      scene.settling[side] = async (words) => {
        if (words !== when) return;
        scene.settling[side] = () => Promise.resolve();
        taken = await seize(scene);
      };
      const acked = when === ACK && side === "after";
      assert.equal((await watched(scene, () => ack(scene, held))).kind, acked ? "settled" : "fenced");
      assert.equal(taken.length, acked ? 0 : 30);
      assert.equal(await pending(scene), acked ? 0 : 30, "what was taken over is still held");
    });
  }
}

for (const when of [ARM, ACK, "EVALSHA"]) {
  for (const side of ["before", "after"] as const) {
    test(`two calls at once, taken over ${side} "${when}": each is settled whole, or fenced whole`, async (scene) => {
      await ackMany(scene);
      if (when === ARM) scene.settling.reset();
      await scene.settling.whenReady();
      const refs = refsOf(await hold(scene.store, "a", 60));
      let taken: readonly Delivery[] | null = null;
      scene.settling[side] = async (words) => {
        if (words !== when) return;
        scene.settling[side] = () => Promise.resolve();
        taken = await seize(scene);
      };
      const [acks, parks] = await Promise.all([
        scene.store.settle("a", refs.slice(0, 30).map((ref) => done(ref))),
        scene.store.settle("a", refs.slice(30).map((ref) => park(ref, LONG_MS))),
      ]);
      const [acked, parked] = [acks, parks].map((all) => [...new Set(all.map(({ kind }) => kind))].join());
      assert.ok([acked, parked].every((kind) => kind === "settled" || kind === "fenced"), `${acked} ${parked}`);
      assert.ok(taken !== null, "somebody stepped in");
      assert.equal(await pending(scene), (acked === "settled" ? 0 : 30) + 30);
      // What had been parked in time comes to whoever took over, as parked.
      const held = refsOf(taken as readonly Delivery[]);
      const wanted = [
        ...(acked === "settled" ? [] : refs.slice(0, 30)),
        ...(parked === "settled" ? [] : refs.slice(30)),
      ];
      assert.deepEqual([...held].sort(), wanted.sort());
    });
  }
}

test("the fence key lives and dies with the registration", async (scene) => {
  const { harness, store, other } = scene;
  const ask = (...words: string[]) => harness.redis.command(words);
  assert.equal(await ask("TTL", FENCE), -1);
  await seize(scene);
  assert.equal(await ask("EXISTS", FENCE), 0);
  assert.equal(await ask("EXISTS", keysOf("events", "g").fence("b")), 1);
  await other.retire("b");
  assert.equal(await ask("EXISTS", keysOf("events", "g").fence("b")), 0);
  await store.register("c", LONG_MS);
  assert.deepEqual(await ackMany(scene, 30, "c"), { kind: "settled", way: "watch" });
});

test("it must not outlast a lease and a name that were lost otherwise", async (scene) => {
  const { harness, other } = scene;
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  const { lease, prefix } = keysOf("events", "g");
  await harness.redis.command(["DEL", lease("a"), `${prefix}consumers`]);
  await harness.elapse(5);
  assert.equal((await other.takeOver("b", "a", 1, 100)).deliveries.length, 30, "judged as a foreign consumer");
  assert.equal((await watched(scene, () => ack(scene, held))).kind, "fenced");
  assert.equal(await pending(scene), 30);
});

test("a client that was replaced before the write: nothing is sent over the new one", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  scene.settling.before = async () => {
    scene.settling.before = () => Promise.resolve();
    scene.settling.reset();
    await scene.settling.whenReady();
    await seize(scene);
  };
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "fenced", way: "script" });
  assert.equal(await pending(scene), 30);
});

test("a client that was replaced between two batches is armed anew", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  scene.settling.reset();
  assert.equal((await ackMany(scene)).way, "script", "none is there");
  await scene.settling.whenReady();
  assert.equal((await ackMany(scene)).way, "watch");
  assert.equal(scene.settling.inner.sent.filter((words) => words === "MULTI").length, 4);
});

test("two calls at once: the second by script, and both settle", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const [one, two] = [await hold(scene.store, "a", 30), await hold(scene.store, "a", 30)];
  const both = async () => (await Promise.all([ack(scene, one), ack(scene, two)])).flat();
  assert.deepEqual(await watched(scene, both), { kind: "settled", way: "both" });
  assert.equal(await pending(scene), 0);
  assert.equal((await ackMany(scene)).way, "watch");
});

test("two consumers of one store: each under a watch of its own", async (scene) => {
  await scene.store.register("c", LONG_MS);
  assert.equal((await ackMany(scene, 30, "a")).way, "watch");
  assert.equal((await ackMany(scene, 30, "c")).way, "watch");
  const held = await hold(scene.store, "c", 30);
  await seize(scene);
  assert.deepEqual(await watched(scene, () => ack(scene, held, "c")), { kind: "settled", way: "watch" });
});

test("how many were gone is exact", async (scene) => {
  const held = await hold(scene.store, "a", 60);
  await ack(scene, held.slice(0, 23));
  const outcomes = await ack(scene, held);
  assert.equal(outcomes.filter(({ kind }) => kind === "gone").length, 23);
  assert.equal(outcomes.filter(({ kind }) => kind === "settled").length, 37);
});

Deno.test("acknowledging under the watch: over the real connections, and again after the client was killed; what was parked comes packed", async () => {
  await using harness = await openHarness();
  await using connections = watch(testConfig(harness.redis.port));
  const { manager, happenings } = connections;
  const names = ["reader", "settler"] as const;
  const [blocking, settling] = names.map((name) => manager.blocking(name, "{events}")) as [RedisChannel, RedisChannel];
  const command = manager.command("{events}");
  manager.start();
  const soon = AbortSignal.timeout(5_000);
  for (const channel of [command, blocking, settling]) await channel.whenReady(soon);
  const store = new RedisStreamStore({ stream: "events", group: "g", command, blocking, settling });
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  const transactions = async () => {
    const stats = String(await harness.redis.command(["INFO", "commandstats"]));
    return Number(/cmdstat_exec:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const round = async () => {
    const held = await hold(store, "a", 100);
    const outcomes = await store.settle("a", refsOf(held).map((ref) => done(ref)));
    assert.ok(outcomes.every(({ kind }) => kind === "settled"));
  };
  await round();
  await round();
  assert.equal(await transactions(), 3, "armed once");
  const lost = happenings.next("link", (link) => link.state === "lost", soon);
  await harness.redis.command(["CLIENT", "KILL", "ID", String(settling.clientId)]);
  await lost;
  await settling.whenReady(soon);
  await round();
  assert.equal(await transactions(), 5, "armed again");
  assert.deepEqual(await harness.pendingIds(), []);

  await store.append([{ fields: AWKWARD }]);
  const awkward = only(await readNow(store, "a"));
  await store.settle("a", [{ kind: "park", ref: awkward.ref, delayMs: 0, history: past }]);
  await harness.elapse(5);
  const back = only((await store.claimDue("a", 10)).deliveries);
  assert.notEqual(back.packed, undefined, "it came over the connection of our own");
  assert.deepEqual(plain(back), { ...plain(awkward), history: past });
});

test("neither time nor memory is left behind", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  assert.equal(scene.clock.pending, 0);
  const keys = rows(await scene.harness.redis.command(["KEYS", "*fence*"])).length;
  assert.equal(keys, 2, "one for each consumer");
});
