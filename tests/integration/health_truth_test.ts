/** Readiness tells the truth about whether Redis is usable for our work, within the contract's bounds. */
import assert from "node:assert/strict";
import { CommandMonitor } from "../../testing/command_monitor.ts";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { getJson, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

/** Contract: not ready within 5 s of Redis being unusable, ready within 3 s of it being usable. A little for the poll. */
const TO_503_MS = 5_200;
const TO_200_MS = 3_300;
/** So long Redis is watched without probes, and as long with them. */
const WINDOW_MS = 3_000;
/** Contract: every probe in under 500 ms; this machine may be busy with other tests. */
const PROBE_MS = 500;

interface Fault {
  readonly name: string;
  readonly config?: Record<string, string>;
  readonly hurt: (redis: TestRedis) => Promise<unknown>;
  readonly heal: (redis: TestRedis) => Promise<unknown>;
  /** One of these is the reason that readiness gives. */
  readonly reasons: readonly string[];
}

const FAULTS: readonly Fault[] = [
  { name: "killed", hurt: (r) => r.kill9(), heal: (r) => r.restart(), reasons: ["connection"] },
  {
    name: "stopped (SIGSTOP)",
    hurt: (r) => Promise.resolve(r.stop()),
    heal: (r) => Promise.resolve(r.cont()),
    reasons: ["timeout", "connection"],
  },
  {
    name: "a read-only replica",
    hurt: (r) => r.command(["REPLICAOF", "127.0.0.1", "1"]),
    heal: (r) => r.command(["REPLICAOF", "NO", "ONE"]),
    reasons: ["readonly", "connection"],
  },
  {
    name: "out of memory",
    hurt: (r) => r.command(["CONFIG", "SET", "maxmemory", "1mb"]),
    heal: (r) => r.command(["CONFIG", "SET", "maxmemory", "0"]),
    reasons: ["out_of_memory"],
  },
  {
    name: "refusing clients",
    hurt: async (r) => {
      await r.command(["CONFIG", "SET", "maxclients", "1"]);
      await r.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    },
    heal: (r) => r.command(["CONFIG", "SET", "maxclients", "1000"]),
    reasons: ["max_clients", "connection"],
  },
  {
    name: "too few replicas",
    hurt: (r) => r.command(["CONFIG", "SET", "min-replicas-to-write", "1"]),
    heal: (r) => r.command(["CONFIG", "SET", "min-replicas-to-write", "0"]),
    reasons: ["no_replicas"],
  },
  {
    name: "pausing writes",
    hurt: (r) => r.command(["CLIENT", "PAUSE", "60000", "WRITE"]),
    heal: (r) => r.command(["CLIENT", "UNPAUSE"]),
    reasons: ["timeout", "connection"],
  },
  {
    name: "without permission to read the stream",
    hurt: (r) => r.command(["ACL", "SETUSER", r.user, "-xreadgroup"]),
    heal: (r) => r.command(["ACL", "SETUSER", r.user, "+xreadgroup"]),
    reasons: ["permission"],
  },
  {
    name: "without permission to append",
    hurt: (r) => r.command(["ACL", "SETUSER", r.user, "-xadd"]),
    heal: (r) => r.command(["ACL", "SETUSER", r.user, "+xadd"]),
    reasons: ["permission"],
  },
  {
    name: "with a stream key of another type",
    hurt: (r) => r.command(["SET", "event-stream", "x"]),
    heal: (r) => r.command(["DEL", "event-stream"]),
    reasons: ["wrong_type"],
  },
];

for (const fault of FAULTS) {
  Deno.test(`ready tells the truth while Redis is ${fault.name}`, async () => {
    await using redis = await startRedis(fault.config ? { config: fault.config } : {});
    await using service = startServiceProcess({ env: { REDIS_URL: redis.url, RETRY_DELAYS: "200" } });
    const url = await service.ready();
    let slowest = 0;
    let dead = 0;
    const probing = new AbortController();
    const probes = (async () => {
      while (!probing.signal.aborted) {
        const startedAt = performance.now();
        if (!await status(`${url}/health/live`, 200)) dead++;
        slowest = Math.max(slowest, performance.now() - startedAt);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    try {
      await fault.hurt(redis);
      await waitFor(() => status(`${url}/health/ready`, 503), {
        timeoutMs: TO_503_MS,
        what: "503 while it is unusable",
      });
      const { body } = await getJson(`${url}/health/ready`);
      assert.ok(fault.reasons.includes(String(body["reason"])), `reason ${body["reason"]}`);
      const health = await getJson(`${url}/health`);
      assert.equal(health.status, 503);
      assert.equal(health.body["status"], "unhealthy");
      const startedAt = performance.now();
      assert.equal((await getJson(`${url}/trigger-test-event`, { method: "POST" })).status, 503);
      assert.ok(performance.now() - startedAt < 500, "the trigger fails fast");
      await fault.heal(redis);
      await waitFor(() => status(`${url}/health/ready`, 200), { timeoutMs: TO_200_MS, what: "200 once it is usable" });
      const { body: receipt } = await getJson(`${url}/trigger-test-event`, { method: "POST" });
      await service.record((r) => r["eventId"] === receipt["eventId"], "events to flow again", TO_200_MS);
    } finally {
      probing.abort();
      await probes;
    }
    assert.equal(dead, 0, "live stayed 200");
    assert.ok(slowest < PROBE_MS, `slowest probe ${Math.round(slowest)} ms`);
  });
}

Deno.test("probes by the thousand cost Redis nothing", async () => {
  await using redis = await startRedis();
  await using service = startServiceProcess({ env: { REDIS_URL: redis.url } });
  const url = await service.ready();
  using monitor = await CommandMonitor.open(redis.port);
  let asked = 0;
  const spent = async (work: () => Promise<unknown>): Promise<number> => {
    const before = monitor.total;
    await work();
    return monitor.total - before;
  };
  const idle = await spent(() => new Promise((resolve) => setTimeout(resolve, WINDOW_MS)));
  const probed = await spent(async () => {
    for (const startedAt = performance.now(); performance.now() - startedAt < WINDOW_MS;) {
      const paths = Array.from({ length: 50 }, (_, n) => n % 2 ? "/health" : "/health/ready");
      asked += (await Promise.all(paths.map((path) => status(url + path, 200)))).length;
    }
  });
  assert.ok(asked > 1_000, `${asked} probes`);
  // The beat of a second may bring three commands, and windows of one length hold one beat more or less.
  const most = idle + 2 * WINDOW_MS / 1_000 + 3;
  assert.ok(probed <= most, `${idle} commands when idle, ${probed} under ${asked} probes`);
});
