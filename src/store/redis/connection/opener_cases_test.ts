/**
 * What every opener of links must do, tried on each of them with real servers.
 * @module
 */
import assert from "node:assert/strict";
import { type RedisConfig, Secret } from "../../../config/types.ts";
import type { RedisCause } from "../../../errors.ts";
import { startProxy } from "../../../../testing/fault_proxy.ts";
import { freePort, startRedis, type TestRedis } from "../../../../testing/redis_server.ts";
import { waitFor } from "../../../../testing/wait.ts";
import type { RedisChannel } from "../channel.ts";
import { testConfig, watch } from "./fixtures_test.ts";
import type { LinkOpener, OpenOptions } from "./live_link.ts";
import type { RedisConnectionManager } from "./manager.ts";

/** An opener under test. */
export interface OpenerKind {
  /** Begins the names of its tests. */
  readonly name: string;
  readonly make: (config: RedisConfig) => LinkOpener;
  /** One of the manager's channels whose links come from such an opener. */
  readonly channel: (manager: RedisConnectionManager) => RedisChannel;
  /** What the least of users needs for a link to be made, as Redis writes rules. */
  readonly leastRules: readonly string[];
  /** How a server is told of that wants a certificate and got none. */
  readonly uncertified: readonly RedisCause[];
}

/** A bound on what has none of its own. */
export const soon = (): AbortSignal => AbortSignal.timeout(15_000);
/** How links of the tests are opened. */
export const OPEN: OpenOptions = { name: "test:link", login: true, wantsMaster: false };
/** A place on this machine. */
export const here = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });

/** Registers the tests. */
export function runOpenerTests(kind: OpenerKind): void {
  login(kind);
  passwordFiles(kind);
  places(kind);
  endings(kind);
  tls(kind);
}

function login({ name, make, leastRules }: OpenerKind): void {
  Deno.test(`${name}: user, password, database and name reach the server`, async () => {
    await using redis = await startRedis();
    await redis.command(["ACL", "SETUSER", "worker", "on", ">pa:ss@/wörd", "~*", "+@all"]);
    const config = testConfig(redis.port, { user: "worker", password: new Secret("pa:ss@/wörd"), db: 3 });
    const link = await make(config).open(here(redis.port), { ...OPEN, name: "my service:é x" }, soon());
    const info = String(await link.send(["CLIENT", "INFO"], false));
    link.destroy();
    for (const fact of [/name=my-service:-x /, /db=3 /, /user=worker /, new RegExp(`id=${link.clientId} `)]) {
      assert.match(info, fact);
    }
  });

  Deno.test(`${name}: who may not name or number the connection is connected without`, async () => {
    await using redis = await startRedis();
    await redis.command(["ACL", "SETUSER", "small", "on", ">pw", "~*", "+get", ...leastRules]);
    const opener = make(testConfig(redis.port, { user: "small", password: new Secret("pw") }));
    for (let n = 0; n < 2; n++) {
      const link = await opener.open(here(redis.port), OPEN, soon());
      assert.equal(link.clientId, null);
      assert.equal(await link.send(["GET", "k"], false), null);
      link.destroy();
    }
  });

  Deno.test(`${name}: a wrong password, or none, is an authentication failure that tells no secret`, async () => {
    await using redis = await startRedis();
    await redis.command(["CONFIG", "SET", "requirepass", "right-one"]);
    for (const password of [null, new Secret("wr0ng-0ne")]) {
      const attempt = make(testConfig(redis.port, { password })).open(here(redis.port), OPEN, soon());
      const error = await attempt.then(() => null, (error) => error);
      assert.equal(error?.reason, "auth");
      assert.ok(!Deno.inspect(error, { depth: 9 }).includes("wr0ng-0ne"));
    }
  });

  Deno.test(`${name}: a server that echoes the password gets it into no error`, async () => {
    await using server = refusing("-ERR what is ech0ed-pw supposed to mean");
    const { port } = server;
    const attempt = make(testConfig(port, { password: new Secret("ech0ed-pw") })).open(here(port), OPEN, soon());
    const error = await attempt.then(() => null, (error: unknown) => error);
    const text = Deno.inspect(error, { depth: 9 });
    assert.match(text, /what is \*\*\* supposed/);
    assert.ok(!text.includes("ech0ed-pw"), text);
  });
}

/** Refuses whoever comes, in these words, and closes. */
function refusing(words: string): AsyncDisposable & { readonly port: number } {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const client of server) {
      await client.read(new Uint8Array(1_000)).catch(() => {});
      await client.write(new TextEncoder().encode(`${words}\r\n`)).catch(() => {});
      client.close();
    }
  })();
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose](): Promise<void> {
      server.close();
      await serving;
    },
  };
}

function passwordFiles({ name, make, channel: channelOf }: OpenerKind): void {
  Deno.test(`${name}: the password file is read again on each connect and each secret is announced`, async () => {
    await using redis = await startRedis();
    const path = `${redis.dir}/secret`;
    await Deno.writeTextFile(path, "first-pw\n");
    await redis.command(["CONFIG", "SET", "requirepass", "first-pw"]);
    await using watched = watch(testConfig(redis.port, { passwordFile: path, password: new Secret("not used") }));
    const channel = channelOf(watched.manager);
    watched.manager.start();
    await channel.whenReady(soon());
    await channel.send(["CONFIG", "SET", "requirepass", "second-pw"]);
    await Deno.writeTextFile(path, "second-pw\n");
    channel.reset("rotate");
    await channel.whenReady(soon());
    assert.equal(await channel.send(["PING"]), "PONG");
    assert.deepEqual([...new Set(watched.secrets)], ["first-pw", "second-pw"]);
  });

  Deno.test(`${name}: a password file that is missing fails with a cause and without its path's content`, async () => {
    await using redis = await startRedis();
    const config = testConfig(redis.port, { passwordFile: `${redis.dir}/none` });
    const failure = make(config).open(here(redis.port), OPEN, soon());
    await assert.rejects(failure, { reason: "auth", message: /REDIS_PW_FILE: NotFound/ });
  });
}

function places({ name, make }: OpenerKind): void {
  Deno.test(`${name}: a Unix socket works, and nobody there, or no such socket, are told as that`, async () => {
    await using redis = await startRedis({ unix: true });
    const opener = make(testConfig(redis.port));
    const link = await opener.open({ path: redis.socketPath }, OPEN, soon());
    assert.equal(await link.send(["PING"], false), "PONG");
    link.destroy();
    for (const endpoint of [{ path: `${redis.dir}/none.sock` }, here(1)]) {
      await assert.rejects(opener.open(endpoint, OPEN, soon()), { code: "redis_unavailable", reason: "connection" });
    }
  });

  Deno.test(`${name}: a server that is full says so before it closes, and that is the cause`, async () => {
    await using redis = await startRedis();
    // The connection of the test's own hands.
    await redis.command(["CONFIG", "SET", "maxclients", "1"]);
    const attempt = make(testConfig(redis.port, { db: 1 })).open(here(redis.port), OPEN, soon());
    await assert.rejects(attempt, { reason: "max_clients" });
  });

  Deno.test(`${name}: a server in protected mode says so before it closes, and that is the cause`, async () => {
    await using server = refusing("-DENIED Redis is running in protected mode because protected mode is enabled");
    const attempt = make(testConfig(server.port)).open(here(server.port), OPEN, soon());
    await assert.rejects(attempt, { reason: "auth", message: /protected mode/ });
  });

  Deno.test(`${name}: a replica is refused where the master is wanted`, async () => {
    await using redis = await startRedis();
    await redis.command(["REPLICAOF", "127.0.0.1", "1"]);
    const attempt = make(testConfig(redis.port)).open(here(redis.port), { ...OPEN, wantsMaster: true }, soon());
    await assert.rejects(attempt, { reason: "readonly", message: /found a slave; wanted the master/ });
  });
}

function endings({ name, make }: OpenerKind): void {
  Deno.test(`${name}: an attempt ends with its signal in every phase and leaves no connection`, async () => {
    await using redis = await startRedis();
    await using proxy = await startProxy({ targetPort: redis.port });
    proxy.set({ kind: "blackhole" });
    for (const tls of [null, { caFile: null, certFile: null, keyFile: null, servername: null }]) {
      const controller = new AbortController();
      const attempt = make(testConfig(proxy.port, { tls })).open(here(proxy.port), OPEN, controller.signal);
      await waitFor(() => proxy.connections === 1);
      controller.abort(new Error("enough"));
      await assert.rejects(attempt, /enough/);
      proxy.heal();
      await waitFor(() => proxy.connections === 0, { what: "the connection to end" });
      proxy.set({ kind: "blackhole" });
    }
  });
}

function tls({ name, make, uncertified: causes }: OpenerKind): void {
  const missing = hasOpenssl() ? "" : " (SKIPPED: no openssl on this machine)";
  Deno.test({
    name:
      `${name}: TLS with an own CA, a client certificate or a server name; what is not trusted is refused as tls${missing}`,
    ignore: missing !== "",
    async fn(): Promise<void> {
      await using redis = await startRedis();
      const dir = redis.dir;
      await certificates(dir);
      const port = await openTlsPort(redis, dir);
      const large = new Uint8Array(3_000_000).map((_, index) => index * 7);
      const attempt = async (
        changes: Partial<NonNullable<RedisConfig["tls"]>>,
        host = "127.0.0.1",
      ): Promise<string> => {
        const files = { caFile: `${dir}/ca.crt`, certFile: `${dir}/client.crt`, keyFile: `${dir}/client.key` };
        const config = testConfig(port, { tls: { ...files, servername: null, ...changes } });
        const link = await make(config).open({ host, port }, OPEN, soon());
        try {
          const reply = String(await link.send(["PING"], false));
          assert.deepEqual(new Uint8Array(await link.send(["ECHO", large], true) as Uint8Array), large);
          return reply;
        } finally {
          link.destroy();
        }
      };
      const uncertified = { certFile: null, keyFile: null };
      assert.equal(await attempt({}), "PONG");
      assert.equal(await attempt({}, "localhost"), "PONG");
      assert.equal(await attempt({ servername: "localhost" }), "PONG");
      await assert.rejects(attempt({ servername: "other.example" }), { reason: "tls" });
      const refused = await attempt(uncertified).then(() => null, (error) => error);
      assert.ok(causes.includes(refused?.reason), `${refused}`);
      await assert.rejects(attempt({ caFile: null }), { reason: "tls" });
      await assert.rejects(attempt({ caFile: `${dir}/none` }), { reason: "tls", message: /NotFound/ });
      const inClear = make(testConfig(port)).open(here(port), OPEN, soon());
      await assert.rejects(inClear, { code: "redis_unavailable", reason: "connection" });
      await redis.command(["CONFIG", "SET", "tls-auth-clients", "no"]);
      assert.equal(await attempt(uncertified), "PONG");
      assert.equal(await attempt({ ...uncertified, servername: "localhost" }), "PONG");
      await assert.rejects(attempt({ ...uncertified, servername: "other.example" }), { reason: "tls" });
    },
  });
}

/** Between finding a port and binding it, another process may take it: then another one is tried. */
async function openTlsPort(redis: TestRedis, dir: string): Promise<number> {
  const settings = { "tls-cert-file": "server.crt", "tls-key-file": "server.key", "tls-ca-cert-file": "ca.crt" };
  for (const [name, file] of Object.entries(settings)) await redis.command(["CONFIG", "SET", name, `${dir}/${file}`]);
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    try {
      await redis.command(["CONFIG", "SET", "tls-port", String(port)]);
      return port;
    } catch (error) {
      if (!/listen on this port/i.test(String(error)) || attempt >= 5) throw error;
    }
  }
}

/** A CA, a certificate for localhost and 127.0.0.1, and one for a client. */
async function certificates(dir: string): Promise<void> {
  const openssl = async (...args: string[]): Promise<void> => {
    const made = await new Deno.Command("openssl", { args, cwd: dir, stdout: "null", stderr: "piped" }).output();
    assert.equal(made.code, 0, new TextDecoder().decode(made.stderr));
  };
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign"].flatMap((one) => ["-addext", one]);
  const ca = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test CA", ...extensions];
  await openssl("req", "-x509", ...ec, "-days", "2", ...ca);
  await Deno.writeTextFile(`${dir}/san`, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    await openssl("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san"];
    await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, ...sign);
  }
}

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
