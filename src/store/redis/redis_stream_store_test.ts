import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { StoreRefusedError } from "../../errors.ts";
import type { Fields } from "../../events/event.ts";
import { FRESH } from "../port.ts";
import { Happenings } from "../../happenings.ts";
import {
  adoptDue,
  at,
  dead,
  done,
  hold,
  holdOne,
  item,
  lettersOf,
  LONG_MS,
  mortal,
  only,
  park,
  readNow,
  refsOf,
  replica,
  seize,
  settle,
  texts,
} from "../../../testing/conformance/steps.ts";
import { testConfig } from "./connection/fixtures_test.ts";
import { RedisConnectionManager } from "./connection/manager.ts";
import { keysOf, LEASE_HORIZON_MS } from "./keys.ts";
import { RedisStreamStore } from "./redis_stream_store.ts";
import { compileScript, SCRIPTS } from "./scripts.ts";
import { TestChannel } from "./test_channel.ts";
import { openHarness, type RedisHarness, rows } from "./test_harness.ts";

const PRE = "{events}:g:";

function test(name: string, run: (harness: RedisHarness) => Promise<void>, config: Record<string, string> = {}): void {
  Deno.test(`redis store: ${name}`, async () => {
    await using harness = await openHarness(config);
    await run(harness);
  });
}

Deno.test("redis store: every script has its shebang first, no include left, and a digest of its own", () => {
  const scripts = Object.values(SCRIPTS);
  for (const { source, name } of scripts) {
    assert.match(source, /^#!lua( flags=(allow-oom|no-writes))?\n/, name);
    assert.doesNotMatch(source, /@include/, name);
  }
  assert.equal(new Set(scripts.map(({ sha }) => sha)).size, scripts.length);
  assert.throws(() => compileScript("x", "#!lua\n--@include nothing\n"), TypeError);
});

test("scripts are told to a server that forgot them, also in the middle of a batch", async (harness) => {
  const command = harness.channel();
  const store = harness.store("g", { command });
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  const held = await hold(store, "a", 6);
  await harness.redis.command(["SCRIPT", "FLUSH"]);
  command.sent.length = 0;
  const outcomes = await store.settle("a", [
    done(at(held, 0).ref, { effects: [item("f1")] }),
    done(at(held, 1).ref, { effects: [item("f2")] }),
    park(at(held, 2).ref),
    done(at(held, 3).ref),
    dead(at(held, 4)),
    { kind: "release", ref: at(held, 5).ref },
  ]);
  assert.deepEqual(outcomes.map(({ kind }) => kind), Array(6).fill("settled"));
  assert.equal(command.sent.filter((words) => words.startsWith("EVAL ")).length, 5, "each source is sent once");
});

test("scripts can be told under out-of-memory", async (harness) => {
  const store = await replica(harness, "a");
  const held = await hold(store, "a", 30);
  await harness.redis.command(["SCRIPT", "FLUSH"]);
  await harness.refuse(true);
  const outcomes = await store.settle("a", held.map(({ ref }) => done(ref)));
  assert.ok(outcomes.every(({ kind }) => kind === "settled"));
  await store.register("late", LONG_MS);
  assert.partialDeepStrictEqual(await store.beat("late", LONG_MS), { lease: "held", writeRefused: "out_of_memory" });
  assert.partialDeepStrictEqual(await store.beat("nobody", LONG_MS), {
    lease: "fenced",
    writeRefused: "out_of_memory",
  });
  assert.partialDeepStrictEqual(await store.beat(null, LONG_MS), { lease: "none", writeRefused: "out_of_memory" });
  assert.deepEqual(await store.ensureGroup(), { created: false });
});

test("a beat tells why writes are refused: read-only, too few replicas", async (harness) => {
  const store = await replica(harness, "a");
  const { redis } = harness;
  await redis.command(["REPLICAOF", "127.0.0.1", "1"]);
  assert.partialDeepStrictEqual(await store.beat("a", LONG_MS), { lease: "held", writeRefused: "readonly" });
  await redis.command(["REPLICAOF", "NO", "ONE"]);
  await redis.command(["CONFIG", "SET", "min-replicas-to-write", "1"]);
  assert.partialDeepStrictEqual(await store.beat("a", LONG_MS), { lease: "held", writeRefused: "no_replicas" });
  assert.partialDeepStrictEqual(await store.beat(null, LONG_MS), { lease: "none", writeRefused: "no_replicas" });
  await redis.command(["CONFIG", "SET", "min-replicas-to-write", "0"]);
  assert.partialDeepStrictEqual(await store.beat("a", LONG_MS), { lease: "held", writeRefused: null });
});

test("the lease lives for the horizon, so that one that ran out is renewed", async (harness) => {
  const store = await replica(harness, "a");
  const key = keysOf("events", "g").lease("a");
  await harness.redis.command(["PEXPIRE", key, 1_000_000]);
  await store.beat("a", LONG_MS);
  const left = Number(await harness.redis.command(["PTTL", key]));
  assert.ok(left > LEASE_HORIZON_MS - 10_000 && left <= LEASE_HORIZON_MS);
});

for (const [kind, key] of [["dead", `${PRE}dlq`], ["park", `${PRE}parked:a`], ["park", `${PRE}records`]] as const) {
  test(`a ${kind} whose target ${key} has a wrong type leaves the entry pending and nothing half done`, async (harness) => {
    const store = await replica(harness, "a");
    const delivery = await holdOne(store, "a");
    await harness.redis.command(["SET", key, "by hand"]);
    const outcome = await settle(store, "a", kind === "dead" ? dead(delivery) : park(delivery.ref));
    assert.equal(outcome.kind === "refused" && outcome.reason, "wrong_type");
    assert.deepEqual(await harness.pendingIds(), [delivery.entryId]);
    await harness.redis.command(["DEL", key]);
    assert.deepEqual(refsOf(await store.recover("a", new Set(), 10)), [delivery.ref], "still held by its consumer");
    const leftovers = rows(await harness.redis.command(["KEYS", `${PRE}*`])).map(String).sort();
    assert.deepEqual(leftovers, [`${PRE}consumers`, `${PRE}fence:a`, `${PRE}lease:a`, `${PRE}made`, `${PRE}replay`]);
  });
}

test("effects whose stream has a wrong type leave the entry pending and no mark", async (harness) => {
  const store = harness.store("g", { publishStream: "second" });
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  const { ref } = await holdOne(store, "a");
  await harness.redis.command(["SET", "second", "by hand"]);
  const settlement = done(ref, { effects: [item("f")], dedupKey: "k" });
  const refused = await settle(store, "a", settlement, 60_000);
  assert.equal(refused.kind === "refused" && refused.reason, "wrong_type");
  assert.deepEqual(await store.seen(["k"]), [false]);
  await harness.redis.command(["DEL", "second"]);
  assert.equal((await settle(store, "a", settlement, 60_000)).kind, "settled");
  assert.equal((await harness.entries("second")).length, 1);
});

test("a stream of replays that is none any more fails its own entries alone", async (harness) => {
  const store = await replica(harness, "a");
  const [first, second] = await hold(store, "a", 2);
  await settle(store, "a", dead(first!));
  assert.equal(await store.replay(only(await lettersOf(harness)).id), true);
  const replay = only(await readNow(store, "a"));
  await store.settle("a", [park(replay.ref), park(second!.ref)]);
  const key = keysOf("events", "g").replays;
  await harness.redis.command(["RENAME", key, `${PRE}kept`]);
  await harness.redis.command(["SET", key, "by hand"]);
  await harness.elapse(5);
  const { deliveries, lost, lostRefs } = await store.claimDue("a", 10);
  assert.deepEqual([refsOf(deliveries), lost, lostRefs], [[second!.ref], 0, [replay.ref]]);

  const kinds = async (settlements: Parameters<typeof store.settle>[1]) =>
    (await store.settle("a", settlements)).map((outcome) => outcome.kind === "refused" ? outcome.reason : outcome.kind);
  assert.deepEqual(await kinds([park(replay.ref), park(second!.ref)]), ["wrong_type", "settled"]);
  await harness.elapse(5);
  const back = only((await store.claimDue("a", 10)).deliveries);
  const acks = [replay, back].map(({ ref }) => done(ref, { hasHistory: true }));
  assert.deepEqual(await kinds(acks), ["wrong_type", "settled"]);
});

test("a stream that is none any more: nothing parked is forgotten while it is so", async (harness) => {
  const store = await replica(harness, "a");
  const held = refsOf(await hold(store, "a", 3));
  await store.settle("a", held.map((ref) => park(ref)));
  await harness.redis.command(["RENAME", "events", "{events}:kept"]);
  await harness.redis.command(["SET", "events", "by hand"]);
  await harness.elapse(5);
  await assert.rejects(store.claimDue("a", 10), { reason: "wrong_type" });
  await harness.redis.command(["RENAME", "{events}:kept", "events"]);
  assert.deepEqual(refsOf((await store.claimDue("a", 10)).deliveries), held);
});

const manyFields = (count: number) => Array.from({ length: count }, (_, i) => [`f${i}`, String(i)]).flat();

async function checkGiant(harness: RedisHarness, store: RedisStreamStore): Promise<void> {
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  await harness.redis.command(["XADD", "events", "*", ...manyFields(9_000)]);
  const delivery = only(await readNow(store, "a"));
  assert.equal((await settle(store, "a", dead(delivery, { firstMs: 1_000 }))).kind, "settled");
  assert.equal((await settle(store, "a", dead(delivery))).kind, "gone", "and takes its letter back");
  const letter = only(await lettersOf(harness));
  const whole = (fields: Fields) => Buffer.concat(fields).toString();
  assert.ok(whole(letter.fields.slice(0, -20)) === whole(delivery.fields), "original fields come first, untouched");
  assert.equal(texts(letter.fields)["dlq.first"], "1970-01-01T00:00:01.000Z");
  assert.deepEqual(await harness.pendingIds(), []);

  assert.equal(await store.replay(letter.id), true);
  assert.equal(await store.replay(letter.id), false);
  assert.equal((await lettersOf(harness)).length, 0);
  const again = only(await readNow(store, "a"));
  assert.equal(again.entryId, delivery.entryId);
  assert.equal(again.fields.length, 18_000);
  assert.equal(again.history.replays, 1);
  assert.equal((await settle(store, "a", dead(again))).kind, "settled");
}

test("an entry with more fields than Lua's stack is dead-lettered and replayed whole", async (harness) => {
  await checkGiant(harness, harness.store());
});

test("the same over the real connections", async (harness) => {
  await using manager = new RedisConnectionManager({
    config: testConfig(harness.redis.port, { connectionTimeoutMs: 5_000, commandTimeoutMs: 5_000 }),
    clock: systemClock,
    random: () => 0.5,
    happenings: new Happenings(),
    clientName: "test",
  });
  const command = manager.command("{events}");
  const blocking = manager.blocking("reader", "{events}");
  manager.start();
  const signal = AbortSignal.any([]);
  await Promise.all([command.whenReady(signal), blocking.whenReady(signal)]);
  await checkGiant(harness, new RedisStreamStore({ stream: "events", group: "g", command, blocking }));
});

test("a giant letter that is refused leaves the entry pending", async (harness) => {
  const store = await replica(harness, "a");
  await harness.redis.command(["XADD", "events", "*", ...manyFields(9_000)]);
  const delivery = only(await readNow(store, "a"));
  await harness.redis.command(["SET", `${PRE}dlq`, "by hand"]);
  const wrong = await settle(store, "a", dead(delivery));
  assert.equal(wrong.kind === "refused" && wrong.reason, "wrong_type");
  await harness.redis.command(["DEL", `${PRE}dlq`]);
  await harness.refuse(true);
  const refused = await settle(store, "a", dead(delivery));
  assert.equal(refused.kind === "refused" && refused.reason, "out_of_memory");
  await harness.refuse(false);
  assert.deepEqual(await harness.pendingIds(), [delivery.entryId]);
  assert.equal((await lettersOf(harness)).length, 0);
});

test("an event with more fields than one step can write is refused before anything is sent", async (harness) => {
  const store = await replica(harness, "a");
  const giant = { fields: manyFields(4_000) };
  await assert.rejects(store.append([item("x"), giant]), { code: "event_too_large" });
  const { ref } = await holdOne(store, "a");
  assert.equal((await settle(store, "a", done(ref, { effects: [giant] }))).kind, "refused");
  assert.equal((await harness.entries()).length, 1);
});

test("texts that JSON of Lua refuses survive parking and a crash", async (harness) => {
  const store = await mortal(harness, "a");
  const other = await replica(harness, "b");
  const { ref } = await holdOne(store, "a");
  const earlier = [{ atMs: 1_750_000_000_123, error: "b/\u2028" }];
  const history = { ...FRESH, failures: 1, error: 'a\ud800b "\0" / \u2028', earlier };
  await settle(store, "a", { kind: "park", ref, delayMs: 0, history, orderKey: "k\udc00" });
  await store.claimDue("a", 10);
  await harness.passLease("a");
  const taken = only(await seize(other, "b", "a"));
  assert.equal(taken.history.error, history.error.toWellFormed());
  assert.equal(taken.history.failures, 1);
  assert.deepEqual(taken.history.earlier, earlier);
  assert.equal(taken.history.soloCrashes, 1);
});

test("dates of letters are right over leap years and centuries", async (harness) => {
  const store = await replica(harness, "a");
  const times = [951_782_400_001, 1_709_164_799_999, 4_107_542_399_000, 68_169_600_000];
  const held = await hold(store, "a", times.length);
  await store.settle("a", held.map((one, i) => dead(one, { firstMs: at(times, i), lastMs: at(times, i) })));
  const dates = (await lettersOf(harness)).map(({ fields }) => texts(fields)["dlq.first"]);
  assert.deepEqual(dates, times.map((ms) => new Date(ms).toISOString()));
});

test("nothing of an entry is left in the group's keys when it is settled", async (harness) => {
  const store = await replica(harness, "a");
  const [one, two, three, four] = await hold(store, "a", 4);
  await settle(store, "a", park(one!.ref));
  await settle(store, "a", { kind: "release", ref: two!.ref, orderKey: "k" });
  await settle(store, "a", { kind: "release", ref: three!.ref });
  const back = [...await adoptDue(store, "a"), four!];
  assert.equal(back.length, 4);
  await store.settle("a", back.map(({ ref, history }) => done(ref, { hasHistory: history !== FRESH })));
  const keys = rows(await harness.redis.command(["KEYS", `${PRE}*`])).map(String).sort();
  assert.deepEqual(keys, [`${PRE}consumers`, `${PRE}fence:a`, `${PRE}lease:a`, `${PRE}made`, `${PRE}replay`]);
});

test("an entry that another client claimed out of the parked ones is not taken from it", async (harness) => {
  const store = await replica(harness, "a");
  const { ref } = await holdOne(store, "a");
  await settle(store, "a", park(ref));
  await harness.redis.command(["XCLAIM", "events", "g", "stranger", 0, ref]);
  const claimed = await store.claimDue("a", 10);
  assert.deepEqual([claimed.deliveries, claimed.lost, claimed.lostRefs], [[], 0, [ref]]);
});

Deno.test("redis store: a read leaves at once, bounded by its block time and the margin, one that does not wait by nothing of its own", async () => {
  const bounds: unknown[] = [];
  const channel = new TestChannel("redis://127.0.0.1:1");
  channel.send = (_args, options) => {
    bounds.push([options?.atOnce, options?.timeoutMs]);
    return Promise.resolve(null);
  };
  const parts = { stream: "events", group: "g", command: channel, blocking: channel };
  const { signal } = new AbortController();
  await new RedisStreamStore(parts).read("a", 1, 500, signal);
  await new RedisStreamStore({ ...parts, readMarginMs: 70 }).read("a", 1, 500, signal);
  await new RedisStreamStore({ ...parts, readMarginMs: 70 }).read("a", 1, 0, signal);
  assert.deepEqual(bounds, [[true, 1_500], [true, 570], [true, undefined]]);
});

test("an abort that comes before the read has reached Redis ends it too", async (harness) => {
  const store = await replica(harness, "a");
  const controller = new AbortController();
  const reading = store.read("a", 10, 60_000, controller.signal);
  controller.abort();
  assert.deepEqual(await reading, []);
});

test("a publish key of a delayed event answers with its entry id once that is there", async (harness) => {
  const store = harness.store();
  const now = await store.time();
  const options = { dedupWindowMs: 60_000 };
  const event = item("x", { dedupKey: "k", deliverAtMs: now + 1_500 });
  assert.deepEqual(await store.append([event], options), [{ entryId: null, deduplicated: false }]);
  assert.deepEqual(await store.append([event], options), [{ entryId: null, deduplicated: true }]);
  await harness.elapse(1_510);
  assert.equal((await store.promoteDelayed(10)).moved, 1);
  const [entry] = await harness.entries();
  assert.deepEqual(await store.append([event], options), [{ entryId: entry!.id, deduplicated: true }]);
});

test("keys of strangers never become key names", async (harness) => {
  const store = await replica(harness, "a");
  const evil = "x".repeat(10_000) + "\r\n{}*";
  await store.append([item("x", { dedupKey: evil })], { dedupWindowMs: 60_000, batchKey: evil });
  const { ref } = only(await readNow(store, "a"));
  await settle(store, "a", done(ref, { dedupKey: evil }), 60_000);
  assert.deepEqual(await store.seen([evil, "y"]), [true, false]);
  const keys = rows(await harness.redis.command(["KEYS", "*"])).map(String);
  assert.ok(keys.every((key) => key === "events" || /^\{events\}:[\w:@-]{1,80}$/.test(key)), keys.join(" "));
});

test("WAITAOF on a Redis without it says so", async (harness) => {
  const failed = harness.store().append([item("x")], { durability: { level: "fsync" } });
  await assert.rejects(failed, { outcomeUnknown: true });
});

test("an error of the server is thrown where there is no outcome to put it in", async (harness) => {
  const store = harness.store();
  await harness.redis.command(["SET", "events", "by hand"]);
  await assert.rejects(
    store.ensureGroup(),
    (error) => error instanceof StoreRefusedError && error.reason === "wrong_type",
  );
  await assert.rejects(store.append([item("x")]), (error) => error instanceof StoreRefusedError);
});
