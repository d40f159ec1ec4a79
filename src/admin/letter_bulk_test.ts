import assert from "node:assert/strict";
import { done, only, readNow, settle } from "../../testing/conformance/steps.ts";
import { bury, coreFixture } from "./fixtures_test.ts";
import { bulkLetters, type BulkRequest, type BulkResult } from "./letter_bulk.ts";
import type { AdminStream } from "./letters.ts";

const of = (action: BulkRequest["action"], params: BulkRequest["params"] = {}, dryRun = false): BulkRequest => ({
  ...{ action, params, dryRun },
});
const told = (
  { matched, replayed, deleted, complete }: BulkResult,
): unknown[] => [matched, replayed, deleted, complete];

Deno.test("groups count letters of every stream by type and error, most first, and by filter", async () => {
  const { core, stores: [orders, payments], clock } = await coreFixture(["orders", "payments"]);
  for (let n = 0; n < 3; n++) await bury(orders!, "order.1", "invalid");
  await clock.advance(5_000);
  await bury(payments!, "order.1", "invalid");
  await bury(payments!, "paid");
  const { items, ...rest } = await core.letters.groups({});
  assert.deepEqual(rest, { more: 0, matched: 5, scanned: 5, total: 5, complete: true });
  assert.deepEqual(items.map(({ type, reason, error, count }) => [type, reason, error, count]), [
    ["order.1", "invalid", "order.# cannot be", 4],
    ["paid", "non_retryable", "paid cannot be", 1],
  ]);
  assert.equal(Date.parse(items[0]!.last) - Date.parse(items[0]!.first), 5_000);
  assert.equal((await core.letters.groups({ error: "order.# cannot be", stream: "orders" })).matched, 3);
  assert.equal((await core.letters.groups({ text: "PAID" })).matched, 1);
  await assert.rejects(core.letters.groups({ reason: "bad luck" }), /reason/);
});

Deno.test("a dry run counts and changes nothing; what it counted is done, what comes later is left alone", async () => {
  const { core, stores: [orders, payments], clock } = await coreFixture(["orders", "payments"]);
  for (const store of [orders!, payments!]) for (let n = 0; n < 60; n++) await bury(store, n % 2 ? "a" : "b");
  const dry = await core.letters.bulk(of("delete", { type: "a" }, true));
  assert.deepEqual(told(dry), [60, 0, 0, true]);
  await clock.advance(10);
  await bury(orders!, "a");
  const result = await core.letters.bulk(of("delete", { type: "a", until: dry.until! }));
  assert.deepEqual(told(result), [60, 0, 60, true]);
  assert.equal(result.next, null);
  assert.deepEqual(told(await core.letters.bulk(of("delete", {}, true))), [61, 0, 0, true]);
  const replayed = await core.letters.bulk(of("replay", { text: "A cannot" }));
  assert.deepEqual(told(replayed), [1, 1, 0, true]);
  const back = only(await readNow(orders!, "a"));
  await settle(orders!, "a", done(back.ref));
  await assert.rejects(core.letters.bulk(of("delete", { until: "soon" })), /until/);
});

Deno.test("a request does a bounded part, and the next one goes on behind it", async () => {
  const { core, stores: [orders, payments] } = await coreFixture(["orders", "payments"]);
  for (let n = 0; n < 1_030; n++) await bury(orders!, "a");
  for (let n = 0; n < 20; n++) await bury(payments!, "a");
  const dry = await core.letters.bulk(of("replay", {}, true));
  assert.equal(dry.matched, 1_050);
  const parts: number[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const part: BulkResult = await core.letters.bulk(of("replay", { until: dry.until!, cursor }));
    parts.push(part.replayed);
    cursor = part.next;
  }
  assert.deepEqual([parts.length, parts.reduce((sum, one) => sum + one, 0)], [2, 1_050]);
  assert.ok(parts[0]! <= 1_000);
});

Deno.test("where hardly a letter fits, a request ends all the same, and says where to go on", async () => {
  let looks = 0;
  const admin = { stream: "orders", range: () => Promise.resolve({ entries: [], scannedTo: `${++looks}-0` }) };
  const store = { stream: "orders", time: () => Promise.resolve(1_000) };
  const stream = { index: 0, store, admin } as unknown as AdminStream;
  const { matched, next } = await bulkLetters([stream], of("delete", { text: "rare" }));
  assert.deepEqual([looks, matched, next], [100, 0, "100-0.0"]);
});

Deno.test("picked letters are done once each; those that are gone are not counted", async () => {
  const { core, stores: [orders] } = await coreFixture();
  await bury(orders!, "a");
  await bury(orders!, "b");
  const letters = (await core.letters.list({})).items.map(({ id, stream }) => ({ id, stream }));
  const pick = (action: "replay" | "delete", dryRun: boolean): Promise<BulkResult> =>
    core.letters.bulk({ ...of(action, {}, dryRun), letters });
  assert.deepEqual(told(await pick("delete", true)), [2, 0, 0, true]);
  await core.letters.remove(letters[0]!.id, {});
  assert.deepEqual(told(await pick("replay", false)), [1, 1, 0, true]);
  assert.deepEqual(told(await pick("replay", false)), [0, 0, 0, true]);
  await assert.rejects(core.letters.bulk({ ...of("delete"), letters: [] }), /letters/);
  await assert.rejects(core.letters.bulk({ ...of("delete"), letters: [{ id: "1-1", stream: "x" }] }), /stream/);
  await assert.rejects(core.letters.bulk({ ...of("delete"), letters: [{ id: "x", stream: "orders" }] }), /id/);
});
