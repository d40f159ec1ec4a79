/** What is remembered of published events; the conformance suite holds what is promised of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { item, only, replica } from "../../../testing/conformance/steps.ts";
import type { Appended } from "../port.ts";
import { openHarness, type RedisHarness, rows } from "./test_harness.ts";

const HASHES = ["{events}:pub:events:1", "{events}:pub:events:2"];
const WINDOW_MS = 600_000;
const HOUR_MS = 3_600_000;

function test(name: string, run: (harness: RedisHarness) => Promise<void>): void {
  Deno.test(`redis store: ${name}`, async () => {
    await using harness = await openHarness();
    await run(harness);
  });
}

/** Which of these keys were deduplicated. */
async function publish(
  harness: RedisHarness,
  keys: readonly (string | null)[],
  dedupWindowMs = WINDOW_MS,
): Promise<boolean[]> {
  const items = keys.map((dedupKey) => dedupKey === null ? item("none") : item(dedupKey, { dedupKey }));
  return (await harness.store().append(items, { dedupWindowMs })).map(({ deduplicated }) => deduplicated);
}

/** Makes all that is remembered older, so that nobody has to wait: its times lie in what is written. */
const AGE = `
for _, key in ipairs({ KEYS[1], KEYS[2] }) do
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local before, ms, rest = string.match(flat[i + 1], '^(~?)(%d+)(.*)$')
    redis.call('HSET', key, flat[i], before .. string.format('%.0f', ms - ARGV[1]) .. rest)
  end
end
local waiting = redis.call('HGETALL', KEYS[3])
for i = 1, #waiting, 2 do
  if waiting[i] ~= '#' then
    local event = cmsgpack.unpack(waiting[i + 1])
    event[3] = event[3] - ARGV[1]
    redis.call('HSET', KEYS[3], waiting[i], cmsgpack.pack(event))
  end
end`;
async function age(harness: RedisHarness, ms: number): Promise<void> {
  await harness.redis.command(["EVAL", AGE, "3", ...HASHES, "{events}:delayed:events", ms]);
}

async function remembered(harness: RedisHarness): Promise<readonly number[]> {
  return await Promise.all(HASHES.map(async (key) => Number(await harness.redis.command(["HLEN", key]))));
}

test("an event is remembered for the window and no longer, whatever else was published meanwhile", async (harness) => {
  const step = fc.oneof(
    fc.record({ keys: fc.array(fc.option(fc.integer({ min: 0, max: 12 })), { minLength: 1, maxLength: 6 }) }),
    // Never close to the window: the call takes time, too.
    fc.record({ ageMs: fc.constantFrom(100_000, 250_000, 350_000, 550_000, 650_000, 1_300_000, 3_000_000) }),
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
    await harness.redis.command(["DEL", ...HASHES]);
    const ages = new Map<number, number>();
    for (const one of steps) {
      if ("ageMs" in one) {
        await age(harness, one.ageMs);
        for (const [key, before] of ages) ages.set(key, before + one.ageMs);
        continue;
      }
      const wanted = one.keys.map((key) => {
        if (key === null) return false;
        const known = (ages.get(key) ?? Infinity) < WINDOW_MS;
        if (!known) ages.set(key, 0);
        return known;
      });
      assert.deepEqual(await publish(harness, one.keys.map((key) => key === null ? null : `${key}`)), wanted);
    }
  });
  await fc.assert(property, { numRuns: 150 });
});

test("what is older than the window is forgotten in turn, so that it does not pile up", async (harness) => {
  for (let turn = 0; turn < 6; turn++) {
    await publish(harness, Array.from({ length: 100 }, (_, index) => `${turn}-${index}`));
    const sizes = await remembered(harness);
    assert.ok(Math.max(...sizes) <= 101, `turn ${turn}: ${sizes}`);
    await age(harness, WINDOW_MS);
  }
});

test("upkeep forgets what nobody publishes after, and not before all of it is too old", async (harness) => {
  const store = await replica(harness, "a");
  await publish(harness, ["a"]);
  await age(harness, WINDOW_MS - 10_000);
  await publish(harness, ["b"]);
  await age(harness, WINDOW_MS - 10_000);
  await store.audit();
  assert.deepEqual(await publish(harness, ["b"]), [true]);
  await age(harness, 30_000);
  await store.audit();
  assert.deepEqual(await remembered(harness), [0, 0]);
});

test("where there is no upkeep Redis forgets by itself, an hour after all of it was too old", async (harness) => {
  await publish(harness, ["a"]);
  const left = await Promise.all(HASHES.map(async (key) => Number(await harness.redis.command(["PTTL", key]))));
  const most = 2 * WINDOW_MS + HOUR_MS;
  assert.ok(left.some((ms) => ms > most - 60_000 && ms <= most), `${left}`);
});

test("a longer window is kept, though shorter ones are asked for in between", async (harness) => {
  await publish(harness, ["before"], 100_000);
  await publish(harness, ["a"], 1_000_000);
  for (let turn = 0; turn < 3; turn++) {
    await age(harness, 300_000);
    assert.deepEqual(await publish(harness, [`b${turn}`], 100_000), [false]);
  }
  assert.deepEqual(await publish(harness, ["a"], 1_000_000), [true]);
  await age(harness, 200_000);
  assert.deepEqual(await publish(harness, ["a"], 1_000_000), [false]);
});

test("a window that becomes longer covers what was published before", async (harness) => {
  await publish(harness, ["a"], 100_000);
  await age(harness, 90_000);
  await publish(harness, ["b"], WINDOW_MS);
  await age(harness, 90_000);
  assert.deepEqual(await publish(harness, ["a", "b"], WINDOW_MS), [true, true]);
});

test("the clock of Redis was put back: events are remembered, and forgotten in time", async (harness) => {
  await publish(harness, ["a"]);
  await age(harness, -1_000 * WINDOW_MS);
  assert.deepEqual(await publish(harness, ["b", "c"]), [false, false]);
  assert.deepEqual(await publish(harness, ["b"]), [true]);
  for (let turn = 0; turn < 2; turn++) {
    await age(harness, WINDOW_MS);
    assert.deepEqual(await publish(harness, ["c"]), [false]);
  }
  assert.deepEqual(await remembered(harness), [2, 2]);
});

test("as many events as a batch can have are remembered, each", async (harness) => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `${index}`);
  assert.ok((await publish(harness, keys)).every((known) => !known));
  assert.ok((await publish(harness, keys)).every((known) => known));
  assert.deepEqual(await publish(harness, ["1000", "", "10000", "x".repeat(1_000)]), [true, false, false, false]);
  assert.deepEqual(await publish(harness, ["", "x".repeat(1_000), "x".repeat(1_001)]), [true, true, false]);
});

for (const hash of HASHES) {
  test(`a key of another kind in place of ${hash}: nothing is appended`, async (harness) => {
    await harness.redis.command(["SET", hash, "x"]);
    await assert.rejects(publish(harness, ["a", "b"]), { message: /WRONGTYPE/ });
    assert.deepEqual(await harness.entries(), []);
  });
}

for (const command of ["hmget", "hset", "pexpire"]) {
  test(`a user who may not run ${command}: nothing is appended`, async (harness) => {
    await harness.redis.command(["ACL", "SETUSER", "default", `-${command}`]);
    await assert.rejects(publish(harness, ["a", "b"]), { message: new RegExp(`NOPERM .*${command.toUpperCase()}`) });
    assert.deepEqual(await harness.entries(), []);
  });
}

test("a user who was set up before UNLINK was needed publishes all the same", async (harness) => {
  await harness.redis.command(["ACL", "SETUSER", "default", "-unlink"]);
  const store = await replica(harness, "a");
  for (let turn = 0; turn < 3; turn++) {
    assert.deepEqual(await publish(harness, ["a"]), [false]);
    await age(harness, WINDOW_MS);
  }
  await age(harness, 2 * WINDOW_MS);
  await store.audit();
  assert.deepEqual(await remembered(harness), [0, 0]);
});

test("a delayed event is told by its entry id once it has appeared, though another hash is written by then", async (harness) => {
  const store = await replica(harness, "a");
  const delayed = { dedupKey: "k", deliverAtMs: await store.time() + 20 };
  await publish(harness, ["first"]);
  await age(harness, WINDOW_MS - 20_000);
  await store.append([item("x", delayed)], { dedupWindowMs: WINDOW_MS });
  await age(harness, 40_000);
  await publish(harness, ["last"]);
  await harness.elapse(30);
  await store.promoteDelayed(10);
  const again = only(await store.append([item("y", delayed)], { dedupWindowMs: WINDOW_MS }));
  assert.deepEqual(again, { entryId: (await harness.entries()).at(-1)?.id, deduplicated: true });
  assert.equal(rows(await harness.redis.command(["KEYS", "*pub*"])).length, 2);
});

test("an event that waits for longer than the window does not take the place of one published since", async (harness) => {
  const store = await replica(harness, "a");
  const later = await store.time() + 20;
  const publishAs = async (id: string, deliverAtMs?: number): Promise<Appended> =>
    only(
      await store.append([item(id, { dedupKey: "k", ...(deliverAtMs === undefined ? {} : { deliverAtMs }) })], {
        dedupWindowMs: WINDOW_MS,
      }),
    );
  await publishAs("x", later);
  await age(harness, WINDOW_MS + 10_000);
  await publishAs("y", later + 1);
  await age(harness, WINDOW_MS + 10_000);
  const { entryId } = await publishAs("z");
  await harness.elapse(30);
  assert.equal((await store.promoteDelayed(10)).moved, 2);
  assert.deepEqual(await publishAs("again"), { entryId, deduplicated: true });
});

test("of two that wait under one key, the second published when the window of the first was over, the second is told", async (harness) => {
  const store = await replica(harness, "a");
  const delayed = { dedupKey: "k", deliverAtMs: await store.time() + 20 };
  for (const id of ["x", "y"]) {
    await age(harness, WINDOW_MS + 10_000);
    await store.append([item(id, delayed)], { dedupWindowMs: WINDOW_MS });
  }
  await harness.elapse(30);
  assert.equal((await store.promoteDelayed(10)).moved, 2);
  const again = only(await store.append([item("z", { dedupKey: "k" })], { dedupWindowMs: WINDOW_MS }));
  assert.deepEqual(again, { entryId: (await harness.entries())[1]?.id, deduplicated: true });
});

test("upkeep leaves alone what is not its own", async (harness) => {
  const store = await replica(harness, "a");
  await harness.redis.command(["SET", HASHES[0]!, "x"]);
  await harness.redis.command(["HSET", HASHES[1]!, "x", "y"]);
  await store.audit();
  assert.equal(await harness.redis.command(["EXISTS", ...HASHES]), 2);
});
