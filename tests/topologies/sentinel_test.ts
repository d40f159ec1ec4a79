/** Failovers with Sentinel while about 1,000 events a second flow through two real services. */
import { type SentinelTopology, startSentinel } from "../../testing/redis_sentinel.ts";
import { type Failover, LONG, survive } from "./support_load.ts";

const FAILOVERS: readonly (Failover<SentinelTopology> & { readonly long?: boolean })[] = [
  { name: "the primary is killed", strike: (_, primary) => primary.kill9(), safe: false, long: true },
  {
    name: "the primary is killed, and publishing waits for a replica",
    env: { PUBLISH_DURABILITY: "replica:1" },
    strike: (_, primary) => primary.kill9(),
    safe: true,
  },
  {
    name: "the primary hangs, and publishing waits for a replica",
    env: { PUBLISH_DURABILITY: "replica:1" },
    strike: (_, primary) => Promise.resolve(primary.stop()),
    safe: true,
    long: true,
  },
  { name: "an operator asks for it", strike: (topology) => topology.failover(), safe: false },
  {
    // One replica is not enough here: the old primary goes on for a while, with the other replica still behind it.
    name: "an operator asks for it, and publishing waits for every replica",
    env: { PUBLISH_DURABILITY: "replica:2" },
    strike: (topology) => topology.failover(),
    safe: true,
    long: true,
  },
];

for (const failover of FAILOVERS) {
  Deno.test({
    name: `sentinel: ${failover.name}: events flow within 3 s of the election, and what is lost is named`,
    ignore: failover.long === true && !LONG,
    fn: () => survive(() => startSentinel(), failover),
  });
}
