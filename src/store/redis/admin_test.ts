import assert from "node:assert/strict";
import { dead, done, only, readNow, replica, settle } from "../../../testing/conformance/steps.ts";
import { openHarness } from "./test_harness.ts";

/** Adds so many letters of strangers in one go. */
const FILL = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'dlq.entry', '9-9') end";

Deno.test("a dead letter is found also where its entry has an id from the future", async () => {
  await using harness = await openHarness();
  const store = await replica(harness, "a");
  const entryId = "9999999999999-7";
  await harness.redis.command(["XADD", harness.stream, entryId, "type", "t"]);
  await settle(store, "a", dead(only(await readNow(store, "a"))));
  assert.equal((await harness.admin().where(entryId))?.state, "dead");
});

Deno.test("with more dead letters than are looked at, done is said not to be certain", async () => {
  await using harness = await openHarness();
  const store = await replica(harness, "a");
  await store.append([{ fields: ["type", "t"] }]);
  const { ref, entryId } = only(await readNow(store, "a"));
  await settle(store, "a", done(ref));
  const admin = harness.admin();
  await harness.redis.command(["EVAL", FILL, 1, `{${harness.stream}}:g:dlq`, 19_000]);
  assert.deepEqual(await admin.where(entryId), { state: "done", certain: true });
  await harness.redis.command(["EVAL", FILL, 1, `{${harness.stream}}:g:dlq`, 2_000]);
  assert.deepEqual(await admin.where(entryId), { state: "done", certain: false });
});

Deno.test("large entries end a part early, and the next one goes on behind them", async () => {
  await using harness = await openHarness();
  const store = harness.store();
  const large = new Uint8Array(900_000).fill(120);
  for (let n = 0; n < 7; n++) await store.append([{ fields: ["id", `e${n}`, "data", large] }]);
  const admin = harness.admin();
  const parts: number[] = [];
  for (let after: string | null = "0-0"; after !== null;) {
    const part = await admin.range({ of: "entries", from: { id: after, exclusive: true }, limit: 100 });
    parts.push(part.entries.length);
    after = part.scannedTo;
  }
  assert.deepEqual(parts, [3, 3, 1]);
});

Deno.test("no query writes, nor is refused while Redis is out of memory", async () => {
  await using harness = await openHarness();
  const store = await replica(harness, "a");
  await store.append([{ fields: ["type", "t"] }]);
  await harness.refuse(true);
  const admin = harness.admin();
  const before = await harness.redis.cli("INFO", "persistence");
  const dirty = (info: string): string | undefined => /rdb_changes_since_last_save:(\d+)/.exec(info)?.[1];
  await admin.facts();
  await admin.range({ of: "entries", limit: 5 });
  const [entry] = await harness.entries();
  assert.equal((await admin.where(entry!.id))?.state, "waiting");
  assert.equal(dirty(await harness.redis.cli("INFO", "persistence")), dirty(before));
});
