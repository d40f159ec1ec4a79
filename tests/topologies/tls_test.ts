/** Mutual TLS with verification, and the least user: what is right works, what is wrong is told by its cause. */
import assert from "node:assert/strict";
import { startProdProcess } from "../../testing/prod_flags.ts";
import { heldUp } from "../../testing/proc.ts";
import { ACL_PASSWORD, ACL_USER } from "../../testing/redis_acl.ts";
import { getJson, type ServiceProcess, status } from "../../testing/service_process.ts";
import { startTls, tlsFile, type TlsTopology } from "../../testing/topology.ts";
import { waitFor } from "../../testing/wait.ts";
import { show } from "./support_load.ts";

const TIMERS = { RETRY_DELAYS: "200", CONNECTION_TIMEOUT: "3000" };

Deno.test("mutual TLS as the least user with the permissions of production: ready within 3 s, and events flow", async () => {
  await using topology = await startTls();
  await using service = await startProdProcess({ env: { ...topology.env, ...TIMERS } });
  const url = await service.listening();
  const since = performance.now();
  await waitFor(() => status(`${url}/health/ready`, 200), { what: "ready" });
  const tookMs = performance.now() - since;
  const held = await heldUp(service.pid);
  show("tls: ready after", { tookMs, held });
  // CONTRACT 3: within 3 s after listening.
  assert.ok(tookMs < 3_300 * held, `ready after ${tookMs} ms, held up ${held} times`);
  await handles(service, url);
  // By name, too: the address is checked against the name that is asked for.
  const env = { ...topology.env, ...TIMERS, REDIS_TLS_SERVERNAME: "redis.test" };
  await using named = await startProdProcess({ env });
  await named.ready();
});

interface Wrong {
  readonly name: string;
  readonly env: (topology: TlsTopology) => Readonly<Record<string, string>>;
  readonly reason: string;
}

const WRONGS: readonly Wrong[] = [
  { name: "another authority", env: () => ({ REDIS_TLS_CA_FILE: tlsFile("other-ca.crt") }), reason: "tls" },
  { name: "another server name", env: () => ({ REDIS_TLS_SERVERNAME: "other.test" }), reason: "tls" },
  {
    name: "no client certificate",
    env: () => ({ REDIS_TLS_CERT_FILE: "", REDIS_TLS_KEY_FILE: "" }),
    reason: "tls",
  },
  {
    name: "no TLS where the server wants it",
    env: () => ({
      REDIS_TLS_ENABLED: "false",
      REDIS_TLS_CA_FILE: "",
      REDIS_TLS_CERT_FILE: "",
      REDIS_TLS_KEY_FILE: "",
    }),
    reason: "connection",
  },
  // It waits for the rest of a command: nobody can tell that from a server that hangs.
  {
    name: "TLS where the server has none",
    env: ({ redis }) => ({ REDIS_PORT: String(redis.port) }),
    reason: "timeout",
  },
  { name: "a wrong password", env: () => ({ REDIS_PW: "wrong-canary-secret" }), reason: "auth" },
  { name: "a user that is not there", env: () => ({ REDIS_USER: "nobody" }), reason: "auth" },
];

Deno.test("what is wrong with TLS or the login is told by its cause, in health and in the log, without a secret", async () => {
  await using topology = await startTls();
  await using expired = await startTls({ certificate: "server-expired" });
  const cases = [
    ...WRONGS.map((wrong) => ({ ...wrong, env: { ...topology.env, ...TIMERS, ...wrong.env(topology) } })),
    { name: "an expired certificate", env: { ...expired.env, ...TIMERS }, reason: "tls" },
  ];
  // Two at a time: each is a process of its own.
  const told: Record<string, string> = {};
  const turns = [0, 1].map(async (turn) => {
    for (const { name, env, reason } of cases.filter((_, index) => index % 2 === turn)) {
      await using service = await startProdProcess({ env });
      told[name] = await causeTold(service, reason);
      assert.doesNotMatch(service.output, new RegExp(`${ACL_PASSWORD}|wrong-canary-secret|BEGIN .*PRIVATE`), name);
    }
  });
  await Promise.all(turns);
  assert.deepEqual(told, Object.fromEntries(cases.map(({ name, reason }) => [name, reason])));
});

Deno.test("the password changes: what is connected is cut, the file is read again, and the same process goes on", async () => {
  await using topology = await startTls();
  const file = await Deno.makeTempFile({ prefix: "redis-password-" });
  try {
    await Deno.writeTextFile(file, `${ACL_PASSWORD}\n`);
    const { REDIS_PW: _, ...env } = topology.env as Record<string, string>;
    await using service = await startProdProcess({ env: { ...env, ...TIMERS, REDIS_PW_FILE: file } });
    const url = await service.ready();
    const { redis } = topology;
    const fresh = "the-next-password";
    await redis.command(["ACL", "SETUSER", ACL_USER, "resetpass", `>${fresh}`]);
    await redis.command(["CLIENT", "KILL", "USER", ACL_USER]);
    await waitFor(async () => (await getJson(`${url}/health/ready`)).body["reason"] === "auth", {
      timeoutMs: 5_200,
      what: "the cause while the file is old",
    });
    await Deno.writeTextFile(file, fresh);
    await waitFor(() => status(`${url}/health/ready`, 200), { timeoutMs: 3_300, what: "ready with the new password" });
    await handles(service, url);
    assert.doesNotMatch(service.output, new RegExp(`${ACL_PASSWORD}|${fresh}`));
  } finally {
    await Deno.remove(file);
  }
});

async function handles(service: ServiceProcess, url: string): Promise<void> {
  const { status: code, body } = await getJson(`${url}/trigger-test-event`, { method: "POST" });
  assert.equal(code, 200, JSON.stringify(body));
  await service.record((record) => record["eventId"] === body["eventId"], "the handler's line");
}

/** @returns The cause in `/health`; it must be that of `/health/ready`, and in the log. */
async function causeTold(service: ServiceProcess, wanted: string): Promise<string> {
  const url = await service.listening();
  const errorOf = async (): Promise<string> => {
    const { body } = await getJson(`${url}/health`);
    return String((body["checks"] as Record<string, { error?: string }>)["redis"]?.error);
  };
  // The first cause may be a general one.
  await waitFor(async () => await errorOf() === wanted, { timeoutMs: 5_200, what: wanted }).catch(() => {});
  assert.equal((await getJson(`${url}/health/ready`)).status, 503);
  const found = await errorOf();
  await service.record((record) => record["cause"] === found, `the log to name the cause ${found}`);
  return found;
}
