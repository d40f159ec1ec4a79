/** The command line as people run it, with no service running. */
import assert from "node:assert/strict";
import { startRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { cli, GROUP, STREAM } from "./admin_support.ts";

Deno.test("exit codes: 0 done, 1 failed, 2 wrong use", async () => {
  await using redis = await startRedis();
  const env = { REDIS_URL: redis.url };
  const published = await cli(env, "publish", "--type", "t", "--data", '{"a":1}', "--json");
  assert.equal(published.code, 0, published.err);
  const entryId = String(published.json()["entryId"]);
  const found = await cli(env, "where", entryId, "--json");
  assert.deepEqual([found.code, found.json()["state"], found.json()["entryId"]], [0, "waiting", entryId]);
  assert.equal((await cli(env, "where", "1-1")).code, 1);
  assert.equal((await cli(env, "where", "nonsense")).code, 2);
  assert.equal((await cli(env, "dance")).code, 2);
  assert.equal((await cli({ ...env, LEASE_MS: "x" }, "stats")).code, 2);
  assert.equal((await cli(env, "config", "--json")).json()["STREAM"], STREAM);
  await redis.kill9();
  const away = await cli(env, "stats");
  assert.equal(away.code, 1);
  assert.match(away.err, /Cannot reach Redis/);
});

Deno.test("where no Redis is named and none runs, that is told and none is started", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const { code, err } = await cli({ REDIS_EMBEDDED_DIR: `${dir}/none` }, "stats");
    assert.equal(code, 1);
    assert.match(err, /found none that runs; start the service/);
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("tail prints what comes, a line each, and ends with its count", async () => {
  await using redis = await startRedis();
  const env = { REDIS_URL: redis.url };
  const tailing = cli(env, "tail", "--json", "--count", "2");
  // Added until it has seen enough: when it begins to look is its own affair.
  let ended = false;
  const result = tailing.finally(() => ended = true);
  await waitFor(async () => {
    await redis.command(["XADD", STREAM, "*", "type", "t", "id", "x"]);
    return ended;
  }, { what: "the tail to end", timeoutMs: 20_000, everyMs: 100 });
  const { code, out } = await result;
  assert.equal(code, 0);
  const ids = out.trim().split("\n").map((line) => JSON.parse(line).entryId as string);
  assert.equal(ids.length, 2);
  assert.ok(ids[0]! < ids[1]!);
});

interface Found {
  readonly code: number;
  readonly complaints: readonly string[];
  readonly text: string;
}

async function doctor(env: Readonly<Record<string, string>>): Promise<Found> {
  const { code, out, err } = await cli(env, "doctor", "--json");
  assert.notEqual(out, "", err);
  const { findings } = JSON.parse(out) as { findings: { check: string; status: string; found: string }[] };
  const complaints = findings.filter(({ status }) => status !== "ok").map(({ check, status }) => `${check}:${status}`);
  return { code, complaints, text: JSON.stringify(findings) };
}

Deno.test("doctor finds nothing in a Redis that is as it should be", async () => {
  await using redis = await startRedis({ config: { appendonly: "yes" } });
  const { code, complaints } = await doctor({ REDIS_URL: redis.url });
  assert.deepEqual([code, complaints], [0, []]);
  assert.deepEqual(
    await redis.command(["KEYS", "*"]),
    [`{${STREAM}}:probe`],
    "and leaves nothing behind but its probe",
  );
});

Deno.test("doctor finds no persistence, an eviction policy that drops streams, memory that runs out, and a replica", async () => {
  await using redis = await startRedis();
  const env = { REDIS_URL: redis.url };
  assert.deepEqual((await doctor(env)).complaints, ["persistence:risk"]);
  await redis.command(["CONFIG", "SET", "appendonly", "yes"]);
  await redis.command(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
  assert.deepEqual((await doctor(env)).complaints, ["eviction:risk"]);
  await redis.command(["CONFIG", "SET", "maxmemory", "100mb"]);
  const evicting = await doctor(env);
  assert.deepEqual([evicting.code, evicting.complaints], [1, ["eviction:wrong"]]);
  await redis.command(["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
  await redis.command(["CONFIG", "SET", "maxmemory", "1mb"]);
  const full = await doctor(env);
  assert.deepEqual([full.code, full.complaints], [1, ["writes:wrong", "memory:wrong"]]);
  assert.match(full.text, /out_of_memory/);
  await redis.command(["CONFIG", "SET", "maxmemory", "0"]);
  await redis.command(["REPLICAOF", "127.0.0.1", "1"]);
  const replica = await doctor(env);
  assert.equal(replica.code, 1);
  assert.ok(replica.complaints.includes("role:wrong"), replica.text);
});

Deno.test("doctor names the commands that a user may not send, whether or not it may ask for them", async () => {
  await using redis = await startRedis({ config: { appendonly: "yes" } });
  const user = (name: string): Record<string, string> => ({ REDIS_URL: `redis://${name}:pw@127.0.0.1:${redis.port}` });
  await redis.command(["ACL", "SETUSER", "asks", "on", ">pw", "~*", "+@all", "-xclaim", "-xinfo|groups"]);
  const asks = await doctor(user("asks"));
  assert.deepEqual([asks.code, asks.complaints], [1, ["permissions:wrong"]]);
  assert.match(asks.text, /not allowed: XCLAIM, XINFO GROUPS"/);
  await redis.command(["ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "-acl", "-config", "-xack", "-zadd"]);
  const mute = await doctor(user("mute"));
  assert.deepEqual([mute.code, mute.complaints], [1, ["permissions:wrong"]]);
  assert.match(mute.text, /not allowed: XACK, ZADD"/);
  await redis.command(["ACL", "SETUSER", "timeless", "on", ">pw", "~*", "+@all", "-time", "-wait"]);
  const timeless = await doctor({ ...user("timeless"), PUBLISH_DURABILITY: "replica:1" });
  assert.deepEqual([timeless.code, timeless.complaints], [1, ["permissions:wrong", "replicas:wrong", "clock:unknown"]]);
  assert.match(timeless.text, /not allowed: TIME, WAIT"/);
  await redis.command(["ACL", "SETUSER", "elsewhere", "on", ">pw", "~other*", "+@all"]);
  const elsewhere = await doctor(user("elsewhere"));
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.text, /not allowed: XADD, XREADGROUP/);
  await redis.command([
    "ACL",
    "SETUSER",
    "enough",
    "on",
    ">pw",
    `~${STREAM}`,
    `~{${STREAM}}:*`,
    "+@all",
    "-@dangerous",
  ]);
  await redis.command(["ACL", "SETUSER", "enough", "+info", "+client|unblock"]);
  assert.deepEqual((await doctor(user("enough"))).complaints, []);
  assert.equal(GROUP, "redis-stream-service");
});
