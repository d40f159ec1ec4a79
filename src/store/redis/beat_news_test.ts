import assert from "node:assert/strict";
import { dead, done, hold, park, readNow, replica, settle } from "../../../testing/conformance/steps.ts";
import type { News, StreamStore } from "../port.ts";
import { openHarness, type RedisHarness } from "./test_harness.ts";

const LEASE_MS = 30_000;
const CONSUMERS = "{events}:g:consumers";

function test(name: string, run: (harness: RedisHarness) => Promise<void>): void {
  Deno.test(`redis store: ${name}`, async () => {
    await using harness = await openHarness();
    await run(harness);
  });
}

async function newsOf(store: StreamStore, consumer = "a"): Promise<News> {
  const { news } = await store.beat(consumer, LEASE_MS);
  assert.ok(news !== undefined);
  return news;
}

test("a beat tells how much is kept, and of which group", async (harness) => {
  const store = await replica(harness, "a");
  const before = (await newsOf(store)).kept;
  assert.partialDeepStrictEqual(before, { length: 0, letters: 0 });
  const [first] = await hold(store, "a", 3);
  await settle(store, "a", dead(first!));
  assert.deepEqual((await newsOf(store)).kept, { ...before, length: 3, letters: 1 });
  await harness.redis.command(["DEL", "events"]);
  await store.ensureGroup();
  const after = (await newsOf(store)).kept;
  assert.equal(after?.length, 0);
  assert.notEqual(after?.made, before?.made);
});

test("a consumer is told that it is alone until another one registers, and again when that has left", async (harness) => {
  const store = await replica(harness, "a");
  await hold(store, "a", 3);
  assert.equal((await newsOf(store)).alone, true);
  const other = await replica(harness, "b");
  assert.equal((await newsOf(store)).alone, false, "somebody who holds nothing yet may die holding something");
  assert.equal((await newsOf(other, "b")).alone, false);
  await other.retire("b");
  assert.equal((await newsOf(store)).alone, true, "its name is remembered for a day");
  await harness.redis.command(["HSET", CONSUMERS, "c", "registered:1"]);
  assert.equal((await newsOf(store)).alone, false, "registered, and its lease is gone");
});

test("a consumer is not alone while one that was fenced, or a stranger, has what can be taken over", async (harness) => {
  const store = await replica(harness, "a");
  const other = await replica(harness, "b");
  const [first, second] = await hold(other, "b", 2);
  await settle(other, "b", park(first!.ref, 60_000));
  await settle(other, "b", done(second!.ref));
  await harness.redis.command(["HSET", CONSUMERS, "b", "fenced:0:1"]);
  assert.equal((await newsOf(store)).alone, false, "parked in its care");
  await harness.redis.command(["DEL", "{events}:g:parked:b"]);
  assert.equal((await newsOf(store)).alone, true);
  await hold(store, "a", 1);
  await store.append([{ fields: ["type", "t"] }]);
  await readNow(store, "stranger");
  assert.equal((await newsOf(store)).alone, false);
});

test("where many names are remembered, a consumer is not told that it is alone", async (harness) => {
  const store = await replica(harness, "a");
  const names = Array.from({ length: 600 }, (_, index) => [`n${index}`, "fenced:0:1"]).flat();
  await harness.redis.command(["HSET", CONSUMERS, ...names]);
  assert.equal((await newsOf(store)).alone, false);
});
