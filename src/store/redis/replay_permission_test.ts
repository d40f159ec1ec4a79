import assert from "node:assert/strict";
import { dead, done, fetchAll, hold, lettersOf, park, replica } from "../../../testing/conformance/steps.ts";
import { StoreRefusedError } from "../../errors.ts";
import { openHarness } from "./test_harness.ts";

/** All keys but those of replays, which may only be read. */
const WITHOUT = ["resetkeys", "~events", "~{events}:g:[^r]*", "~{events}:g:rec*", "~{events}:[^g]*", "%R~*"];

Deno.test("a user who may no longer write replays: what is settled beside them is refused as well, and nothing half done", async () => {
  await using harness = await openHarness();
  const store = await replica(harness, "a");
  await store.settle("a", (await hold(store, "a", 1)).map((delivery) => dead(delivery)));
  for (const { id } of [...await lettersOf(harness)]) await store.replay(id);
  const held = [...await fetchAll(store, "a"), ...await hold(store, "a", 2)];
  assert.equal(held.length, 3);
  const acl = (...rules: string[]) => harness.redis.command(["ACL", "SETUSER", harness.redis.user, ...rules]);
  const settled = async (kind: "park" | "done"): Promise<readonly string[]> => {
    const all = held.map(({ ref }) => kind === "park" ? park(ref) : done(ref, { hasHistory: true }));
    return (await store.settle("a", all)).map((outcome) => outcome.kind);
  };
  const each = (kind: string): readonly string[] => held.map(() => kind);

  await acl(...WITHOUT);
  assert.deepEqual(await settled("park"), each("refused"));
  await acl("allkeys");
  assert.deepEqual(await settled("park"), each("settled"));

  await acl(...WITHOUT);
  await assert.rejects(store.claimDue("a", 10), StoreRefusedError);
  await acl("allkeys");
  assert.equal((await store.claimDue("a", 10)).deliveries.length, 3);

  await acl(...WITHOUT);
  assert.deepEqual((await settled("done")).toSorted(), ["refused", "settled", "settled"]);
  assert.equal(await harness.redis.command(["HLEN", "{events}:g:records"]), 1, "its history is kept");
  await acl("allkeys");
  assert.equal((await settled("done")).filter((kind) => kind === "settled").length, 1);
});
