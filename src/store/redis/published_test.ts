/** What is remembered of published events; the conformance suite holds what is promised of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { item, only, replica } from "../../../testing/conformance/steps.ts";
import type { Appended, StreamStore } from "../port.ts";
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
  store: StreamStore = harness.store(),
): Promise<boolean[]> {
  const items = keys.map((dedupKey) => dedupKey === null ? item("none") : item(dedupKey, { dedupKey }));
  return (await store.append(items, { dedupWindowMs })).map(({ deduplicated }) => deduplicated);
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
    event[4] = event[4] - ARGV[1]
    redis.call('HSET', KEYS[3], waiting[i], cmsgpack.pack(event))
  end
end`;
async function age(harness: RedisHarness, ms: number): Promise<void> {
  await harness.redis.command(["EVAL", AGE, "3", ...HASHES, "{events}:delayed:events", ms]);
}

/** Makes all that waits due, however long the test took until then. */
async function makeDue(harness: RedisHarness): Promise<void> {
  const key = "{events}:delayed";
  await harness.redis.command(["ZUNIONSTORE", key, "1", key, "WEIGHTS", "0"]);
}

async function remembered(harness: RedisHarness): Promise<readonly number[]> {
  return await Promise.all(HASHES.map(async (key) => Number(await harness.redis.command(["HLEN", key]))));
}

/** Multiples of this come close to no window: the calls take time, too. */
const STEP_MS = 70_000;
const windows = fc.constantFrom(100_000, WINDOW_MS, 1_500_000);
const keys = fc.array(fc.option(fc.integer({ min: 0, max: 5 })), { minLength: 1, maxLength: 4 });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ keys, windowMs: windows }) },
    { weight: 4, arbitrary: fc.record({ ageMs: fc.constantFrom(1, 3, 5, 9, 30).map((count) => count * STEP_MS) }) },
    { weight: 1, arbitrary: fc.record({ putBackMs: fc.constantFrom(2, 10, 40).map((count) => count * STEP_MS) }) },
    { weight: 2, arbitrary: fc.constant("audit" as const) },
  ),
  { maxLength: 24, size: "max" },
);

/** How long ago it was, by the clock, and in truth; and what was asked for. */
interface Published {
  readonly ageMs: number;
  readonly passedMs: number;
  readonly windowMs: number;
}

/** What must have been said of each key, where it is certain. Notes what was published. */
function judge(known: Map<number, Published>, key: number | null, windowMs: number, deduplicated: boolean): void {
  const last = key === null ? undefined : known.get(key);
  if (last === undefined || last.ageMs >= windowMs) assert.equal(deduplicated, false, `${key} is told twice`);
  else if (last.passedMs < Math.min(windowMs, last.windowMs)) assert.equal(deduplicated, true, `${key} is forgotten`);
  if (key !== null && !deduplicated) known.set(key, { ageMs: 0, passedMs: 0, windowMs });
}

test("an event is remembered for the window and no longer, whatever was published with whichever window meanwhile, though the clock is put back", async (harness) => {
  const store = await replica(harness, "a");
  const property = fc.asyncProperty(steps, async (chosen) => {
    await harness.redis.command(["DEL", ...HASHES]);
    const known = new Map<number, Published>();
    const shift = async (ageMs: number, passedMs: number): Promise<void> => {
      await age(harness, ageMs);
      for (const [key, last] of known) {
        known.set(key, { ...last, ageMs: last.ageMs + ageMs, passedMs: last.passedMs + passedMs });
      }
    };
    for (const step of chosen) {
      if (step === "audit") await store.audit();
      else if ("ageMs" in step) await shift(step.ageMs, step.ageMs);
      else if ("putBackMs" in step) await shift(-step.putBackMs, 0);
      else {
        const found = await publish(
          harness,
          step.keys.map((key) => key === null ? null : `${key}`),
          step.windowMs,
          store,
        );
        step.keys.forEach((key, index) => judge(known, key, step.windowMs, found[index]!));
      }
    }
  });
  await fc.assert(property, { numRuns: 200 });
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
  for (const key of ["a0", "a1"]) {
    await publish(harness, [key]);
    await age(harness, WINDOW_MS - 10_000);
  }
  await age(harness, -1_000 * WINDOW_MS);
  assert.deepEqual(await publish(harness, ["b", "a0", "a1", "c"]), [false, true, true, false]);
  assert.deepEqual(await publish(harness, ["a0", "a1", "b"]), [true, true, true]);
  for (let turn = 0; turn < 2; turn++) {
    await age(harness, WINDOW_MS);
    assert.deepEqual(await publish(harness, ["c"]), [false]);
  }
  assert.deepEqual(await remembered(harness), [2, 2]);
});

test("the clock of Redis was put back behind both hashes: the one with the longer window is kept for as long as that", async (harness) => {
  await publish(harness, ["short"], 100_000);
  await age(harness, WINDOW_MS);
  await publish(harness, ["long"], WINDOW_MS);
  await age(harness, -1_000 * WINDOW_MS);
  for (const key of ["x", "y", "z"]) {
    await publish(harness, [key], 100_000);
    await age(harness, 110_000);
  }
  assert.deepEqual(await publish(harness, ["long"]), [true]);
});

test("as many events as a batch can have are remembered, each", async (harness) => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `${index}`);
  assert.ok((await publish(harness, keys)).every((known) => !known));
  assert.ok((await publish(harness, keys)).every((known) => known));
  assert.deepEqual(await publish(harness, ["1000", "", "10000", "x".repeat(1_000)]), [true, false, false, false]);
  assert.deepEqual(await publish(harness, ["", "x".repeat(1_000), "x".repeat(1_001)]), [true, true, false]);
});

test("entry ids that run ahead of the clock tell no time: the window is as long as ever", async (harness) => {
  await harness.redis.command(["XADD", "events", `${await harness.store().time() + 24 * HOUR_MS}-0`, "a", "b"]);
  const { entryId } = only(await harness.store().append([item("a", { dedupKey: "a" })], { dedupWindowMs: WINDOW_MS }));
  await age(harness, WINDOW_MS - 10_000);
  const again = only(await harness.store().append([item("a", { dedupKey: "a" })], { dedupWindowMs: WINDOW_MS }));
  assert.deepEqual(again, { entryId, deduplicated: true });
  await age(harness, 20_000);
  assert.deepEqual(await publish(harness, ["a"]), [false]);
});

test("a shorter window from now on: upkeep leaves alone what is written for as long as the longer one wants", async (harness) => {
  const store = await replica(harness, "a");
  await publish(harness, ["long"], 5 * HOUR_MS);
  await age(harness, 5 * HOUR_MS);
  await publish(harness, ["short"], 100_000);
  const left = await Promise.all(HASHES.map(async (key) => Number(await harness.redis.command(["PTTL", key]))));
  assert.ok(left.every((ms) => ms > 5 * HOUR_MS), `${left}`);
  await age(harness, 250_000);
  await publish(harness, ["fresh"], 100_000);
  await store.audit();
  assert.deepEqual(await publish(harness, ["fresh"], 100_000), [true]);
});

for (const hash of HASHES) {
  test(`a key of another kind in place of ${hash}: nothing is appended`, async (harness) => {
    await harness.redis.command(["SET", hash, "x"]);
    await assert.rejects(publish(harness, ["a", "b"]), { message: /WRONGTYPE/ });
    assert.deepEqual(await harness.entries(), []);
  });
}

for (const command of ["hget", "hset", "pexpire"]) {
  test(`a user who may not run ${command}: nothing is appended`, async (harness) => {
    await harness.redis.command(["ACL", "SETUSER", harness.redis.user, "-hmget", `-${command}`]);
    await assert.rejects(publish(harness, ["a", "b"]), { message: new RegExp(`NOPERM .*${command.toUpperCase()}`) });
    assert.deepEqual(await harness.entries(), []);
  });
}

test("a user who was set up before HMGET and UNLINK were needed publishes all the same", async (harness) => {
  await harness.redis.command(["ACL", "SETUSER", harness.redis.user, "-hmget", "-unlink"]);
  const store = await replica(harness, "a");
  for (let turn = 0; turn < 3; turn++) {
    assert.deepEqual(await publish(harness, ["a", null]), [false, false]);
    assert.deepEqual(await publish(harness, [null, "b", "a"]), [false, false, true]);
    await age(harness, WINDOW_MS);
  }
  await age(harness, 2 * WINDOW_MS);
  await store.audit();
  assert.deepEqual(await remembered(harness), [0, 0]);
});

test("a user who may forget by no means: nothing is appended", async (harness) => {
  await harness.redis.command(["ACL", "SETUSER", harness.redis.user, "-unlink", "-del"]);
  await assert.rejects(publish(harness, ["a", "b"]), { message: /NOPERM .*DEL/ });
  assert.deepEqual(await harness.entries(), []);
});

/** What versions of before do with the key that they take the first part of a delayed event for. */
const PROMOTED_BEFORE = `
local event = cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1]))
redis.call('XADD', KEYS[2], '*', unpack(event[2]))
if event[1] ~= '' then redis.call('SET', event[1], 'entry', 'XX', 'KEEPTTL') end`;

test("a version of before can promote a delayed event as the user who may touch nothing but keys of the stream", async (harness) => {
  const deliverAtMs = await harness.store().time() + HOUR_MS;
  await harness.store().append([item("x", { dedupKey: "s\0x", deliverAtMs })], { dedupWindowMs: WINDOW_MS });
  await harness.redis.command(["ACL", "SETUSER", "default", "resetkeys", "~events", "~{events}:*"]);
  const keys = ["{events}:delayed:events", "events"];
  await harness.redis.command(["EVAL", PROMOTED_BEFORE, keys.length, ...keys, "0000000000000001"]);
  assert.equal((await harness.entries()).length, 1);
});

test("a delayed event of a version of before is promoted", async (harness) => {
  const store = await replica(harness, "a");
  const pack = `redis.call('ZADD', KEYS[2], 1, 'id') ` +
    `return redis.call('HSET', KEYS[1], 'id', cmsgpack.pack({ ARGV[1], { 'type', 't', 'id', 'x' } }))`;
  const keys = ["{events}:delayed:events", "{events}:delayed"];
  for (const mark of ["{events}:pub:event:s\0x", ""]) {
    await harness.redis.command(["EVAL", pack, keys.length, ...keys, mark]);
    assert.equal((await store.promoteDelayed(10)).moved, 1);
  }
  assert.equal((await harness.entries()).length, 2);
});

test("a delayed event is told by its entry id once it has appeared, though another hash is written by then", async (harness) => {
  const store = await replica(harness, "a");
  const delayed = { dedupKey: "k", deliverAtMs: await store.time() + HOUR_MS };
  await publish(harness, ["first"]);
  await age(harness, WINDOW_MS - 20_000);
  await store.append([item("x", delayed)], { dedupWindowMs: WINDOW_MS });
  await age(harness, 40_000);
  await publish(harness, ["last"]);
  await makeDue(harness);
  await store.promoteDelayed(10);
  const again = only(await store.append([item("y", delayed)], { dedupWindowMs: WINDOW_MS }));
  assert.deepEqual(again, { entryId: (await harness.entries()).at(-1)?.id, deduplicated: true });
  assert.equal(rows(await harness.redis.command(["KEYS", "*pub*"])).length, 2);
});

test("an event that waits for longer than the window does not take the place of one published since", async (harness) => {
  const store = await replica(harness, "a");
  const later = await store.time() + HOUR_MS;
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
  await makeDue(harness);
  assert.equal((await store.promoteDelayed(10)).moved, 2);
  assert.deepEqual(await publishAs("again"), { entryId, deduplicated: true });
});

test("of two that wait under one key, the second published when the window of the first was over, the second is told", async (harness) => {
  const store = await replica(harness, "a");
  const delayed = { dedupKey: "k", deliverAtMs: await store.time() + HOUR_MS };
  for (const id of ["x", "y"]) {
    await age(harness, WINDOW_MS + 10_000);
    await store.append([item(id, delayed)], { dedupWindowMs: WINDOW_MS });
  }
  await makeDue(harness);
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
