/** The seeded generators: what they promise for every seed and size. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type CampaignSize, payloadOf, planOf, type Round, scheduleOf } from "./campaign/plan.ts";

const sizes = fc.record({
  events: fc.constant(0),
  replicas: fc.integer({ min: 2, max: 6 }),
  brokerFaults: fc.integer({ min: 0, max: 80 }),
  workerFaults: fc.integer({ min: 0, max: 120 }),
});
const seeds = fc.integer({ min: 0, max: 0xffffffff });

function forEverySchedule(check: (rounds: readonly Round[], size: CampaignSize) => void): void {
  fc.assert(fc.property(seeds, sizes, (seed, size) => check(scheduleOf(seed, size), size)), { numRuns: 300 });
}

Deno.test("a schedule has exactly as many faults as were asked for, and no empty round", () => {
  forEverySchedule((rounds, { brokerFaults, workerFaults }) => {
    assert.equal(rounds.filter((round) => round.broker !== null).length, brokerFaults);
    assert.equal(rounds.reduce((sum, round) => sum + round.workers.length, 0), workerFaults);
    assert.ok(rounds.every(({ broker, workers }) => broker !== null || workers.length > 0));
  });
});

Deno.test("no round strikes a replica twice, one that is not there, or all of them", () => {
  forEverySchedule((rounds, { replicas }) => {
    for (const { broker, workers } of rounds) {
      const struck = workers.map((fault) => fault.replica);
      assert.equal(new Set(struck).size, struck.length);
      assert.ok(struck.length < replicas);
      const linked = broker !== null && "replicas" in broker ? broker.replicas : [0];
      assert.equal(new Set(linked).size, linked.length);
      assert.ok(linked.length > 0 && [...struck, ...linked].every((index) => index >= 0 && index < replicas));
    }
  });
});

Deno.test("every kind of fault occurs where there are enough of them", () => {
  forEverySchedule((rounds, { brokerFaults, workerFaults }) => {
    const brokers = new Set(rounds.flatMap(({ broker }) => broker === null ? [] : [broker.kind]));
    const workers = new Set(rounds.flatMap((round) => round.workers.map((fault) => fault.kind)));
    if (brokerFaults >= 10) assert.equal(brokers.size, 7);
    if (workerFaults >= 4) assert.equal(workers.size, 3);
  });
});

Deno.test("the same seed gives the same schedule, another one another", () => {
  const size = { events: 0, replicas: 4, brokerFaults: 60, workerFaults: 100 };
  fc.assert(fc.property(seeds, seeds, (one, other) => {
    assert.deepEqual(scheduleOf(one, size), scheduleOf(one, size));
    if (one !== other) assert.notDeepEqual(scheduleOf(one, size), scheduleOf(other, size));
  }));
});

Deno.test("an id alone says what its event does and holds", () => {
  fc.assert(fc.property(fc.string(), (id) => {
    const plan = planOf(id);
    assert.deepEqual(planOf(id), plan);
    assert.deepEqual(payloadOf(id), payloadOf(id));
    assert.equal(plan.effects > 0, plan.end === "effects");
    assert.ok(plan.end === "effects" || plan.failures === 0);
  }));
});

Deno.test("a JSON body survives parsing and printing, so that a handler can tell whether it is whole", () => {
  const ids = Array.from({ length: 200 }, (_, index) => `e${index}`).filter((id) => !planOf(id).binary);
  for (const id of ids) {
    const text = new TextDecoder().decode(payloadOf(id));
    assert.equal(JSON.stringify(JSON.parse(text)), text);
  }
});
