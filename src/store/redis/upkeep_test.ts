import assert from "node:assert/strict";
import {
  at,
  done,
  hold,
  holdOne,
  item,
  park,
  PLENTY,
  publish,
  readNow,
  replica,
  settle,
} from "../../../testing/conformance/steps.ts";
import { openHarness, type RedisHarness, rows } from "./test_harness.ts";

const PRE = "{events}:g:";

function test(name: string, run: (harness: RedisHarness) => Promise<void>): void {
  Deno.test(`redis store: ${name}`, async () => {
    await using harness = await openHarness();
    await run(harness);
  });
}

test("a record left over from before the group was made anew is swept", async (harness) => {
  const store = await replica(harness, "a");
  const { ref } = await holdOne(store, "a");
  await settle(store, "a", park(ref));
  await store.claimDue("a", 10);
  await harness.destroyGroup();
  await store.ensureGroup();
  await store.audit();
  assert.equal(await harness.redis.command(["HLEN", `${PRE}records`]), 0);
});

test("lag is right where Redis has lost count", async (harness) => {
  const store = await replica(harness, "a");
  const ids = await publish(store, 300);
  await readNow(store, "a", 100);
  await harness.deleteEntry(at(ids, 150));
  assert.equal((await store.stats()).lag, 199, "an undelivered entry was deleted");
  await harness.redis.command(["XTRIM", "events", "MAXLEN", "50"]);
  assert.equal((await store.stats()).lag, 50, "undelivered entries were trimmed");
  await readNow(store, "a", 100);
  assert.equal((await store.stats()).lag, 0);
  await harness.redis.command(["XGROUP", "CREATE", "events", "late", at(ids, 279)]);
  assert.equal((await harness.store("late").stats()).lag, 20, "a group made in the middle");
});

test("trimming of many entries goes in bounded steps and stops at what a group needs", async (harness) => {
  const store = await replica(harness, "a");
  const many = Array.from({ length: 10_000 }, (_, i) => item(`e${i}`));
  for (let i = 0; i < 5; i++) await store.append(many);
  const held = await readNow(store, "a", 45_000);
  await store.settle("a", held.slice(0, 43_210).map(({ ref }) => done(ref)));
  const { removed, heldBackBy } = await store.trim({ maxLength: 1_000, maxAgeMs: PLENTY });
  assert.equal(removed, 43_210);
  assert.deepEqual(heldBackBy, { group: "g", entryId: at(held, 43_210).entryId });
  await store.settle("a", held.slice(43_210).map(({ ref }) => done(ref)));
  await store.settle("a", (await readNow(store, "a", 9_000)).map(({ ref }) => done(ref)));
  assert.partialDeepStrictEqual(await store.trim({ maxLength: 1_234, maxAgeMs: PLENTY }), {
    removed: 50_000 - 43_210 - 1_234,
    lettersRemoved: 0,
    heldBackBy: null,
  });
});

test("trimming by age stops at what any group still holds or has not read", async (harness) => {
  const store = await replica(harness, "a");
  const slow = await replica(harness, "s", "slow");
  const held = await hold(store, "a", 10);
  await readNow(slow, "s", 7);
  await harness.elapse(5);
  const all = { maxLength: PLENTY, maxAgeMs: 0 };
  await store.settle("a", held.slice(0, 4).map(({ ref }) => done(ref)));
  await slow.settle("s", held.slice(0, 7).map(({ ref }) => done(ref)));
  assert.partialDeepStrictEqual(await store.trim(all), {
    removed: 4,
    lettersRemoved: 0,
    heldBackBy: { group: "g", entryId: at(held, 4).entryId },
  });
  await store.settle("a", held.slice(4).map(({ ref }) => done(ref)));
  assert.partialDeepStrictEqual(await store.trim(all), {
    removed: 3,
    lettersRemoved: 0,
    heldBackBy: { group: "slow", entryId: at(held, 7).entryId },
  });
});

test("trimming waits while our group is gone", async (harness) => {
  const store = await replica(harness, "a");
  await hold(store, "a", 10);
  await harness.destroyGroup();
  assert.equal((await store.trim({ maxLength: 0, maxAgeMs: 0 })).removed, 0);
});

test("a name fenced more than a day ago is forgotten, a fresh one is not", async (harness) => {
  const store = await replica(harness, "a");
  const consumers = `${PRE}consumers`;
  const now = await store.time();
  await harness.redis.command(["HSET", consumers, "old", `fenced:0:${now - 90_000_000}`, "new", `fenced:0:${now}`]);
  await store.audit();
  assert.deepEqual(rows(await harness.redis.command(["HKEYS", consumers])).map(String).sort(), ["a", "new"]);
});
