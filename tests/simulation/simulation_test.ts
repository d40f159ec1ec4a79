/**
 * Many short lives of the service under seeded faults. One seed: `SIM_SEED=123 deno test -A tests/simulation/`; more of
 * them: `SIM_SEEDS=10000`.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Outcome, simulate } from "./simulation.ts";

const SEEDS = Number(Deno.env.get("SIM_SEEDS") ?? 1_000);
const ONE = Deno.env.get("SIM_SEED");
const TAIL = 40;

function report({ seed, problems, trace }: Outcome): string {
  return [
    `seed ${seed} broke ${problems.length} promises:`,
    ...problems.map((problem) => `  ${problem}`),
    "the last lines of its trace:",
    ...trace.slice(-TAIL),
    `replay with: SIM_SEED=${seed} deno test -A tests/simulation/`,
  ].join("\n");
}

const digest = ({ trace }: Outcome): string => createHash("sha256").update(trace.join("\n")).digest("hex");

Deno.test("replicas under seeded faults lose nothing, do nothing twice, and come to rest", async () => {
  const seeds = ONE === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(ONE)];
  const failed: number[] = [];
  let first = "";
  for (const seed of seeds) {
    const outcome = await simulate(seed);
    assert.ok(ONE !== undefined || outcome.steps > 0);
    if (outcome.problems.length === 0) continue;
    failed.push(seed);
    if (first === "") first = report(outcome);
  }
  assert.equal(failed.length, 0, `${failed.length} of ${seeds.length} seeds failed: ${failed.slice(0, 20)}\n${first}`);
});

Deno.test("the same seed gives the same trace, byte for byte, and another seed another one", async () => {
  const digests = new Set<string>();
  for (const seed of [1, 2, 3, 4, 5]) {
    const once = digest(await simulate(seed));
    assert.equal(digest(await simulate(seed)), once);
    digests.add(once);
  }
  assert.equal(digests.size, 5);
});
