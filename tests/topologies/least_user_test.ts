/** The shipped Redis user: it may do what the service does, and nothing else. */
import assert from "node:assert/strict";
import { startProdProcess } from "../../testing/prod_flags.ts";
import { ACL_USER, aclLine } from "../../testing/redis_acl.ts";
import { startRedis } from "../../testing/redis_server.ts";
import { getJson } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { ask, cli, GROUP, settings, STREAM } from "../integration/admin_support.ts";

const ROOT = new URL("../../src/store/redis/", import.meta.url);

/** Asked for and done without where it is refused (`doctor`), or of another server than one of data. */
const NOT_GRANTED = new Set(["config|get", "sentinel|get-master-addr-by-name"]);
/** Redis 7.0 does not know it, and takes no line that names it; see docs/deployment.md. */
const NEWER = new Set(["waitaof"]);
/** Sent by node-redis itself. */
const BY_THE_CLIENT = ["client|setname"];
/** First words of lists that are no commands: an option, an error code, an example, families of commands. */
const NO_COMMANDS = new Set(["block", "econnrefused", "ping", "xinfo|xgroup"]);

Deno.test("the shipped line grants every command that the code names, and no other", async () => {
  const granted = [...aclLine([STREAM]).matchAll(/ \+(\S+)/g)].map(([, name]) => name!);
  assert.equal(new Set(granted).size, granted.length, "none twice");
  const used = new Set([...await commandsIn(ROOT), ...BY_THE_CLIENT]);
  const wanted = [...used].filter((name) => ![NOT_GRANTED, NEWER, NO_COMMANDS].some((set) => set.has(name)));
  assert.deepEqual(granted.toSorted(), wanted.toSorted());
});

Deno.test("every feature works as the shipped user, with the permissions of production", async () => {
  await using redis = await startRedis({ acl: true, config: { appendonly: "yes" } });
  await using _replica = await startRedis({ acl: true, config: { replicaof: `127.0.0.1 ${redis.port}` } });
  await waitFor(async () => (await redis.cli("INFO", "replication")).includes("state=online"), { timeoutMs: 15_000 });
  // What is left of the default user is for the tests' own hands; the service has none of it.
  const env = settings(redis.url, {
    PUBLISH_DURABILITY: "replica:1",
    DEDUP_WINDOW: "60000",
    TEST_EVENT_INTERVAL: "300",
    RETRY_BACKOFF: "50",
    MAX_DELIVERIES: "2",
    LEASE_MS: "1500",
    RETENTION_MAX_LEN: "5",
  });
  await using service = await startProdProcess({ env });
  const url = await service.ready();
  const publish = async (event: Record<string, unknown>, query = ""): Promise<Record<string, unknown>> => {
    const { status, body } = await getJson(`${url}/events${query}`, {
      method: "POST",
      headers: { "content-type": "application/cloudevents+json" },
      body: JSON.stringify({ specversion: "1.0", source: "t", ...event }),
    });
    assert.equal(status, 202, JSON.stringify(body));
    return (body["events"] as Record<string, unknown>[])[0]!;
  };
  assert.equal((await publish({ id: "1", type: "test.mended" }))["deduplicated"], false);
  assert.equal((await publish({ id: "1", type: "test.mended" }))["deduplicated"], true);
  assert.equal((await publish({ id: "late", type: "test.none" }, "?delay=200"))["entryId"], null);
  const letters = async (): Promise<readonly Record<string, unknown>[]> =>
    (await ask(url, "dead-letters")).body["items"] as Record<string, unknown>[];
  await waitFor(async () => (await letters()).length === 1, { what: "the letter" });
  const [letter] = await letters();
  assert.equal((await ask(url, `dead-letters/${letter!["id"]}/replay`, "POST")).status, 200);
  const types = async (): Promise<string> => (await redis.cli("XRANGE", STREAM, "-", "+"));
  await waitFor(async () => (await types()).includes("test.effect"), { what: "the replay's effect" });
  for (const path of ["overview", "schedules", "scaling", `events/${letter!["entryId"]}`, "events?limit=5"]) {
    assert.equal((await ask(url, path)).status, 200, path);
  }
  for (const verb of ["pause", "resume"]) assert.equal((await ask(url, `consumer/${verb}`, "POST")).status, 200, verb);
  assert.equal((await fetch(`${url}/metrics`).then((response) => response.text())).includes("stream_lag"), true);
  const doctor = await cli({ ...env, PUBLISH_DURABILITY: "memory" }, "doctor", "--json");
  assert.equal(doctor.code, 0, doctor.out);
  // A group that was destroyed is made again, and a dead consumer's place is cleared.
  await redis.command(["XGROUP", "DESTROY", STREAM, GROUP]);
  await service.record((record) => String(record["message"]).includes("made again"), "the group to be back");
  await waitFor(async () => Number(await redis.command(["XLEN", STREAM])) <= 7, {
    timeoutMs: 15_000,
    what: "trimming to the retention",
  });
  const denied = (await redis.command(["ACL", "LOG"]) as (string | number)[][]).map((row) => row[7]);
  assert.deepEqual(denied.filter((name) => name !== "config|get"), [], "nothing was denied to it");
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0);
  await redis.command(["ACL", "SETUSER", ACL_USER, "off"]);
});

Deno.test("a publish that is not permitted turns ready to 503 with that cause, until it is", async () => {
  await using redis = await startRedis({ acl: true });
  await using service = await startProdProcess({ env: { REDIS_URL: redis.url, RETRY_DELAYS: "200" } });
  const url = await service.ready();
  const trigger = async (): Promise<number> => (await getJson(`${url}/trigger-test-event`, { method: "POST" })).status;
  await redis.command(["ACL", "SETUSER", ACL_USER, "-xadd"]);
  assert.equal(await trigger(), 503);
  assert.equal((await getJson(`${url}/health/ready`)).body["reason"], "permission");
  await redis.command(["ACL", "SETUSER", ACL_USER, "+xadd"]);
  await waitFor(async () => (await getJson(`${url}/health/ready`)).status === 200, { timeoutMs: 3_300, what: "ready" });
  assert.equal(await trigger(), 200);
});

Deno.test("what is only asked is not needed: without INFO, CLIENT, ACL and transactions events flow all the same", async () => {
  await using redis = await startRedis({ acl: true });
  const without = [
    "info",
    "client|id",
    "client|setname",
    "client|unblock",
    "acl|whoami",
    "acl|dryrun",
    "multi",
    "watch",
  ];
  await redis.command(["ACL", "SETUSER", ACL_USER, ...without.map((name) => `-${name}`)]);
  await using service = await startProdProcess({ env: { REDIS_URL: redis.url } });
  const url = await service.ready();
  const { body } = await getJson(`${url}/trigger-test-event`, { method: "POST" });
  await service.record((record) => record["eventId"] === body["eventId"], "the handler's line", 5_000);
  await waitFor(async () => (await redis.command(["XPENDING", STREAM, GROUP]) as unknown[])[0] === 0, {
    what: "the acknowledgement",
  });
  const startedAt = performance.now();
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0);
  assert.ok(performance.now() - startedAt < 6_000, "a read that cannot be ended ends with its own time");
});

/** Commands that scripts call, and that the code sends: upper-case words where a command or a call begins. */
async function commandsIn(folder: URL): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const families = new Set(["XINFO", "XGROUP", "CLIENT", "CLUSTER", "ACL", "CONFIG", "SENTINEL"]);
  const note = (first: string, second: string | undefined): void => {
    const family = families.has(first);
    if (family && second === undefined) return;
    found.add((family ? `${first}|${second}` : first).toLowerCase());
  };
  for await (const { path, text } of sources(folder)) {
    const calls = path.endsWith(".lua")
      ? text.matchAll(/(?:call|tolerant)\('([A-Z]+)'(?:, *'([A-Z]+)')?/g)
      : text.matchAll(/\[\s*"([A-Z]{3,})"(?:,\s*"([A-Za-z-]+)")?/g);
    for (const [, first, second] of calls) note(first!, second);
  }
  return found;
}

async function* sources(folder: URL): AsyncGenerator<{ path: string; text: string }> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && name !== "embedded") yield* sources(new URL(`${name}/`, folder));
    else if (/\.(lua|ts)$/.test(name) && !/_test\.ts$|^test_/.test(name)) {
      yield { path: name, text: await Deno.readTextFile(new URL(name, folder)) };
    }
  }
}
