import assert from "node:assert/strict";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import { systemClock } from "../../../clock.ts";
import { FakeClock } from "../../../../testing/fake_clock.ts";
import { freePort, startRedis, type TestRedis } from "../../../../testing/redis_server.ts";
import { waitFor } from "../../../../testing/wait.ts";
import { ClientOpener } from "./client.ts";
import { ClusterResolver, parseSlots } from "./cluster.ts";
import { type Endpoint, formatEndpoint } from "./endpoint.ts";
import { FakeLink, testConfig, watch } from "./fixtures_test.ts";
import { openWhereItIs } from "./follow.ts";
import type { AskDeps, LiveLink } from "./live_link.ts";
import type { Reply } from "../channel.ts";
import { SentinelResolver } from "./sentinel.ts";
import { slotOf } from "./slot.ts";
import { resolverFor } from "./topology.ts";

const soon = (ms = 15_000): AbortSignal => AbortSignal.timeout(ms);
const here = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });
const NOBODY = here(1);
const opener = new ClientOpener(testConfig(0));
const deps = (askTimeoutMs = 1_000): AskDeps => ({ opener, clock: systemClock, askTimeoutMs });

/** A sentinel of its own, gone when the test ends. */
async function startSentinel(master: TestRedis): Promise<{ port: number } & AsyncDisposable> {
  const dir = await Deno.makeTempDir();
  const port = freePort();
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    "sentinel down-after-milliseconds mymaster 500",
    "sentinel failover-timeout mymaster 3000",
  ];
  await Deno.writeTextFile(`${dir}/sentinel.conf`, lines.join("\n"));
  const args = [`${dir}/sentinel.conf`, "--sentinel"];
  const child = new Deno.Command("redis-server", { args, stdout: "null", stderr: "null" }).spawn();
  const sentinel = {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
  try {
    const resolver = new SentinelResolver([here(port)], "mymaster", deps());
    await waitFor(() => resolver.resolve("", soon()), { what: "the sentinel to answer" });
    return sentinel;
  } catch (error) {
    await sentinel[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test("a sentinel names the master; silent and dead sentinels are passed over", async () => {
  await using redis = await startRedis();
  await using sentinel = await startSentinel(redis);
  await using silent = await startRedis();
  silent.stop();
  const asked: Endpoint[] = [];
  const noting: AskDeps["opener"] = {
    open: (endpoint, ...rest) => (asked.push(endpoint), opener.open(endpoint, ...rest)),
  };
  const resolver = new SentinelResolver([NOBODY, here(silent.port), here(sentinel.port)], "mymaster", {
    ...deps(300),
    opener: noting,
  });
  assert.deepEqual(await resolver.resolve("", soon()), here(redis.port));
  assert.deepEqual(asked.splice(0), [NOBODY, here(silent.port), here(sentinel.port)]);
  await resolver.resolve("", soon());
  assert.deepEqual(asked[0], here(sentinel.port), "the one that answered is asked first");
  const other = new SentinelResolver([here(sentinel.port)], "other", deps());
  await assert.rejects(other.resolve("", soon()), { reason: "connection", message: /none of them knows it/ });
  const nobody = new SentinelResolver([NOBODY], "mymaster", deps());
  await assert.rejects(nobody.resolve("", soon()), StoreUnavailableError);
});

Deno.test("after the master dies the channel finds the promoted replica", async () => {
  await using master = await startRedis();
  await using replica = await startRedis({ config: { replicaof: `127.0.0.1 ${master.port}` } });
  await waitFor(async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"), {
    timeoutMs: 15_000,
  });
  await using sentinel = await startSentinel(master);
  const seen = async (): Promise<boolean> => {
    const info = await opener
      .open(here(sentinel.port), { name: "t", login: false, wantsMaster: false }, soon());
    const replicas = await info.send(["SENTINEL", "REPLICAS", "mymaster"], false);
    info.destroy();
    return Array.isArray(replicas) && replicas.length === 1;
  };
  await waitFor(seen, { timeoutMs: 20_000, everyMs: 200, what: "the sentinel to know the replica" });
  const topology = { kind: "sentinel", sentinels: [here(sentinel.port)], master: "mymaster" } as const;
  await using watched = watch(testConfig(0, { topology }));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  await channel.send(["SET", "k", "1"]);
  // A stopped master is the harder case: its kernel goes on taking connections.
  master.stop();
  await assert.rejects(channel.send(["SET", "k", "2"]), { reason: "timeout" });
  await waitFor(async () => (await replica.cli("ROLE")).startsWith("master"), { timeoutMs: 20_000, everyMs: 50 });
  await channel.whenReady(soon());
  assert.equal(await channel.send(["SET", "k", "3"]), "OK");
  assert.equal(await replica.cli("GET", "k"), "3");
});

Deno.test("each key is served by the node that owns its slot, and after a move by the new owner", async () => {
  const config = { "cluster-enabled": "yes" };
  await using one = await startRedis({ config });
  await using two = await startRedis({ config });
  await one.command(["CLUSTER", "ADDSLOTSRANGE", 0, 8191]);
  await two.command(["CLUSTER", "ADDSLOTSRANGE", 8192, 16383]);
  await one.command(["CLUSTER", "MEET", "127.0.0.1", two.port]);
  for (const node of [one, two]) {
    const whole = async (): Promise<boolean> => (await node.cli("CLUSTER", "INFO")).includes("cluster_state:ok");
    await waitFor(whole, { timeoutMs: 20_000 });
  }
  const topology = { kind: "cluster", nodes: [NOBODY, here(one.port)] } as const;
  await using watched = watch(testConfig(0, { topology }));
  const foo = watched.manager.command("{foo}");
  const bar = watched.manager.command("{bar}");
  assert.equal(watched.manager.command("{foo}:lease"), foo);
  watched.manager.start();
  await Promise.all([foo.whenReady(soon()), bar.whenReady(soon())]);
  assert.equal(await foo.send(["SET", "{foo}:k", "1"]), "OK");
  assert.equal(await bar.send(["SET", "{bar}:k", "1"]), "OK");
  assert.match(await two.cli("CLIENT", "LIST"), /name=test:command-12182/);

  const slot = slotOf("foo");
  const [from, to] = [await two.cli("CLUSTER", "MYID"), await one.cli("CLUSTER", "MYID")];
  await one.command(["CLUSTER", "SETSLOT", slot, "IMPORTING", from]);
  await two.command(["CLUSTER", "SETSLOT", slot, "MIGRATING", to]);
  await two.command(["MIGRATE", "127.0.0.1", one.port, "{foo}:k", 0, 5000]);
  for (const node of [one, two]) await node.command(["CLUSTER", "SETSLOT", slot, "NODE", to]);
  await assert.rejects(foo.send(["GET", "{foo}:k"]), { reason: "moved" });
  await foo.whenReady(soon());
  assert.equal(await foo.send(["GET", "{foo}:k"]), "1");
});

Deno.test("a plain client on a cluster node is told what to configure", async () => {
  await using node = await startRedis({ config: { "cluster-enabled": "yes" } });
  await using watched = watch(testConfig(node.port));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  await assert.rejects(channel.send(["GET", "foo"]), { reason: "cluster_down" });
  assert.equal(channel.state, "ready");
});

Deno.test("a node without cluster support, and one that covers nothing, are told apart", async () => {
  await using redis = await startRedis();
  const cluster = new ClusterResolver([here(redis.port)], deps());
  await assert.rejects(cluster.resolve("k", soon()), (error) => {
    assert.ok(error instanceof StoreRefusedError);
    return /cluster support disabled/.test(error.message);
  });
  await using node = await startRedis({ config: { "cluster-enabled": "yes" } });
  await assert.rejects(new ClusterResolver([here(node.port)], deps()).resolve("k", soon()), { reason: "cluster_down" });
});

Deno.test("a slot reply without a host means the node that was asked, an unknown one is left out", () => {
  const reply = [[0, 5, ["", 7000, "a", []], [null, 7001, "b"]], [6, 9, ["?", 7002, "c"]], "odd", [1]];
  assert.deepEqual(parseSlots(reply, here(1)), [
    { first: 0, last: 5, nodes: [here(7000), here(7001)] },
    { first: 6, last: 9, nodes: [] },
  ]);
  assert.deepEqual(parseSlots(null, here(1)), []);
});

Deno.test("an attempt on a silent place begins anew where the resolver then points", async () => {
  const clock = new FakeClock();
  let place: Endpoint = here(1);
  const tried: string[] = [];
  const link = new FakeLink();
  const resolver = { wantsMaster: true, moves: true, groupOf: () => "", resolve: () => Promise.resolve(place) };
  const aborted: boolean[] = [];
  const opened = openWhereItIs(resolver, "", clock, (endpoint, signal) => {
    tried.push(formatEndpoint(endpoint));
    if (tried.length === 2) return Promise.resolve(link);
    signal.addEventListener("abort", () => aborted.push(true), { once: true });
    return new Promise(() => {});
  }, new AbortController().signal);
  await clock.advance(2_500);
  assert.deepEqual(tried, ["127.0.0.1:1"]);
  place = here(2);
  await clock.advance(500);
  assert.equal(await opened, link);
  assert.deepEqual(tried, ["127.0.0.1:1", "127.0.0.1:2"]);
  assert.deepEqual(aborted, [true]);
  assert.equal(link.destroyed, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("following a place ends with its signal and leaves no timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const resolver = { wantsMaster: true, moves: true, groupOf: () => "", resolve: () => Promise.resolve(here(1)) };
  const opened = openWhereItIs(resolver, "", clock, () => new Promise(() => {}), controller.signal);
  await clock.advance(1_500);
  controller.abort(new Error("closing"));
  await assert.rejects(opened, /closing/);
  assert.equal(clock.pending, 0);
});

Deno.test("each topology has its resolver; the embedded one needs to be given", async () => {
  const of = (topology: Parameters<typeof testConfig>[1]) => resolverFor(testConfig(0, topology), opener, systemClock);
  assert.deepEqual(await of({ topology: { kind: "unix", path: "/s" } }).resolve("", soon()), { path: "/s" });
  assert.ok(of({ topology: { kind: "sentinel", sentinels: [here(1)], master: "m" } }).wantsMaster);
  assert.throws(() => of({ topology: { kind: "embedded", dir: "d" } }), TypeError);
  assert.equal(formatEndpoint({ host: "::1", port: 1 }), "[::1]:1");
});

/** Answers as the script says; a place that is not in it refuses. Notes who was asked. */
function openerOf(answers: (port: number) => Reply | Promise<Reply>, asked: number[]): AskDeps["opener"] {
  return {
    open(endpoint): Promise<LiveLink> {
      const { port } = endpoint as { port: number };
      asked.push(port);
      return Promise.resolve(Object.assign(new FakeLink(), { send: () => Promise.resolve(answers(port)) }));
    },
  };
}

Deno.test("of a large cluster a hundred nodes are remembered, and the configured ones always", async () => {
  const asked: number[] = [];
  const all = [0, 16_383, ...Array.from({ length: 300 }, (_, index) => ["127.0.0.1", 7_000 + index, "id"])];
  let known = true;
  const opener = openerOf(() => known ? [all] : [], asked);
  const seeds = Array.from({ length: 5 }, (_, index) => here(9_000 + index));
  const resolver = new ClusterResolver(seeds, { opener, clock: systemClock, askTimeoutMs: 1_000 });
  await resolver.resolve("k", soon());
  assert.deepEqual(asked.splice(0), [9_000]);
  known = false;
  await assert.rejects(resolver.resolve("k", soon()), { reason: "cluster_down" });
  assert.equal(asked.length, 104, "a hundred, and the four seeds that had no place among them");
  for (const { port } of seeds) assert.ok(asked.includes(port), `seed ${port}`);
});

Deno.test("a server that hangs does not hold up what the next one knows", async () => {
  const asked: number[] = [];
  const opener = openerOf((port) => port === 1 ? new Promise(() => {}) : ["127.0.0.1", "6379"], asked);
  const resolver = new SentinelResolver([here(1), here(2)], "m", { opener, clock: systemClock, askTimeoutMs: 10_000 });
  // Less than the one that hangs may take.
  assert.deepEqual(await resolver.resolve("", soon(8_000)), here(6379));
  assert.deepEqual(asked, [1, 2]);
  await resolver.resolve("", soon());
  assert.deepEqual(asked.slice(2), [2], "who answered is asked first");
});

Deno.test("what is wrong with the login or the certificates of a sentinel is told by its own cause", async () => {
  const opener = openerOf(() => Promise.reject(new StoreUnavailableError("tls", "certificate has expired")), []);
  const resolver = new SentinelResolver([here(1)], "m", { opener, clock: systemClock, askTimeoutMs: 1_000 });
  await assert.rejects(resolver.resolve("", soon()), { reason: "tls" });
});
