import assert from "node:assert/strict";
import { type RedisConfig, Secret } from "../../../config/types.ts";
import { startProxy } from "../../../../testing/fault_proxy.ts";
import { freePort, startRedis } from "../../../../testing/redis_server.ts";
import { waitFor } from "../../../../testing/wait.ts";
import { ClientOpener } from "./client.ts";
import { testConfig, watch } from "./fixtures_test.ts";

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const open = { name: "test:command", login: true, wantsMaster: false };
const here = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });

Deno.test("user, password, database and name reach the server", async () => {
  await using redis = await startRedis();
  await redis.command(["ACL", "SETUSER", "worker", "on", ">pa:ss@/word", "~*", "+@all"]);
  const config = testConfig(redis.port, { user: "worker", password: new Secret("pa:ss@/word"), db: 3 });
  const link = await new ClientOpener(config).open(here(redis.port), { ...open, name: "my service:é x" }, soon());
  try {
    const info = String(await link.send(["CLIENT", "INFO"], false));
    assert.match(info, /name=my-service:-x /);
    assert.match(info, /db=3 /);
    assert.match(info, /user=worker /);
    assert.match(info, new RegExp(`id=${link.clientId} `));
  } finally {
    link.destroy();
  }
});

Deno.test("a user who may not name or number the connection is connected without", async () => {
  await using redis = await startRedis();
  await redis.command(["ACL", "SETUSER", "small", "on", ">pw", "~*", "+get", "+ping"]);
  const config = testConfig(redis.port, { user: "small", password: new Secret("pw") });
  const opener = new ClientOpener(config);
  for (let n = 0; n < 2; n++) {
    const link = await opener.open(here(redis.port), open, soon());
    assert.equal(link.clientId, null);
    assert.equal(await link.send(["GET", "k"], false), null);
    link.destroy();
  }
});

Deno.test("a wrong password fails with its cause, in no text the password, and heals when it is put right", async () => {
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

Deno.test("a server that echoes the password gets it into no error", async () => {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const client of server) {
      await client.read(new Uint8Array(1_000));
      await client.write(new TextEncoder().encode("-ERR what is ech0ed-pw supposed to mean\r\n"));
      client.close();
    }
  })();
  const { port } = server.addr;
  const attempt = new ClientOpener(testConfig(port, { password: new Secret("ech0ed-pw") })).open(
    here(port),
    open,
    soon(),
  );
  const error = await attempt.then(() => null, (error: unknown) => error);
  server.close();
  await serving;
  const text = Deno.inspect(error, { depth: 9 });
  assert.match(text, /what is \*\*\* supposed/);
  assert.ok(!text.includes("ech0ed-pw"), text);
});

Deno.test("no password where one is wanted is an authentication failure, not a ready link", async () => {
  await using redis = await startRedis();
  await redis.command(["CONFIG", "SET", "requirepass", "x"]);
  await assert.rejects(new ClientOpener(testConfig(redis.port)).open(here(redis.port), open, soon()), {
    reason: "auth",
  });
});

Deno.test("the password file is read again on each connect and each secret is announced", async () => {
  await using redis = await startRedis();
  const path = `${redis.dir}/secret`;
  await Deno.writeTextFile(path, "first-pw\n");
  await redis.command(["CONFIG", "SET", "requirepass", "first-pw"]);
  await using watched = watch(testConfig(redis.port, { passwordFile: path, password: new Secret("not used") }));
  const channel = watched.manager.command("");
  watched.manager.start();
  await channel.whenReady(soon());
  await channel.send(["CONFIG", "SET", "requirepass", "second-pw"]);
  await Deno.writeTextFile(path, "second-pw\n");
  channel.reset("rotate");
  await channel.whenReady(soon());
  assert.deepEqual([...new Set(watched.secrets)], ["first-pw", "second-pw"]);
});

Deno.test("a password file that is missing fails with a cause and without its path's content", async () => {
  await using redis = await startRedis();
  const config = testConfig(redis.port, { passwordFile: `${redis.dir}/none` });
  const failure = new ClientOpener(config).open(here(redis.port), open, soon());
  await assert.rejects(failure, { reason: "auth", message: /REDIS_PW_FILE: NotFound/ });
});

Deno.test("a Unix socket works, and one that is missing is told as nobody there", async () => {
  await using redis = await startRedis({ unix: true });
  const opener = new ClientOpener(testConfig(redis.port));
  const link = await opener.open({ path: redis.socketPath }, open, soon());
  assert.equal(await link.send(["PING"], false), "PONG");
  link.destroy();
  await assert.rejects(opener.open({ path: `${redis.dir}/none.sock` }, open, soon()), { reason: "connection" });
});

Deno.test("an attempt ends with its signal in every phase and leaves no connection", async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy({ targetPort: redis.port });
  proxy.set({ kind: "blackhole" });
  for (const tls of [null, { caFile: null, certFile: null, keyFile: null, servername: null }]) {
    const controller = new AbortController();
    const attempt = new ClientOpener(testConfig(proxy.port, { tls })).open(here(proxy.port), open, controller.signal);
    await waitFor(() => proxy.connections === 1);
    controller.abort(new Error("enough"));
    await assert.rejects(attempt, /enough/);
    proxy.heal();
    await waitFor(() => proxy.connections === 0, { what: "the connection to end" });
    proxy.set({ kind: "blackhole" });
  }
});

Deno.test("a replica is refused where the master is wanted", async () => {
  await using redis = await startRedis();
  await redis.command(["REPLICAOF", "127.0.0.1", "1"]);
  const attempt = new ClientOpener(testConfig(redis.port)).open(
    here(redis.port),
    { ...open, wantsMaster: true },
    soon(),
  );
  await assert.rejects(attempt, { reason: "readonly", message: /found a slave; wanted the master/ });
});

/** A CA, a server certificate for localhost and 127.0.0.1, and a client certificate. */
async function certificates(dir: string): Promise<void> {
  const openssl = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await new Deno.Command("openssl", { args, cwd: dir, stdout: "null", stderr: "piped" })
      .output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
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
  name: "TLS: own CA and client certificate work, an unknown CA and a wrong name are refused with the cause tls" +
    (await hasOpenssl() ? "" : " (SKIPPED: no openssl on this machine)"),
  ignore: !await hasOpenssl(),
  async fn(): Promise<void> {
    const dir = await Deno.makeTempDir();
    await certificates(dir);
    await using plain = await startRedis();
    const tlsPort = freePort();
    for (
      const [name, value] of [["tls-cert-file", "server.crt"], ["tls-key-file", "server.key"], [
        "tls-ca-cert-file",
        "ca.crt",
      ]]
    ) {
      await plain.command(["CONFIG", "SET", name!, `${dir}/${value}`]);
    }
    await plain.command(["CONFIG", "SET", "tls-port", String(tlsPort)]);
    const attempt = async (
      tls: Partial<NonNullable<RedisConfig["tls"]>>,
      host = "127.0.0.1",
    ): Promise<string> => {
      const files = { caFile: `${dir}/ca.crt`, certFile: `${dir}/client.crt`, keyFile: `${dir}/client.key` };
      const config = testConfig(tlsPort, { tls: { ...files, servername: null, ...tls } });
      const link = await new ClientOpener(config).open({ host, port: tlsPort }, open, soon());
      try {
        return String(await link.send(["PING"], false));
      } finally {
        link.destroy();
      }
    };
    try {
      assert.equal(await attempt({}), "PONG");
      assert.equal(await attempt({}, "localhost"), "PONG");
      assert.equal(await attempt({ servername: "localhost" }), "PONG");
      await assert.rejects(attempt({ caFile: null }), { reason: "tls" });
      await assert.rejects(attempt({ servername: "other.example" }), { reason: "tls" });
      await assert.rejects(attempt({ caFile: `${dir}/none` }), { reason: "tls", message: /NotFound/ });
      const plainClient = new ClientOpener(testConfig(tlsPort)).open(here(tlsPort), open, soon());
      await assert.rejects(plainClient, { code: "redis_unavailable", reason: "connection" });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
