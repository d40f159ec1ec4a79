import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { StoreUnavailableError } from "../../errors.ts";
import { waitFor } from "../../../testing/wait.ts";
import type { RedisChannel } from "./channel.ts";
import { keysOf } from "./keys.ts";
import { Outbox } from "./outbox.ts";
import { RedisStreamStore } from "./redis_stream_store.ts";
import { SCRIPTS } from "./scripts.ts";
import { openHarness, type RedisHarness, rows } from "./test_harness.ts";

const TARGET = "second";
const { outbox: KEY } = keysOf("events", "g");

/** A consumer whose effects go over the outbox, and so many entries that it holds. */
async function holding(harness: RedisHarness, count: number): Promise<{ store: RedisStreamStore; refs: string[] }> {
  const store = new RedisStreamStore({
    stream: harness.stream,
    group: "g",
    publishStream: TARGET,
    command: harness.channel(),
    blocking: harness.channel(),
    relay: harness.channel(),
  });
  await store.ensureGroup();
  await store.register("a", 30_000);
  await store.append(
    Array.from({ length: count }, (_, n) => ({ fields: ["id", `e${n}`, "type", "t", "source", "s"] })),
  );
  const held = await store.read("a", count, 0, AbortSignal.timeout(5_000));
  return { store, refs: held.map(({ ref }) => ref) };
}

function outboxOf(harness: RedisHarness, command: RedisChannel = harness.channel()): Outbox {
  return new Outbox({
    ...{ stream: harness.stream, group: "g", target: TARGET, command, relay: harness.channel() },
    ...{ scripts: SCRIPTS, clock: systemClock, onRelayed: () => {} },
  });
}

const effect = (id: string, deliverAtMs?: number): { fields: string[]; deliverAtMs?: number } => ({
  fields: ["id", id, "type", "t", "source", "s"],
  ...(deliverAtMs === undefined ? {} : { deliverAtMs }),
});

async function idsThere(harness: RedisHarness): Promise<readonly string[]> {
  const found = rows(await harness.redis.command(["XRANGE", TARGET, "-", "+"]));
  return found.map((row) => String(rows(rows(row)[1])[1]));
}

/** A channel that loses the answer to one command, which was executed or not. */
function losing(inner: RedisChannel, command: string, executed: boolean): RedisChannel {
  let lost = false;
  return Object.assign(Object.create(inner) as RedisChannel, {
    async send(...[args, options]: Parameters<RedisChannel["send"]>): ReturnType<RedisChannel["send"]> {
      if (lost || args[0] !== command) return await inner.send(args, options);
      lost = true;
      if (executed) await inner.send(args, options);
      throw new StoreUnavailableError("timeout", "no answer", { outcomeUnknown: true });
    },
  });
}

Deno.test("an effect for another node appears there, in order, at its time, and leaves nothing behind", async () => {
  await using harness = await openHarness();
  const { store, refs } = await holding(harness, 2);
  const later = await store.time() + 100;
  const [first, second] = await store.settle("a", [
    { kind: "done", ref: refs[0]!, effects: [effect("f1"), effect("f2"), effect("late", later)] },
    { kind: "done", ref: refs[1]!, effects: [effect("f3")] },
  ]);
  assert.deepEqual([first?.kind, second?.kind], ["settled", "settled"]);
  await waitFor(async () => await harness.redis.command(["XLEN", KEY]) === 0, { what: "the outbox to be empty" });
  assert.deepEqual(await idsThere(harness), ["f1", "f2", "f3"]);
  assert.equal(await harness.redis.command(["ZCARD", `{${TARGET}}:delayed`]), 1);
});

for (const executed of [true, false]) {
  Deno.test(`a relay that dies before it knows that it removed them (it did: ${executed}) doubles nothing`, async () => {
    await using harness = await openHarness();
    const { store, refs } = await holding(harness, 3);
    await store.settle("a", refs.map((ref, n) => ({ kind: "done", ref, effects: [effect(`f${n}`)] })));
    await waitFor(async () => await harness.redis.command(["XLEN", KEY]) === 0, {
      what: "the first ones to be relayed",
    });
    await harness.redis.command(["XADD", KEY, "*", "due", "0", "id", "g1", "type", "t", "source", "s"]);
    const dying = outboxOf(harness, losing(harness.channel(), "XDEL", executed));
    assert.equal(await dying.flush(), false, "something may be left");
    assert.equal(await outboxOf(harness).flush(), true);
    assert.deepEqual(await idsThere(harness), ["f0", "f1", "f2", "g1"]);
    assert.equal(await harness.redis.command(["XLEN", KEY]), 0);
  });
}

Deno.test("several that relay at once, while more comes, relay each effect once and in order", async () => {
  await using harness = await openHarness();
  const { store } = await holding(harness, 0);
  await store.append([effect("x")]);
  const count = 700;
  const add = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      await harness.redis.command(["XADD", KEY, "*", "due", "0", "id", `f${n}`, "type", "t", "source", "s"]);
    }
  };
  await add(0, 350);
  const relays = Array.from({ length: 4 }, () => outboxOf(harness));
  const flushing = Promise.all(relays.map((outbox) => outbox.flush()));
  await add(350, count);
  await flushing;
  await Promise.all(relays.map((outbox) => outbox.flush()));
  assert.deepEqual(await idsThere(harness), Array.from({ length: count }, (_, n) => `f${n}`));
});

Deno.test("a beat tells of effects that nobody has relayed, so that the loop that promotes comes by", async () => {
  await using harness = await openHarness();
  const { store } = await holding(harness, 0);
  const due = async (): Promise<number | null | undefined> => (await store.beat("a", 30_000)).news?.delayedInMs;
  assert.equal(await due(), null);
  await harness.redis.command(["XADD", KEY, "*", "due", "0", "id", "f1", "type", "t", "source", "s"]);
  assert.equal(await due(), 0);
  await store.promoteDelayed(1);
  assert.deepEqual(await idsThere(harness), ["f1"]);
  assert.equal(await due(), null);
});

Deno.test("whenever a flush is asked for, it looks once more, however far the one under way has come", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const log: string[] = [];
    const channel = {
      send([name]: readonly unknown[]) {
        log.push(String(name));
        return Promise.resolve([]);
      },
    } as unknown as RedisChannel;
    const outbox = new Outbox({
      ...{ stream: "events", group: "g", target: TARGET, command: channel, relay: channel },
      ...{ scripts: SCRIPTS, clock: systemClock, onRelayed: () => {} },
    });
    const first = outbox.flush();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    log.push("asked");
    await Promise.all([first, outbox.flush()]);
    assert.equal(log.at(-1), "XRANGE", `after ${turns} turns: ${log.join(" ")}`);
  }
});
