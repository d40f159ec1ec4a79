/** Failovers with Sentinel while about 1,000 events a second flow through two real services. */
import assert from "node:assert/strict";
import { startSentinel } from "../../testing/redis_sentinel.ts";
import type { TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { status } from "../../testing/service_process.ts";
import { elected, Load, reckon, remainsOf, startServices } from "./support_load.ts";

/** CONTRACT: the group goes on within 3 s of the election. A little for the poll of what is measured. */
const FLOW_MS = 3_300;

interface Failover {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly strike: (topology: Awaited<ReturnType<typeof startSentinel>>, primary: TestRedis) => Promise<unknown>;
  /** Nothing that was confirmed may be lost. */
  readonly safe: boolean;
}

const FAILOVERS: readonly Failover[] = [
  { name: "the primary is killed", strike: (_, primary) => primary.kill9(), safe: false },
  {
    name: "the primary hangs, and publishing waits for a replica",
    env: { PUBLISH_DURABILITY: "replica:1" },
    strike: (_, primary) => Promise.resolve(primary.stop()),
    safe: true,
  },
  { name: "an operator asks for it", strike: (topology) => topology.failover(), safe: false },
  {
    name: "an operator asks for it, and publishing waits for every replica",
    env: { PUBLISH_DURABILITY: "replica:2" },
    strike: (topology) => topology.failover(),
    safe: true,
  },
];

for (const { name, env = {}, strike, safe } of FAILOVERS) {
  Deno.test(`sentinel: ${name}: events flow within 3 s of the election, and what is lost is named`, async () => {
    await using topology = await startSentinel();
    await using stack = new AsyncDisposableStack();
    const services = await startServices(stack, topology, 2, env);
    const old = await topology.owner();
    const load = new Load(services[0]!.url);
    try {
      await load.flows(1_000);
      await strike(topology, old);
      const { at } = await elected(topology, old);
      for (const { url } of services) {
        await waitFor(() => status(`${url}/health/ready`, 200), {
          timeoutMs: FLOW_MS,
          what: "ready after the election",
        });
      }
      await load.flows(1_000);
      await load.stop();
      const reckoning = await reckon(topology, services, load);
      const { effectTimes } = await remainsOf(topology);
      const first = effectTimes.find((time) => time > at) ?? Infinity;
      assert.ok(first - at <= FLOW_MS, `the first effect after the election came after ${first - at} ms`);
      if (Deno.env.get("TOPOLOGY_SHOW")) {
        Deno.stderr.writeSync(new TextEncoder().encode(`${Deno.inspect({ ...reckoning, flowMs: first - at })}\n`));
      }
      if (safe) assert.equal(reckoning.lost, 0, "replica:1 loses nothing that was confirmed");
    } finally {
      await load.stop();
      old.cont();
    }
  });
}
