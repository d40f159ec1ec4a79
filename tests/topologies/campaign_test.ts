/**
 * A small fault campaign on each topology, with the checker of `tests/faults`: nothing lost but what a failover took and the
 * service names, nothing doubled or made up. `TOPOLOGY_LONG=1` makes it ten times as long, `FAULT_SEED` another one.
 */
import assert from "node:assert/strict";
import type { TopologyKind } from "../../testing/topology.ts";
import { passed, runCampaign } from "../faults/campaign/campaign.ts";
import { reportOf } from "../faults/campaign/report.ts";
import { LONG, show } from "./support_load.ts";

const SEED = Number(Deno.env.get("FAULT_SEED") || 20_250_628);

const SIZES: Readonly<Record<Exclude<TopologyKind, "single">, { events: number; broker: number; worker: number }>> = {
  tls: { events: 800, broker: 3, worker: 2 },
  sentinel: { events: 800, broker: 2, worker: 1 },
  cluster: { events: 800, broker: 3, worker: 1 },
};

for (const [topology, { events, broker, worker }] of Object.entries(SIZES)) {
  const times = LONG ? 10 : 1;
  const name = `${topology}: ${events * times} events, ${broker * times} broker and ${worker * times} worker faults`;
  Deno.test(`${name}: nothing doubled, made up or left over, and what is lost is named`, async () => {
    const result = await runCampaign({
      seed: SEED,
      topology: topology as TopologyKind,
      events: events * times,
      replicas: 2,
      brokerFaults: broker * times,
      workerFaults: worker * times,
      ...(LONG ? { say: (line: string) => show(topology, line) } : {}),
    });
    show(topology, reportOf(result));
    assert.ok(passed(result), reportOf(result));
  });
}
