/**
 * Restarts containers of the service one after the other under a keep-alive load, behind a balancer of our own.
 * Exit code 0: no request failed, and no event was lost or handled twice. Part of `verify.sh`.
 *
 * `deno run --allow-net=127.0.0.1 --allow-run=docker deploy/docker/rolling_restart.ts REDIS_CONTAINER CONTAINER…`
 * @module
 */
import { startBalancer } from "../../testing/balancer.ts";
import { type KeepAliveLoad, startLoad } from "../../testing/keep_alive_load.ts";
import { waitFor } from "../../testing/wait.ts";

const [redis = "", ...containers] = Deno.args;
const BOUND = { timeoutMs: 60_000 };

async function docker(...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("docker", { args: [...args] }).output();
  if (!success) throw new Error(`docker ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The port of this machine behind which a container listens. */
async function portOf(container: string): Promise<number> {
  const [line = ""] = (await docker("port", container, "8000/tcp")).split("\n");
  return Number(line.slice(line.lastIndexOf(":") + 1));
}

async function moreOf(load: KeepAliveLoad): Promise<void> {
  const before = load.accepted.length;
  await waitFor(() => load.accepted.length >= before + 300, { ...BOUND, what: "300 more events" });
}

async function idsOf(type: string): Promise<string[]> {
  const text = await docker("exec", redis, "redis-cli", "--json", "XRANGE", "event-stream", "-", "+");
  return (JSON.parse(text) as readonly (readonly [string, readonly string[]])[]).flatMap(([, fields]) => {
    const value = (name: string): string => fields[fields.findIndex((text, i) => i % 2 === 0 && text === name) + 1]!;
    return value("type") === type ? [value("id")] : [];
  });
}

function same(what: string, found: readonly string[], wanted: readonly string[]): void {
  const differ = [...found].sort().join() !== [...wanted].sort().join();
  if (differ) {
    throw new Error(`${what}: ${found.length} found, ${new Set(found).size} different, ${wanted.length} wanted`);
  }
}

const ports = await Promise.all(containers.map(portOf));
await using balancer = startBalancer({ backends: ports });
await waitFor(() => balancer.ready.size === ports.length, { ...BOUND, what: "all replicas to be in" });
const load = startLoad({ port: balancer.port, type: "roll.placed" });
await moreOf(load);
for (const [i, container] of containers.entries()) {
  await docker("stop", "-t", "30", container);
  await docker("start", container);
  if (await portOf(container) !== ports[i]) throw new Error(`${container} came back on another port`);
  await waitFor(() => balancer.ready.size === ports.length, { ...BOUND, what: "the new replica to be in" });
  await moreOf(load);
}
await load.stop();
if (load.failures.length > 0) throw new Error(`${load.failures.length} requests failed: ${load.failures.slice(0, 5)}`);
same("published", await idsOf("roll.placed"), load.accepted);
const wanted = load.accepted.map((id) => `done-${id}`);
await waitFor(async () => (await idsOf("roll.done")).length >= wanted.length, { ...BOUND, everyMs: 250 });
same("effects", await idsOf("roll.done"), wanted);
const line =
  `ok    ${load.accepted.length} requests over ${load.connections} connections: 0 failed, 0 lost, 0 repeated\n`;
Deno.stdout.writeSync(new TextEncoder().encode(line));
