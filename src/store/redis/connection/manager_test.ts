import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../../clock.ts";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import { startProxy } from "../../../../testing/fault_proxy.ts";
import { startRedis } from "../../../../testing/redis_server.ts";
import { until, waitFor } from "../../../../testing/wait.ts";
import { testConfig, watch } from "./fixtures_test.ts";
import { unblock } from "./unblock.ts";

const soon = (): AbortSignal => AbortSignal.timeout(15_000);

/** A port that nobody listens on. */
const NOBODY = 1;

/** Clients of a server that this service named, by name. */
function named(list: string): string[] {
  return list.split("\n").flatMap((line) => /name=(test:\S+)/.exec(line)?.[1] ?? []).sort();
}

Deno.test("a channel sends, pipelines and keeps bytes", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port));
  const channel = watched.manager.command("{s}");
  assert.equal(watched.manager.state, "connecting");
  watched.manager.start();
  await channel.whenReady(soon());
  assert.equal(watched.manager.state, "ready");
  assert.equal(typeof channel.clientId, "number");
  const bytes = new Uint8Array([0, 255, 13, 10, 128]);
  assert.equal(await channel.send(["SET", "k", bytes]), "OK");
  const back = await channel.send(["GET", "k"], { bytes: true });
  assert.ok(back instanceof Uint8Array);
  assert.deepEqual([...back], [...bytes]);
  assert.equal(await channel.send(["GET", "none"]), null);
  const replies = await channel.pipeline([["INCR", "n"], ["LPUSH", "n", "x"], ["LRANGE", "none", "0", "-1"]]);
  assert.equal(replies[0], 1);
  assert.ok(replies[1] instanceof StoreRefusedError);
  assert.equal(replies[1].reason, "wrong_type");
  assert.deepEqual(replies[2], []);
  assert.deepEqual(await channel.pipeline([]), []);
});

Deno.test("arrays nest, and an error inside one comes as a value of our class", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  const script = "return {1, {'a', false}, redis.pcall('INCR')}";
  const reply = await channel.send(["EVAL", script, "0"]) as readonly unknown[];
  assert.deepEqual(reply.slice(0, 2), [1, ["a", null]]);
  assert.ok(reply[2] instanceof StoreRefusedError);
});

Deno.test("what is not answered in time rejects with its outcome unknown, and a fresh link is made", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  await using watched = watch(testConfig(proxy.port, { commandTimeoutMs: 300 }));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  await waitFor(() => systemClock.now() - watched.manager.lastReadyAt! >= 1_000, {
    what: "the link to count as stable",
  });
  const before = channel.clientId;
  proxy.set({ kind: "blackhole" });
  const longer = channel.send(["GET", "k"], { timeoutMs: 60_000 });
  longer.catch(() => {});
  await assert.rejects(channel.send(["SET", "k", "v"]), (error) => {
    assert.ok(error instanceof StoreUnavailableError);
    assert.equal(error.code, "redis_timeout");
    assert.equal(error.outcomeUnknown, true);
    return true;
  });
  await assert.rejects(longer, { reason: "connection", outcomeUnknown: true });
  assert.equal(channel.state, "lost");
  proxy.heal();
  await channel.whenReady(soon());
  assert.notEqual(channel.clientId, before);
  assert.equal(await channel.send(["PING"]), "PONG");
  assert.equal(proxy.connections, 1);
});

Deno.test("a stopped Redis takes connections and stays silent: the attempt ends and the next one succeeds", async () => {
  await using redis = await startRedis();
  redis.stop();
  await using watched = watch(testConfig(redis.port, { connectionTimeoutMs: 300 }));
  const channel = watched.manager.command("");
  watched.manager.start();
  const failed = await watched.happenings.next("link", (link) => link.state === "lost", soon());
  assert.equal(failed.cause, "timeout");
  assert.equal(failed.attempt, 1);
  redis.cont();
  await channel.whenReady(soon());
});

Deno.test("while offline a command rejects at once", async () => {
  await using watched = watch(testConfig(NOBODY));
  const channel = watched.manager.command("");
  watched.manager.start();
  await watched.happenings.next("link", (link) => link.state === "lost", soon());
  const errors: StoreUnavailableError[] = [];
  for (const sent of [channel.send(["PING"]), channel.pipeline([["PING"]])]) sent.catch((error) => errors.push(error));
  // One turn of the event loop: no time for a connection, nor for a timer.
  await setImmediate();
  assert.equal(errors.length, 2, "both at once");
  for (const error of errors) {
    assert.ok(error instanceof StoreUnavailableError);
    assert.deepEqual([error.code, error.reason, error.outcomeUnknown], ["redis_unavailable", "connection", false]);
  }
});

Deno.test("after a crash the first attempt is immediate, and a restart is noticed long before the retry is due", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port, { retryDelaysMs: [30_000] }));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  await waitFor(() => systemClock.now() - watched.manager.lastReadyAt! >= 1_000, {
    what: "the link to count as stable",
  });
  const lost = watched.happenings.next("link", (link) => link.state === "lost", soon());
  await redis.kill9();
  assert.equal((await lost).retryInMs, 0);
  assert.equal(watched.manager.lastCause, "connection");
  // A first attempt can reach a dying server, whose connections end before it stops taking new ones: that one counts as
  // answered, and the next finds nobody.
  await waitFor(() => watched.links.some((link) => link.retryInMs === 30_000), { what: "an attempt to find nobody" });
  await redis.start();
  // Half of what the retry waits for.
  await channel.whenReady(soon());
  assert.equal(watched.manager.lastCause, null);
  const [status] = watched.manager.channels;
  assert.deepEqual({ ...status, lastReadyAt: 0 }, { name: "command", state: "ready", cause: null, lastReadyAt: 0 });
});

Deno.test("CLIENT KILL ends a blocked read at once, its outcome unknown, and the channel heals", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port));
  const blocking = watched.manager.blocking("reader", "");
  watched.manager.start();
  await blocking.whenReady(soon());
  const read = blocking.send(["BLPOP", "list", "30"], { timeoutMs: 40_000 });
  read.catch(() => {});
  await waitFor(async () => (await redis.cli("CLIENT", "LIST")).includes("cmd=blpop"));
  await redis.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
  await assert.rejects(until(read), { reason: "connection", outcomeUnknown: true });
  await blocking.whenReady(soon());
  assert.equal(await blocking.send(["PING"]), "PONG");
});

Deno.test("a blocked read ends with CLIENT UNBLOCK as if its time were over", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port));
  const command = watched.manager.command("");
  const blocking = watched.manager.blocking("reader", "");
  await unblock(command, blocking);
  watched.manager.start();
  await Promise.all([command.whenReady(soon()), blocking.whenReady(soon())]);
  const read = blocking.send(["BLPOP", "list", "30"], { timeoutMs: 40_000 });
  await waitFor(async () => (await redis.cli("CLIENT", "LIST")).includes("cmd=blpop"));
  await unblock(command, blocking);
  assert.equal(await until(read), null);
  assert.equal(blocking.state, "ready");
});

Deno.test("close does not wait for a blocked read, but lets a command in flight end", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port, { commandTimeoutMs: 5_000 }));
  const command = watched.manager.command("");
  const blocking = watched.manager.blocking("reader", "");
  watched.manager.start();
  await Promise.all([command.whenReady(soon()), blocking.whenReady(soon())]);
  const read = blocking.send(["BLPOP", "list", "30"], { timeoutMs: 40_000 });
  read.catch(() => {});
  await waitFor(async () => (await redis.cli("CLIENT", "LIST")).includes("cmd=blpop"));
  const slow = command.send(["EVAL", "return redis.call('SET', 'k', 'v')", "0"]);
  await until(watched.manager.close(30_000), { what: "the end, without the read" });
  assert.equal(await slow, "OK");
  await assert.rejects(read, { reason: "connection", outcomeUnknown: true });
  await assert.rejects(command.send(["PING"]), StoreUnavailableError);
  await assert.rejects(command.whenReady(soon()), StoreUnavailableError);
  assert.equal(watched.manager.state, "closing");
  assert.equal(watched.links.at(-1)?.state, "closing");
});

Deno.test("close is bounded on a half-open link", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port, { commandTimeoutMs: 60_000 }));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  redis.stop();
  const stuck = channel.send(["PING"]);
  stuck.catch(() => {});
  await until(watched.manager.close(200), { what: "the end, without the reply" });
  await assert.rejects(stuck, { reason: "connection" });
});

Deno.test("close during a silent handshake leaves nothing open", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  proxy.set({ kind: "blackhole" });
  await using watched = watch(testConfig(proxy.port, { connectionTimeoutMs: 60_000 }));
  watched.manager.command("");
  watched.manager.start();
  await waitFor(() => proxy.connections === 1);
  await until(watched.manager.close(1_000), { what: "the end, without the handshake" });
  proxy.heal();
  await waitFor(() => proxy.connections === 0, { what: "the connection of the abandoned attempt to end" });
});

Deno.test("a garbled reply ends the link, and a fresh one works", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  await using watched = watch(testConfig(proxy.port));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  proxy.set({ kind: "garble" });
  await assert.rejects(until(channel.send(["GET", "k"])), StoreUnavailableError);
  assert.equal(watched.links.find((link) => link.state === "lost")?.cause, "protocol");
  proxy.heal();
  await channel.whenReady(soon());
  assert.equal(await channel.send(["PING"]), "PONG");
});

Deno.test("a reply that is cut in the middle rejects and never arrives in part", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  await using watched = watch(testConfig(proxy.port));
  await redis.command(["SET", "big", "x".repeat(100_000)]);
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  proxy.set({ kind: "cutAfter", bytes: 5_000 });
  await assert.rejects(until(channel.send(["GET", "big"])), { reason: "connection", outcomeUnknown: true });
  proxy.set({ kind: "slice", bytes: 997 });
  await channel.whenReady(soon());
  assert.equal(String(await channel.send(["GET", "big"])).length, 100_000);
});

Deno.test("READONLY makes the channel connect anew", async () => {
  await using redis = await startRedis();
  await using watched = watch(testConfig(redis.port));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  const before = channel.clientId;
  await redis.command(["REPLICAOF", "127.0.0.1", String(NOBODY)]);
  await assert.rejects(channel.send(["SET", "k", "v"]), (error) => {
    assert.ok(error instanceof StoreRefusedError);
    return error.reason === "readonly";
  });
  assert.equal(channel.state, "lost");
  await redis.command(["REPLICAOF", "NO", "ONE"]);
  await channel.whenReady(soon());
  assert.notEqual(channel.clientId, before);
  assert.equal(await channel.send(["SET", "k", "v"]), "OK");
});

Deno.test("a full server is a failed attempt with that cause, tried again within seconds but not in a hot loop", async () => {
  await using redis = await startRedis();
  await redis.command(["CONFIG", "SET", "maxclients", "1"]);
  await using watched = watch(testConfig(redis.port));
  const channel = watched.manager.command("");
  watched.manager.start();
  const failed = await watched.happenings.next("link", (link) => link.state === "lost", soon());
  assert.equal(failed.cause, "max_clients");
  assert.equal(failed.retryInMs, 2_000);
  await redis.command(["CONFIG", "SET", "maxclients", "100"]);
  await channel.whenReady(soon());
  assert.deepEqual(named(await redis.cli("CLIENT", "LIST")), ["test:command"]);
});

Deno.test("a link that flaps fifty times leaves exactly one client behind", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  await using watched = watch(testConfig(proxy.port, { retryDelaysMs: [1] }));
  const channel = watched.manager.command("");
  watched.manager.start();
  for (let flap = 0; flap < 50; flap++) {
    await channel.whenReady(soon());
    // It may be back before anybody looks.
    const lost = watched.happenings.next("link", (link) => link.state === "lost", soon());
    proxy.sever();
    await lost;
  }
  await channel.whenReady(soon());
  assert.equal(await channel.send(["PING"]), "PONG");
  await waitFor(async () => (await redis.cli("CLIENT", "LIST")).split("name=test:").length === 2);
  assert.equal(proxy.connections, 1);
  assert.equal(watched.links.filter((link) => link.state === "ready").length, 51);
});

Deno.test("no rejection is left unhandled, even where nobody looks at a command", async () => {
  await using redis = await startRedis();
  const unhandled: unknown[] = [];
  const onUnhandled = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  try {
    await using watched = watch(testConfig(redis.port));
    const channel = watched.manager.command("");
    watched.manager.start();
    await channel.whenReady(soon());
    for (let n = 0; n < 20; n++) channel.send(["BLPOP", "x", "0"]).catch(() => {});
    void channel.send(["BLPOP", "x", "0"]);
    await redis.kill9();
    await waitFor(() => channel.state === "lost");
    await watched.manager.close(100);
    await setImmediate();
  } finally {
    globalThis.removeEventListener("unhandledrejection", onUnhandled);
  }
  assert.deepEqual(unhandled, []);
});

Deno.test("giving up is said once, after as many failed attempts as allowed", async () => {
  await using watched = watch(testConfig(NOBODY, { maxRetryAttempts: 3, retryDelaysMs: [1] }));
  const gaveUp = watched.happenings.next("gave_up", () => true, soon());
  const channel = watched.manager.command("");
  const ready = channel.whenReady(soon());
  watched.manager.start();
  await assert.rejects(ready, { code: "redis_gave_up" });
  assert.equal((await gaveUp).attempts, 3);
  assert.equal(watched.links.filter((link) => link.state === "lost").length, 3);
});
