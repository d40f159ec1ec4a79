import assert from "node:assert/strict";
import { publish, readNow } from "../../testing/conformance/steps.ts";
import { bury, type CoreFixture, coreFixture } from "./fixtures_test.ts";
import { Happenings } from "../happenings.ts";
import { LiveHub, type LiveMessage } from "./live.ts";
import { Watch } from "./watch.ts";

interface Watched extends CoreFixture {
  readonly watch: Watch;
  readonly happenings: Happenings;
  readonly live: LiveHub;
  problem: string | null;
}

async function watched(): Promise<Watched> {
  const made = await coreFixture();
  const happenings = new Happenings();
  const live = new LiveHub({ happenings, clock: made.clock });
  const world: Watched = { ...made, happenings, live, problem: null, watch: null as unknown as Watch };
  const watch = new Watch({
    ...{ clock: made.clock, happenings, live, core: () => made.core },
    service: { name: "shop", version: "1.2.3" },
    problem: () => world.problem,
    warnings: () => ["lag_growing:orders"],
  });
  return Object.assign(world, { watch });
}

Deno.test("watch: whoever asks gets fresh figures, rates and a state; nobody else asks Redis", async () => {
  const { watch, stores: [store], broker, clock } = await watched();
  await bury(store!, "t");
  const now = await watch.now();
  assert.deepEqual([now.state.name, now.totals.deadLetters, now.warnings], ["flowing", 1, ["lag_growing:orders"]]);
  assert.deepEqual([now.streams[0]?.consumerCount, now.rates.in], [1, null]);
  assert.ok(!("consumers" in now.streams[0]!));
  await clock.advance(10_000);
  await publish(store!, 50);
  const later = await watch.now();
  assert.deepEqual([later.rates.in, later.rates.out, later.totals.lag], [5, 0, 50]);
  broker.offline(true);
  await clock.advance(60_000);
  assert.equal((await watch.now()).state.name, "down", "only now it asks, and nobody answers");
  broker.offline(false);
  await clock.advance(60_000);
  assert.notEqual((await watch.now()).state.name, "down");
  watch.dispose();
});

Deno.test("watch: stuck after half a minute without progress, and since when; flowing after the next step", async () => {
  const { watch, stores: [store], happenings, clock } = await watched();
  await publish(store!, 3);
  await readNow(store!, "a", 1);
  assert.equal((await watch.now()).state.name, "flowing");
  await clock.advance(20_000);
  assert.equal((await watch.now()).state.name, "flowing");
  await clock.advance(12_000);
  const { state } = await watch.now();
  assert.equal(state.name, "stuck");
  await clock.advance(60_000);
  assert.equal((await watch.now()).state.since, state.since);
  happenings.emit({
    kind: "settled",
    stream: "orders",
    group: "g",
    type: "t",
    outcome: "processed",
    count: 1,
    refs: [],
  });
  assert.equal((await watch.now()).state.name, "flowing");
  watch.dispose();
});

Deno.test("watch: who watches live is told every two seconds, also that the service is not ready; at the end it ends", async () => {
  const world = await watched();
  const { live, clock, happenings, core } = world;
  const told: LiveMessage[] = [];
  live.watch({ onMessage: (message) => told.push(message), onEnd: () => {} });
  await clock.advance(2_000);
  const nows = (): readonly Record<string, { name?: string }>[] =>
    told.filter(({ kind }) => kind === "now").map(({ data }) => data as never);
  assert.equal(nows().length, 1);
  assert.equal(nows()[0]?.["state"]?.name, "flowing");
  await core.setPaused(true);
  happenings.emit({ kind: "paused", stream: "orders", paused: true });
  await clock.advance(2_000);
  assert.equal(nows().at(-1)?.["state"]?.name, "paused");
  world.problem = "out_of_memory";
  await clock.advance(2_000);
  assert.equal(nows().at(-1)?.["state"]?.name, "down");
  happenings.emit({ kind: "lifecycle", state: "draining" });
  assert.equal(clock.pending, 0);
});
