/** Changes of owner in a cluster while about 1,000 events a second flow through two real services. */
import assert from "node:assert/strict";
import { slotOf } from "../../src/store/redis/connection/slot.ts";
import { type ClusterTopology, startCluster } from "../../testing/redis_cluster.ts";
import { status } from "../../testing/service_process.ts";
import { commandOn } from "../../testing/topology.ts";
import { waitFor } from "../../testing/wait.ts";
import {
  atRest,
  type Failover,
  GROUP,
  Load,
  LONG,
  namedAtLeast,
  reckon,
  remainsOf,
  show,
  startServices,
  STREAM,
  survive,
} from "./support_load.ts";

const FAILOVERS: readonly (Failover<ClusterTopology> & { readonly long?: boolean })[] = [
  { name: "the owner is killed", strike: (_, primary) => primary.kill9(), safe: false },
  {
    name: "the owner hangs, and publishing waits for its replica",
    env: { PUBLISH_DURABILITY: "replica:1" },
    strike: (_, primary) => Promise.resolve(primary.stop()),
    safe: true,
    long: true,
  },
  // The old owner stops taking writes before the replica takes over: this one loses nothing by itself.
  { name: "an operator asks for it", strike: (topology) => topology.failover(STREAM), safe: true, long: true },
];

for (const failover of FAILOVERS) {
  Deno.test({
    name: `cluster: ${failover.name}: events flow within 3 s of the election, and what is lost is named`,
    ignore: failover.long === true && !LONG,
    fn: () => survive(() => startCluster(), failover),
  });
}

Deno.test("cluster: a slot moves to and fro under load, key by key: nothing is lost, doubled or made up", async () => {
  await using topology = await startCluster();
  await using stack = new AsyncDisposableStack();
  const services = await startServices(stack, topology, 2);
  const load = new Load(services[0]!.url);
  try {
    await load.flows(600);
    for (let move = 0; move < (LONG ? 12 : 3); move++) {
      // Held between two keys, so that both nodes have a part of them while events come in.
      await topology.migrate(STREAM, (moved) => moved <= 4 ? pause(150) : Promise.resolve());
      const movedAt = Date.now();
      for (const { url } of services) {
        await waitFor(() => status(`${url}/health/ready`, 200), { timeoutMs: 3_300, what: "ready after the move" });
      }
      await load.flows(200);
      show("moved", { move, flowsAfterMs: Date.now() - movedAt });
    }
    await load.stop();
    const reckoning = await reckon(topology, services, load);
    show("a slot moves", reckoning);
    assert.equal(reckoning.lost, 0);
    assert.deepEqual(reckoning.named["rolled_back"] ?? 0, 0);
  } finally {
    await load.stop();
  }
});

Deno.test("cluster: streams on three nodes, each with effects to the first: each effect appears once, there", async () => {
  const streams = [STREAM, ...othersThan(STREAM)];
  await using topology = await startCluster();
  await using stack = new AsyncDisposableStack();
  // A service is killed here: what it held alone has used up a budget of one.
  const env = { STREAM: streams.join(","), LEASE_MS: "2000", MAX_DELIVERIES: "3" };
  const services = await startServices(stack, topology, 2, env);
  const owners = await Promise.all(streams.map((stream) => topology.owner(stream)));
  assert.equal(new Set(owners).size, 3, "a node for each stream");
  const count = 200;
  const add = async (stream: string, from: number, type: string): Promise<void> => {
    for (let n = from; n < from + count; n++) {
      const fields = ["id", `e-${stream}-${n}`, "type", type, "source", "t"];
      await commandOn(topology, stream, ["XADD", stream, "*", ...fields]);
    }
  };
  await Promise.all(streams.map((stream) => add(stream, 0, "load.item")));
  // Somebody who may be relaying dies, and what it saw with it.
  services[1]!.process.signal("SIGKILL");
  await services[1]!.process.exited();
  await atRest(topology, streams);
  // The node of the effects goes away: the others go on, and their effects wait.
  const [first] = owners;
  await first!.kill9();
  await Promise.all(streams.slice(1).map((stream) => add(stream, count, "load.item")));
  await waitFor(async () => await topology.ownerNow(STREAM) !== null, { timeoutMs: 15_000, what: "a new owner" });
  await atRest(topology, streams);
  const { effects } = await remainsOf(topology);
  const wrong = [...effects].filter(([, times]) => times !== 1);
  assert.deepEqual(wrong, []);
  const wanted = streams.flatMap((stream, index) =>
    Array.from({ length: index === 0 ? count : 2 * count }, (_, n) => `e-${stream}-${n}`)
  );
  const missing = wanted.filter((id) => !effects.has(id));
  const named = await namedAtLeast(services.slice(0, 1), missing.length);
  show("streams on three nodes", { missing, named });
  for (const stream of streams) {
    assert.equal(await commandOn(topology, stream, ["XLEN", `{${stream}}:${GROUP}:dlq`]), 0, stream);
  }
});

/** Two names whose slots are in other thirds than this one's. */
function othersThan(stream: string): readonly string[] {
  const third = (name: string): number => Math.floor(slotOf(name) / 5_462);
  const found = new Map([[third(stream), stream]]);
  for (let n = 0; found.size < 3; n++) {
    if (!found.has(third(`orders-${n}`))) found.set(third(`orders-${n}`), `orders-${n}`);
  }
  return [...found.values()].filter((name) => name !== stream);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
