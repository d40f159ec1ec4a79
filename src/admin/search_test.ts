import assert from "node:assert/strict";
import { bury, coreFixture } from "./fixtures_test.ts";

Deno.test("events are found newest first in every stream, page by page, with the dead letters among them", async () => {
  const { core, stores: [orders, payments], clock } = await coreFixture(["orders", "payments"]);
  for (let n = 0; n < 4; n++) {
    await (n % 2 ? orders! : payments!).append([{ fields: ["id", `e${n}`, "type", "t", "subject", "s"] }]);
    await clock.advance(1);
  }
  await orders!.append([{ fields: ["id", "other", "type", "t"] }]);
  const first = await core.search({ subject: "s", limit: "3" });
  assert.deepEqual(first.items.map(({ id }) => id), ["e3", "e2", "e1"]);
  const second = await core.search({ subject: "s", limit: "3", cursor: first.next! });
  assert.deepEqual([second.items.map(({ id }) => id), second.next, second.searchedTo], [["e0"], null, null]);
  assert.deepEqual((await core.search({ id: "e2", stream: "orders" })).items, []);
  assert.equal((await core.search({ type: "t" })).items.length, 5);
});

Deno.test("dead letters that fit are found too, also where the entry is gone", async () => {
  const { core, stores: [orders], broker } = await coreFixture();
  const entryId = await bury(orders!, "t", "invalid", ["subject", "s"]);
  broker.deleteEntry("orders", entryId);
  const { items, letters, allLetters } = await core.search({ subject: "s" });
  assert.deepEqual([items, letters.map((letter) => letter.entryId), allLetters], [[], [entryId], true]);
});

Deno.test("something must be asked for, and no stranger's stream", async () => {
  const { core } = await coreFixture();
  await assert.rejects(core.search({}), /one of id, subject, trace or type/);
  await assert.rejects(core.search({ id: "x", stream: "theirs" }), /stream/);
  await assert.rejects(core.search({ id: "x".repeat(2_000) }), /id/);
});

Deno.test("consumers come page by page, those that hold most first", async () => {
  const { core, stores: [orders] } = await coreFixture();
  for (let n = 0; n < 7; n++) await orders!.register(`c${n}`, 60_000);
  const first = await core.consumers({ limit: "5" });
  assert.deepEqual([first.items.length, first.total, first.next, first.stream], [5, 8, "5", "orders"]);
  const second = await core.consumers({ limit: "5", cursor: "5" });
  assert.deepEqual([second.items.length, second.next], [3, null]);
  await assert.rejects(core.consumers({ cursor: "-1" }), /cursor/);
});
