/** Planted secrets are found nowhere: no log, answer, metric, error, command line or title. */
import assert from "node:assert/strict";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { cli, GROUP, STREAM } from "./admin_support.ts";
import { plant, Search } from "./secrets_support.ts";

const HANDLERS = "./tests/integration/secrets_handlers.ts";

const redisPw = plant("redispw");
const api = plant("api");
const admin = plant("admin");
const guess = plant("guess");
const tlsKey = plant("tlskey");
const search = new Search([redisPw.core, api.core, admin.core, guess.core, tlsKey.core]);
/** A token is what fits into a header. */
const TOKENS = { API_TOKEN: api.core, ADMIN_TOKEN: admin.core };
const GETS = [
  "health",
  "health/live",
  "health/ready",
  "health-check",
  "metrics",
  "openapi.json",
  "asyncapi.json",
  "admin/",
  "admin/api/overview",
  "admin/api/events",
  "admin/api/dead-letters",
  "admin/api/schedules",
  "admin/api/scaling",
  "admin/api/live",
  "nowhere",
];

function urlOf(redis: TestRedis, secret = redisPw.value): string {
  return `redis://:${encodeURIComponent(secret)}@127.0.0.1:${redis.port}`;
}

async function lockedRedis(): Promise<TestRedis> {
  return await startRedis({ config: { requirepass: redisPw.value } });
}

Deno.test("a service whose handlers are careless shows no secret: not in its log at DEBUG, nor in any answer", async () => {
  await using redis = await lockedRedis();
  await using service = startServiceProcess({
    env: { REDIS_URL: urlOf(redis), ...TOKENS, HANDLERS, LOG_LEVEL: "DEBUG", RETRY_BACKOFF: "50", MAX_DELIVERIES: "2" },
  });
  const url = await service.ready();
  const bearer = (token: string): HeadersInit => ({
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  });
  const live = await fetch(`${url}/admin/api/live`, { headers: bearer(admin.core) });
  let told = "";
  const listening = (async () => {
    for await (const text of live.body!.pipeThrough(new TextDecoderStream())) told += text;
  })();
  for (const subject of ["hopeless", "retry"]) {
    const headers = { ...bearer(api.core), "content-type": "application/cloudevents+json" };
    const body = JSON.stringify({ specversion: "1.0", id: subject, type: "test.careless", source: "/t", subject });
    assert.equal(await search.inAnswer(`${url}/events`, { method: "POST", headers, body }), 202);
  }
  await waitFor(async () => await redis.command(["XLEN", `{${STREAM}}:${GROUP}:dlq`]) === 2, {
    what: "the dead letters",
  });
  for (const path of GETS) {
    await search.inAnswer(`${url}/${path}`, { headers: bearer(admin.core) });
    await search.inAnswer(`${url}/${path}?token=${guess.core}`, { headers: bearer(guess.core) });
  }
  const letters = await fetch(`${url}/admin/api/dead-letters`, { headers: bearer(admin.core) });
  const { items } = await letters.json() as { items: { id: string; entryId: string; error: string }[] };
  assert.ok(items.every(({ error }) => error.includes("API_TOKEN=***")), JSON.stringify(items));
  for (const { id, entryId } of items) {
    await search.inAnswer(`${url}/admin/api/dead-letters/${id}`, { headers: bearer(admin.core) });
    await search.inAnswer(`${url}/admin/api/events/${entryId}`, { headers: bearer(admin.core) });
  }
  for (const path of ["trigger-test-event", "events", "admin/api/consumer/pause"]) {
    const status = await search.inAnswer(`${url}/${path}`, { method: "POST", headers: bearer(guess.core) });
    assert.ok(status === 401 || status === 429, `${path}: ${status}`);
  }
  await search.inProcesses(service.pid);
  // What Redis keeps is read by others too.
  search.in(await redis.cli("XRANGE", `{${STREAM}}:${GROUP}:dlq`, "-", "+"), "the dead letters");
  await redis.kill9();
  await waitFor(async () => (await fetch(`${url}/health/ready`).then((r) => (r.body?.cancel(), r.status))) === 503);
  for (const path of GETS) await search.inAnswer(`${url}/${path}`, { headers: bearer(admin.core) });
  service.signal("SIGTERM");
  await service.exited();
  await listening;
  assert.match(told, /^event: settled$/m);
  search.in(told, "admin/api/live");
  assert.match(service.output, /careless with .*\*\*\*/);
  assert.match(service.output, /nobody catches .*\*\*\*/);
  search.inOutput(service);
});

Deno.test("credentials that Redis refuses, a key file that is no key, and their files, are not shown", async () => {
  await using redis = await lockedRedis();
  const files = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${files}/pw`, `${guess.value}\n`);
    await Deno.writeTextFile(
      `${files}/key.pem`,
      `-----BEGIN PRIVATE KEY-----\n${btoa(tlsKey.core)}\n${tlsKey.core}\n-----END PRIVATE KEY-----\n`,
    );
    const parts = { REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port) };
    const tls = {
      REDIS_TLS_ENABLED: "true",
      REDIS_TLS_KEY_FILE: `${files}/key.pem`,
      REDIS_TLS_CERT_FILE: `${files}/key.pem`,
    };
    const wrong: Record<string, string>[] = [
      { REDIS_URL: urlOf(redis, guess.value) },
      { ...parts, REDIS_PW: guess.value, REDIS_USER: "nobody" },
      { ...parts, REDIS_PW_FILE: `${files}/pw` },
      { ...parts, REDIS_PW: redisPw.value, ...tls },
    ];
    for (const env of wrong) {
      await using service = startServiceProcess({
        env: {
          ...env,
          ...TOKENS,
          LOG_LEVEL: "DEBUG",
          CONNECTION_TIMEOUT: "500",
          RETRY_DELAYS: "50",
          MAX_RETRY_ATTEMPTS: "3",
        },
      });
      const code = await service.exited(20_000);
      assert.ok(code === 3 || (code === 2 && env === wrong[3]), `${code}: ${service.output.slice(-2_000)}`);
      search.inOutput(service);
    }
    for (const env of wrong) {
      for (const args of [["doctor"], ["stats", "--json"]]) {
        const { code, out, err } = await cli({ ...env, ...TOKENS, CONNECTION_TIMEOUT: "500" }, ...args);
        assert.notEqual(code, 0);
        search.in(`${out}\n${err}`, args.join(" "));
      }
    }
  } finally {
    await Deno.remove(files, { recursive: true });
  }
});

Deno.test("a password from a file works, is not shown, and the command line shows none either", async () => {
  await using redis = await lockedRedis();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `${redisPw.value}\n`);
    const env = { REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port), REDIS_PW_FILE: file, ...TOKENS };
    await using service = startServiceProcess({ env: { ...env, LOG_LEVEL: "DEBUG" } });
    await service.ready();
    await search.inProcesses(service.pid);
    for (const args of [["config"], ["config", "--json"], ["doctor"], ["stats"]]) {
      const { out, err } = await cli(env, ...args);
      assert.ok(out.length > 0, err);
      search.in(`${out}\n${err}`, args.join(" "));
    }
    service.signal("SIGTERM");
    assert.equal(await service.exited(), 0);
    search.inOutput(service);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a message about wrong settings names no secret, be it in a wrong place", async () => {
  const wrong: Record<string, string>[] = [
    {
      REDIS_URL: `redis://user:${redisPw.value}@127.0.0.1:99999/x`,
      API_TOKEN: `${api.core} \u00e9`,
      ADMIN_TOKEN: ` ${admin.core}\n`,
    },
    { REDIS_URL: `redis//${redisPw.value}@host`, REDIS_PWD: guess.core },
    { REDIS_URL: redisPw.value, LEASE_MS: "-1" },
    { REDIS_HOST: `user:${redisPw.value}@host`, REDIS_PW: guess.value, REDIS_PW_FILE: "/nowhere" },
    { REDIS_HOST: "127.0.0.1", REDIS_PORT: redisPw.core, REDIS_PW: redisPw.core },
    { REDIS_SENTINELS: `:${redisPw.core}@host:1`, REDIS_PW: redisPw.core },
  ];
  for (const env of wrong) {
    await using service = startServiceProcess({ env });
    assert.equal(await service.exited(10_000), 2, service.output);
    assert.ok(service.stderr.length > 20);
    search.inOutput(service);
    const { code, out, err } = await cli(env, "config");
    assert.equal(code, 2);
    search.in(`${out}\n${err}`, "config");
  }
});

Deno.test("what ends the process shows no secret either: a module that throws one, a port that is taken", async () => {
  const module = await Deno.makeTempFile({ suffix: ".ts" });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    await Deno.writeTextFile(
      module,
      `throw new Error("cannot use " + Deno.env.get("API_TOKEN") + Deno.env.get("REDIS_URL"));\nexport {};\n`,
    );
    const env = { REDIS_URL: `redis://:${encodeURIComponent(redisPw.value)}@127.0.0.1:1`, ...TOKENS };
    await using careless = startServiceProcess({ env: { ...env, HANDLERS: module } });
    assert.equal(await careless.exited(10_000), 2);
    assert.match(careless.stderr, /cannot use \*\*\*/);
    search.inOutput(careless);
    await using late = startServiceProcess({ env: { ...env, SERVICE_PORT: String(taken.addr.port) } });
    assert.equal(await late.exited(10_000), 1);
    search.inOutput(late);
  } finally {
    await Deno.remove(module);
  }
});

Deno.test("the embedded server's command line, environment and folder hold no secret", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await standInFront("redis-server", dir);
    await using service = startServiceProcess({
      env: { PATH: `${dir}:${Deno.env.get("PATH")}`, REDIS_EMBEDDED_DIR: `${dir}/redis`, ...TOKENS },
      // Production's start no server.
      permissions: ["-A"],
    });
    await service.ready();
    assert.ok(await search.inProcesses(service.pid) >= 2, "the server is its child");
    service.signal("SIGTERM");
    assert.equal(await service.exited(), 0);
    search.inOutput(service);
    const seen = await search.inFolder(dir);
    for (const file of ["given", "redis/redis.log", "redis/appendonlydir/"]) {
      assert.ok(seen.some((path) => path.startsWith(`${dir}/${file}`)), `${file} is not among ${seen}`);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A program that writes down what it is given, and becomes the real one: Redis paints over both once it runs. */
async function standInFront(program: string, dir: string): Promise<void> {
  const paths = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/${program}`);
  const real = paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  assert.ok(real !== undefined, `${program} is on the PATH`);
  const script = `#!/bin/sh\n{ printf '%s\\n' "$@"; export -p; } > ${dir}/given\nexec ${real} "$@"\n`;
  await Deno.writeTextFile(`${dir}/${program}`, script, { mode: 0o755 });
}

Deno.test("payloads are in no log by default, whatever becomes of their events", async () => {
  // Short: what is quoted of a text is often only its beginning.
  const core = `cnry${crypto.randomUUID().slice(0, 6)}`;
  const own = new Search([core]);
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url, HANDLERS, API_TOKEN: api.core } });
  const url = await service.ready();
  const entries: string[][] = [
    ["type", "test.quiet", "data", `{"n":1,"secret":"${core}"}`],
    ["type", "test.quiet", "data", `{"n":"${core}"}`],
    ["type", "test.quiet", "data", `"${core}`],
    ["type", "test.quiet", "data", core],
    ["type", "test.quiet", "data", `{"a":${core}}`],
    ["type", "test.careless", "data", `{"n":"${core}"}`],
    ["type", "nobody.cares", "data", core],
    ["data", core],
  ];
  for (const fields of entries) await redis.command(["XADD", STREAM, "*", ...fields]);
  const headers = { authorization: `Bearer ${api.core}`, "content-type": "application/cloudevents+json" };
  for (const body of [core, `{"specversion":"1.0","id":"1","type":"","source":"/","data":"${core}"}`]) {
    const answer = await fetch(`${url}/events`, { method: "POST", headers, body });
    assert.equal(answer.status, 400);
    await answer.body?.cancel();
  }
  await waitFor(async () => await redis.command(["XLEN", `{${STREAM}}:${GROUP}:dlq`]) === 6, {
    what: "the dead letters",
  });
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0);
  own.inOutput(service);
});
