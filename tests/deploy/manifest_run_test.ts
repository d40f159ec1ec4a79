/** The service as the manifests run it: their settings, their permissions, their mounted Secret, their probes. */
import assert from "node:assert/strict";
import { startRedis } from "../../testing/redis_server.ts";
import { getJson, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { flagsOf, permissionsFor } from "../../tools/permissions.ts";
import { valueAt } from "./kustomize.ts";
import { NAME, Rendered } from "./rendered.ts";

const [OLD, NEW] = ["first-password", "second-password"];
const TOKENS = { API_TOKEN: "token-of-the-api-x", ADMIN_TOKEN: "token-of-the-admin" };

/**
 * A Secret as the kubelet mounts it: files are links through `..data`, and a change is a new folder and one rename.
 * @returns Writes the next content.
 */
function mountedSecret(dir: string): (password: string) => Promise<void> {
  let version = 0;
  return async (password) => {
    const folder = `..2026_11_23_${++version}`;
    await Deno.mkdir(`${dir}/${folder}`);
    await Deno.writeTextFile(`${dir}/${folder}/redis-password`, password);
    await Deno.symlink(folder, `${dir}/..data_tmp`);
    await Deno.rename(`${dir}/..data_tmp`, `${dir}/..data`);
    if (version === 1) await Deno.symlink("..data/redis-password", `${dir}/redis-password`);
  };
}

Deno.test("with the manifests' settings and least permissions every probe, scrape and scaler finds its path", async () => {
  const rendered = await Rendered.of("overlays/production");
  await using redis = await startRedis({ config: { requirepass: OLD } });
  const dir = await Deno.makeTempDir();
  const mount = mountedSecret(dir);
  await mount(OLD);
  const { REDIS_TLS_ENABLED: _, REDIS_TLS_CA_FILE: __, ...settings } = rendered.settings;
  const env = {
    ...settings,
    ...TOKENS,
    // What a pod has and this machine has not.
    HOST: "127.0.0.1",
    SERVICE_PORT: "0",
    REDIS_HOST: "127.0.0.1",
    REDIS_PORT: String(redis.port),
    REDIS_PW_FILE: `${dir}/redis-password`,
    SHUTDOWN_DELAY: "0",
    RETRY_DELAYS: "200",
  };
  const permissions = flagsOf(await permissionsFor({ env, mayEmbed: false, handlersNeed: null }), assert.fail);
  await using service = startServiceProcess({ env, permissions });
  const url = await service.ready();

  const { startupProbe, livenessProbe, readinessProbe } = rendered.container;
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    assert.ok(await status(`${url}${probe!.httpGet.path}`, 200), probe!.httpGet.path);
  }
  assert.ok(await status(url + valueAt(rendered.named("ServiceMonitor"), ["spec", "endpoints", "0", "path"]), 200));

  // As KEDA asks: a number, for the token alone.
  const trigger = rendered.get<Record<string, string>>("ScaledObject", "spec", "triggers", "0", "metadata");
  const path = new URL(trigger["url"]!).pathname;
  const headers = { authorization: `Bearer ${TOKENS.ADMIN_TOKEN}` };
  const { body } = await getJson(url + path, { headers });
  assert.equal(typeof body[trigger["valueLocation"]!], "number");
  assert.equal((await getJson(url + path)).status, 401);

  // Rotation: the file first, then Redis, which drops who is logged in with the old one.
  await mount(NEW);
  await redis.command(["CONFIG", "SET", "requirepass", NEW]);
  await redis.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
  const event = { specversion: "1.0", id: "after", type: "test.manual", source: NAME };
  await waitFor(async () => {
    const { status } = await getJson(`${url}/events`, {
      method: "POST",
      headers: { "content-type": "application/cloudevents+json", authorization: `Bearer ${TOKENS.API_TOKEN}` },
      body: JSON.stringify(event),
    });
    return status === 202;
  }, { timeoutMs: 15_000, what: "publishing with the new password" });
  await service.record((line) => line["eventId"] === "after", "the event to be handled");
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0, service.output.slice(-2_000));
  await Deno.remove(dir, { recursive: true });
});
