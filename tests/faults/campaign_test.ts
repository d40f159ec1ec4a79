/**
 * A small fault campaign against the real service, the real Redis and real signals. The full one is
 * `deno task test:faults`.
 */
import assert from "node:assert/strict";
import { passed, runCampaign } from "./campaign/campaign.ts";
import { reportOf } from "./campaign/report.ts";

/** Fixed, so that every run strikes alike; `FAULT_SEED` tries another. */
const SEED = Number(Deno.env.get("FAULT_SEED") || 20_250_628);

Deno.test("2 replicas, 3,000 events, 7 broker and 8 worker faults: nothing lost, doubled, made up or left over", async () => {
  const result = await runCampaign({ seed: SEED, events: 3_000, replicas: 2, brokerFaults: 7, workerFaults: 8 });
  assert.ok(passed(result), reportOf(result));
});
