import assert from "node:assert/strict";
import { type RedisConfig, Secret } from "../../../config/types.ts";
import { startProxy } from "../../../../testing/fault_proxy.ts";
import { freePort, startRedis } from "../../../../testing/redis_server.ts";
import { waitFor } from "../../../../testing/wait.ts";
import { testConfig, watch } from "../connection/fixtures_test.ts";
import { RespOpener } from "./opener.ts";

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const open = { name: "test:reader", login: true, wantsMaster: false };
const here = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });
const opener = (config: RedisConfig): RespOpener => new RespOpener(config);

Deno.test("own links: user, password, database and name reach the server", async () => {
  await using redis = await startRedis();
  await redis.command(["ACL", "SETUSER", "worker", "on", ">pa:ss@/wörd", "~*", "+@all"]);
  const config = testConfig(redis.port, { user: "worker", password: new Secret("pa:ss@/wörd"), db: 3 });
  const link = await opener(config).open(here(redis.port), { ...open, name: "my service:é x" }, soon());
  const info = String(await link.send(["CLIENT", "INFO"], false));
  link.destroy();
  for (const fact of [/name=my-service:-x /, /db=3 /, /user=worker /, new RegExp(`id=${link.clientId} `)]) {
    assert.match(info, fact);
  }
});

Deno.test("own links: who may not name or number the connection is connected without", async () => {
  await using redis = await startRedis();
  await redis.command(["ACL", "SETUSER", "small", "on", ">pw", "~*", "+get"]);
  const link = await opener(testConfig(redis.port, { user: "small", password: new Secret("pw") })).open(
    here(redis.port),
    open,
    soon(),
  );
  assert.equal(link.clientId, null);
  assert.equal(await link.send(["GET", "k"], false), null);
  link.destroy();
});

Deno.test("own links: a wrong password, or none, is an authentication failure that tells no secret", async () => {
  await using redis = await startRedis();
  await redis.command(["CONFIG", "SET", "requirepass", "right-one"]);
  for (const password of [null, new Secret("wr0ng-0ne")]) {
    const failed = await opener(testConfig(redis.port, { password })).open(here(redis.port), open, soon()).catch((
      error,
    ) => error);
    assert.equal(failed.reason, "auth");
    assert.ok(!Deno.inspect(failed, { depth: 9 }).includes("wr0ng-0ne"));
  }
});

Deno.test("own links: a channel reads its password file anew after a loss, and heals", async () => {
  await using redis = await startRedis();
  const path = `${redis.dir}/secret`;
  await Deno.writeTextFile(path, "first-pw\n");
  await redis.command(["CONFIG", "SET", "requirepass", "first-pw"]);
  await using watched = watch(testConfig(redis.port, { passwordFile: path }));
  const channel = watched.manager.blocking("reader", "");
  watched.manager.start();
  await channel.whenReady(soon());
  await channel.send(["CONFIG", "SET", "requirepass", "second-pw"]);
  await Deno.writeTextFile(path, "second-pw\n");
  channel.reset("rotate");
  await channel.whenReady(soon());
  assert.equal(await channel.send(["PING"]), "PONG");
  assert.deepEqual([...new Set(watched.secrets)], ["first-pw", "second-pw"]);
});

Deno.test("own links: a Unix socket works, and nobody there, no such name, no such socket are told as that", async () => {
  await using redis = await startRedis({ unix: true });
  const config = testConfig(redis.port);
  const link = await opener(config).open({ path: redis.socketPath }, open, soon());
  assert.equal(await link.send(["PING"], false), "PONG");
  link.destroy();
  for (const endpoint of [{ path: `${redis.dir}/none.sock` }, here(freePort())]) {
    await assert.rejects(opener(config).open(endpoint, open, soon()), {
      code: "redis_unavailable",
      reason: "connection",
    });
  }
});

Deno.test("own links: an attempt ends with its signal in every phase and leaves no connection", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  proxy.set({ kind: "blackhole" });
  for (const tls of [null, { caFile: null, certFile: null, keyFile: null, servername: null }]) {
    const controller = new AbortController();
    const attempt = opener(testConfig(proxy.port, { tls })).open(here(proxy.port), open, controller.signal);
    await waitFor(() => proxy.connections === 1);
    controller.abort(new Error("enough"));
    await assert.rejects(attempt, /enough/);
    proxy.heal();
    await waitFor(() => proxy.connections === 0, { what: "the connection to end" });
    proxy.set({ kind: "blackhole" });
  }
});

Deno.test("own links: a replica is refused where the master is wanted", async () => {
  await using redis = await startRedis();
  await redis.command(["REPLICAOF", "127.0.0.1", "1"]);
  const attempt = opener(testConfig(redis.port)).open(here(redis.port), { ...open, wantsMaster: true }, soon());
  await assert.rejects(attempt, { reason: "readonly", message: /found a slave; wanted the master/ });
});

/** A CA, a certificate for localhost and 127.0.0.1, and one for a client. */
async function certificates(dir: string): Promise<void> {
  const openssl = async (...args: string[]): Promise<void> => {
    const made = await new Deno.Command("openssl", { args, cwd: dir, stdout: "null", stderr: "piped" }).output();
    assert.equal(made.code, 0, new TextDecoder().decode(made.stderr));
  };
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const ca = [
    "-subj",
    "/CN=Test CA",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "keyUsage=keyCertSign",
  ];
  await openssl("req", "-x509", ...ec, "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", ...ca);
  await Deno.writeTextFile(`${dir}/san`, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    await openssl("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san"];
    await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, ...sign);
  }
}

async function hasOpenssl(): Promise<boolean> {
  try {
    return (await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "own links: TLS with an own CA, a client certificate or a server name; what is not trusted is refused as tls" +
    (await hasOpenssl() ? "" : " (SKIPPED: no openssl on this machine)"),
  ignore: !await hasOpenssl(),
  async fn(): Promise<void> {
    const dir = await Deno.makeTempDir();
    await certificates(dir);
    await using redis = await startRedis();
    const port = freePort();
    const settings = { "tls-cert-file": "server.crt", "tls-key-file": "server.key", "tls-ca-cert-file": "ca.crt" };
    for (const [name, file] of Object.entries(settings)) await redis.command(["CONFIG", "SET", name, `${dir}/${file}`]);
    await redis.command(["CONFIG", "SET", "tls-port", String(port)]);
    const attempt = async (changes: Partial<NonNullable<RedisConfig["tls"]>>, host = "127.0.0.1"): Promise<string> => {
      const files = { caFile: `${dir}/ca.crt`, certFile: `${dir}/client.crt`, keyFile: `${dir}/client.key` };
      const config = testConfig(port, { tls: { ...files, servername: null, ...changes } });
      const link = await opener(config).open({ host, port }, open, soon());
      const reply = String(await link.send(["PING"], false));
      assert.deepEqual(await link.send(["ECHO", large], true), large);
      link.destroy();
      return reply;
    };
    const large = new Uint8Array(3_000_000).map((_, index) => index * 7);
    const uncertified = { certFile: null, keyFile: null };
    try {
      assert.equal(await attempt({}), "PONG");
      assert.equal(await attempt({}, "localhost"), "PONG");
      assert.equal(await attempt({ servername: "localhost" }), "PONG");
      await assert.rejects(attempt({ servername: "other.example" }), { reason: "tls" });
      await assert.rejects(attempt(uncertified), { reason: "tls" }, "the server wants a certificate");
      await assert.rejects(attempt({ caFile: null }), { reason: "tls" });
      await assert.rejects(attempt({ caFile: `${dir}/none` }), { reason: "tls", message: /NotFound/ });
      await redis.command(["CONFIG", "SET", "tls-auth-clients", "no"]);
      assert.equal(await attempt(uncertified), "PONG");
      assert.equal(await attempt({ ...uncertified, servername: "localhost" }), "PONG");
      await assert.rejects(attempt({ ...uncertified, servername: "other.example" }), { reason: "tls" });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
