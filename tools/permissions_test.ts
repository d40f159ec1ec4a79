import assert from "node:assert/strict";
import { ENV_NAMES } from "../src/config/table.ts";
import { ensureRedis } from "./install_redis.ts";
import { flagsOf, handlersFolder, type Permissions, permissionsFor, wantsEmbedded } from "./permissions.ts";

const of = (env: Record<string, string>, mayEmbed = false, handlersNeed: unknown = null): Promise<Permissions> =>
  permissionsFor({ env, mayEmbed, handlersNeed });

Deno.test("production may listen at its one address, reach its one Redis, and run or write nothing", async () => {
  const found = await of({ ENVIRONMENT: "production", SERVICE_PORT: "9000", REDIS_HOST: "db", REDIS_PORT: "6380" });
  assert.deepEqual(found.net, ["0.0.0.0:9000", "db:6380"]);
  assert.deepEqual(found.env, ENV_NAMES);
  assert.deepEqual(found.read, ["./handlers", "mod.ts", "src"]);
  assert.deepEqual(found.sys, ["hostname"]);
  assert.equal(found.run, undefined);
  assert.equal(found.write, undefined);
  assert.deepEqual((await of({ ENVIRONMENT: "production" })).run, undefined);
});

Deno.test("the address of Redis comes from its URL without the password", async () => {
  const found = await of({ REDIS_URL: "rediss://user:hunter2@[::1]:7000/3", HOST: "::" });
  assert.deepEqual(found.net, ["[::]:8000", "[::1]:7000"]);
  assert.doesNotMatch(flagsOf(found, () => {}).join(" "), /hunter2/);
  assert.deepEqual((await of({ REDIS_URL: "unix:///run/r.sock" })).net, ["127.0.0.1:8000", "unix:/run/r.sock"]);
  assert.deepEqual((await of({ REDIS_URL: "unix:///run/r.sock" })).write, ["/run/r.sock"]);
});

Deno.test("the files of the dashboard may be read where there is one, wherever the handlers come from", async () => {
  const read = async (env: Record<string, string>): Promise<unknown> => (await of({ REDIS_HOST: "db", ...env })).read;
  const remote = { HANDLERS: "https://example.com/handlers.ts", ENVIRONMENT: "production" };
  assert.deepEqual(await read({ ...remote, ADMIN_TOKEN: "a-token-of-some-length" }), ["src/dashboard"]);
  assert.deepEqual(await read(remote), []);
  assert.deepEqual(await read({ ADMIN_TOKEN: "a-token-of-some-length" }), [
    "src/dashboard",
    "./handlers",
    "mod.ts",
    "src",
  ]);
});

Deno.test("where nodes name each other, any host may be reached", async () => {
  assert.equal((await of({ REDIS_SENTINELS: "a:1,b:2" })).net, true);
  assert.equal((await of({ REDIS_CLUSTER_NODES: "a:1,b:2" })).net, true);
  assert.ok(flagsOf(await of({ REDIS_CLUSTER_NODES: "a:1" }), () => {}).includes("--allow-net"));
});

Deno.test("an embedded Redis may be run where that is wanted, in its folder alone", async () => {
  const found = await of({ REDIS_EMBEDDED_DIR: "/srv/none/redis" }, true);
  assert.deepEqual(found.run, ["redis-server", "valkey-server"]);
  assert.deepEqual(found.write, ["/srv/none/redis"]);
  assert.deepEqual(found.net, ["127.0.0.1:8000", "unix:/srv/none/redis/redis.sock"]);
  assert.equal(wantsEmbedded({ REDIS_HOST: "" }), true);
  assert.equal(wantsEmbedded({ REDIS_HOST: "x" }), false);
});

Deno.test("secret files may be read, also where the rest of the configuration is wrong", async () => {
  const found = await of({ REDIS_HOST: "db", REDIS_PW_FILE: "/run/secrets/pw", SERVICE_PORT: "many" });
  assert.deepEqual(found.read, ["/run/secrets/pw"]);
  assert.equal(found.net, undefined);
});

Deno.test("what handlers need is added, and nothing odd is taken", async () => {
  const found = await of({ REDIS_HOST: "db" }, false, { net: ["api.example.com"], env: ["SMTP_PW"], run: true });
  assert.deepEqual(found.net, ["127.0.0.1:8000", "db:6379", "api.example.com"]);
  assert.ok((found.env as string[]).includes("SMTP_PW"));
  assert.equal(found.run, true);
  await assert.rejects(of({ REDIS_HOST: "db" }, false, { ffi: true }), /permissions.json/);
  await assert.rejects(of({ REDIS_HOST: "db" }, false, ["net"]), /permissions.json/);
  assert.equal(handlersFolder("npm:x"), null);
  assert.equal(handlersFolder("file:///a%20b/mod.ts"), "/a b");
  assert.equal(handlersFolder("mod.ts"), ".");
});

Deno.test("a path that is no single word opens its kind, with a note", () => {
  const notes: string[] = [];
  const flags = flagsOf({ read: ["/a b", "c"], net: ["x:1"], write: [] }, (text) => notes.push(text));
  assert.deepEqual(flags, ["--allow-read", "--allow-net=x:1"]);
  assert.equal(notes.length, 1);
});

/** A machine: which programs it has, which of them fail. Remembers what was run. */
function machine(
  has: readonly string[],
  fails: readonly string[] = [],
): { run: (command: readonly string[]) => Promise<number | null>; log: string[] } {
  const programs = new Set(has);
  const log: string[] = [];
  let failures = new Set(fails);
  const run = (command: readonly string[]): Promise<number | null> => {
    const words = command.filter((word) => !["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"].includes(word));
    const line = command.join(" ");
    if (command[0] === "sudo" && !programs.has("sudo")) return Promise.resolve(null);
    if (!programs.has(words[0]!) && words[0] !== "true") return Promise.resolve(null);
    log.push(line);
    if ([...failures].some((part) => line.includes(part))) return Promise.resolve(1);
    if (line.includes("update")) failures = new Set();
    const package_ = words.includes("install") || words.includes("add");
    if (package_) programs.add("redis-server");
    return Promise.resolve(0);
  };
  return { run, log };
}

Deno.test("an installed server is left alone, valkey too", async () => {
  for (const program of ["redis-server", "valkey-server"]) {
    const { run, log } = machine([program, "apt-get"]);
    assert.equal(await ensureRedis(run, true, () => {}), true);
    assert.deepEqual(log, [`${program} --version`]);
  }
});

Deno.test("a missing server is installed without a question, with fresh package lists where the first try fails", async () => {
  const { run, log } = machine(["apt-get"], ["install"]);
  assert.equal(await ensureRedis(run, true, () => {}), true);
  assert.equal(log.filter((line) => line.includes("install -y")).length, 2);
  assert.ok(log.some((line) => line.includes("update")));
  assert.ok(log.every((line) => !line.includes("sudo")));
});

Deno.test("without root it takes sudo that asks for nothing, and else gives up", async () => {
  const willing = machine(["apk", "sudo"]);
  assert.equal(await ensureRedis(willing.run, false, () => {}), true);
  assert.ok(willing.log.includes("sudo -n apk add --no-cache redis"));
  const asking = machine(["apk", "sudo"], ["sudo -n true"]);
  assert.equal(await ensureRedis(asking.run, false, () => {}), false);
  const brew = machine(["brew"]);
  assert.equal(await ensureRedis(brew.run, false, () => {}), true);
  assert.equal(await ensureRedis(machine([]).run, true, () => {}), false);
});
