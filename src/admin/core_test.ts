import assert from "node:assert/strict";
import { done, hold, park, publish, readNow, refsOf } from "../../testing/conformance/steps.ts";
import { defineSchedule } from "../handling/define.ts";
import { AdminError } from "./errors.ts";
import { bury, coreFixture } from "./fixtures_test.ts";
import type { Params } from "./input.ts";
import { ScheduleDesk } from "./schedules.ts";
import type { Page } from "./shapes.ts";

const refused = (code: string, parameter?: string) => (error: unknown): boolean =>
  error instanceof AdminError && error.code === code && (parameter === undefined || error.parameter === parameter);

/** Every item, as somebody gets them who follows `next`. */
async function all<T>(ask: (params: Params) => Promise<Page<T>>, params: Params): Promise<T[]> {
  const items: T[] = [];
  for (let page = await ask(params);; page = await ask({ ...params, cursor: page.next })) {
    items.push(...page.items);
    if (page.next === null) return items;
  }
}

Deno.test("the overview adds up what lies in every state, over all streams", async () => {
  const { core, stores: [orders, mails] } = await coreFixture(["orders", "mails"]);
  const [e1, e2, e3] = refsOf(await hold(orders!, "a", 4));
  await orders!.settle("a", [done(e1!), park(e2!, 60_000), { kind: "release", ref: e3! }]);
  await publish(orders!, 2);
  await bury(mails!, "mail.sent");
  const overview = await core.overview();
  const { oldestAgeSeconds: _, ...totals } = overview.totals;
  assert.deepEqual(totals, { length: 7, lag: 2, pending: 1, parked: 2, due: 1, deadLetters: 1, delayed: 0 });
  assert.deepEqual(overview.streams.map(({ stream, lag, deadLetters }) => [stream, lag, deadLetters]), [
    ["orders", 2, 0],
    ["mails", 0, 1],
  ]);
  assert.deepEqual(overview.streams[0]?.trimFloor, { group: "g", entryId: e2 });
  const [consumer] = overview.streams[0]!.consumers;
  assert.deepEqual([consumer?.name, consumer?.pending, consumer?.parked, consumer?.state], ["a", 1, 1, "alive"]);
  assert.deepEqual(overview.lastErrors.map(({ kind, message }) => [kind, message]), [
    ["dead_lettered", "non_retryable: mail.sent cannot be"],
  ]);
  assert.deepEqual(await core.scaling(), { backlog: 4, oldestAgeSeconds: overview.totals.oldestAgeSeconds });
});

Deno.test("while Redis is away the overview says so, and everything else fails", async () => {
  const { core, broker } = await coreFixture();
  broker.offline(true);
  const { redis, streams, paused } = await core.overview();
  assert.deepEqual({ redis, streams, paused }, {
    redis: { status: "unhealthy", latency: null, error: "connection" },
    streams: [],
    paused: false,
  });
  await assert.rejects(core.scaling());
});

Deno.test("an entry is found in whichever stream has it, and what says most wins", async () => {
  const { core, stores: [orders, mails] } = await coreFixture(["orders", "mails"]);
  const [inOrders] = await publish(orders!, 1);
  const [inMails] = await publish(mails!, 1);
  assert.equal(inOrders, inMails, "the clock stands still, so that both have the same id");
  const [held] = await readNow(mails!, "a");
  const place = await core.where(inOrders!);
  assert.deepEqual([place.stream, place.state, place.owner], ["mails", "held", "a"]);
  assert.equal((await core.where(inOrders!, { stream: "orders" })).state, "waiting");
  await mails!.settle("a", [park(held!.ref, 5_000)]);
  const parked = await core.where(inMails!);
  assert.deepEqual([parked.state, parked.attempts, parked.errors?.[0]?.message], ["parked", 1, "boom"]);
  assert.equal(parked.event?.type, "t");
  await assert.rejects(core.where("5-5"), refused("not_found"));
  await assert.rejects(core.where("5-5", { stream: "nope" }), refused("invalid", "stream"));
});

Deno.test("a dead entry's place holds its letter", async () => {
  const { core, stores: [store] } = await coreFixture();
  const entryId = await bury(store!, "order.placed", "max_deliveries");
  const place = await core.where(entryId);
  const { items: [letter] } = await core.letters.list({});
  assert.equal(place.state, "dead");
  assert.deepEqual(place.letter, letter);
  assert.deepEqual([letter?.entryId, letter?.type, letter?.reason, letter?.deliveries], [
    ...[entryId, "order.placed", "max_deliveries"],
    1,
  ]);
  assert.deepEqual({ ...letter?.fields }, { id: "e", type: "order.placed" });
});

Deno.test("letters come newest first over all streams, page by page, each once", async () => {
  const { core, clock, stores } = await coreFixture(["a", "b", "c"]);
  for (let n = 0; n < 20; n++) {
    await bury(stores[n % 3]!, `t${n}`, n % 4 === 0 ? "invalid" : "non_retryable");
    if (n % 5 === 0) await clock.advance(10);
  }
  const whole = await core.letters.list({ limit: "500" });
  assert.deepEqual([whole.items.length, whole.next], [20, null]);
  for (const limit of ["1", "3", "7", "19", "20"]) {
    assert.deepEqual(await all((params) => core.letters.list(params), { limit }), whole.items, limit);
  }
  const invalids = await all((params) => core.letters.list(params), { limit: "2", reason: "invalid" });
  assert.deepEqual(invalids.map(({ type }) => type).sort(), ["t0", "t12", "t16", "t4", "t8"]);
  assert.deepEqual((await core.letters.list({ type: "t7" })).items.map(({ stream }) => stream), ["b"]);
});

Deno.test("events come oldest first, between times", async () => {
  const { core, clock, stores: [store, other] } = await coreFixture(["a", "b"]);
  const startMs = clock.now();
  for (let n = 0; n < 6; n++) {
    await (n % 2 === 0 ? store! : other!).append([{ fields: ["id", `e${n}`, "type", n < 3 ? "early" : "late"] }]);
    await clock.advance(1_000);
  }
  const ids = async (params: Params): Promise<unknown[]> =>
    (await all((more) => core.events(more), { limit: "2", ...params })).map(({ id }) => id);
  assert.deepEqual(await ids({}), ["e0", "e1", "e2", "e3", "e4", "e5"]);
  assert.deepEqual(await ids({ type: "late" }), ["e3", "e4", "e5"]);
  assert.deepEqual(await ids({ stream: "b" }), ["e1", "e3", "e5"]);
  assert.deepEqual(await ids({ from: String(startMs + 1_000), to: String(startMs + 3_000) }), ["e1", "e2", "e3"]);
  assert.deepEqual(await ids({ from: new Date(startMs + 4_000).toISOString() }), ["e4", "e5"]);
});

Deno.test("a replay gives back what fits and was there, each once; a dry run nothing", async () => {
  const { core, stores: [store] } = await coreFixture();
  for (const type of ["a", "b", "a"]) await bury(store!, type);
  assert.deepEqual(await core.letters.replayAll({ type: "a", dryRun: "true" }), { matched: 2, replayed: 0 });
  assert.deepEqual(await core.letters.replayAll({ type: "a" }), { matched: 2, replayed: 2 });
  assert.equal((await readNow(store!, "a")).length, 2);
  assert.deepEqual(await core.letters.replayAll({ type: "a" }), { matched: 0, replayed: 0 });
  const { items: [left] } = await core.letters.list({});
  assert.deepEqual(await core.letters.replay(left!.id, {}), { matched: 1, replayed: 1 });
  await assert.rejects(core.letters.replay(left!.id, {}), refused("not_found"));
});

Deno.test("a letter that dies again while others are replayed is not replayed a second time", async () => {
  const { core, stores: [store], admins: [admin] } = await coreFixture();
  for (let n = 0; n < 120; n++) await bury(store!, "poison");
  const replayOnce = store!.replay.bind(store);
  let replays = 0;
  store!.replay = async (id) => {
    if (++replays > 1_000) throw new Error("replays what died again, without end");
    const given = await replayOnce(id);
    await bury(store!, "poison");
    return given;
  };
  assert.deepEqual(await core.letters.replayAll({}), { matched: 120, replayed: 120 });
  assert.equal((await admin!.range({ of: "letters", limit: 500 })).entries.length, 120);
});

Deno.test("a letter is shown and deleted by its id; an id that several streams have needs the stream", async () => {
  const { core, stores: [orders, mails] } = await coreFixture(["orders", "mails"]);
  await bury(orders!, "a");
  await bury(mails!, "b");
  const { items } = await core.letters.list({});
  const { id } = items[0]!;
  assert.equal(items[1]?.id, id, "the clock stands still");
  for (const act of ["show", "replay", "remove"] as const) {
    await assert.rejects(core.letters[act](id, {}), refused("ambiguous", "stream"));
  }
  assert.equal((await core.letters.show(id, { stream: "mails" })).type, "b");
  assert.deepEqual(await core.letters.remove(id, { stream: "mails" }), { deleted: 1 });
  assert.equal((await core.letters.show(id, {})).type, "a");
  await assert.rejects(core.letters.remove(id, { stream: "mails" }), refused("not_found"));
});

Deno.test("pause and resume concern every stream, and the overview tells since when", async () => {
  const { core, clock, admins, pauses } = await coreFixture(["a", "b"]);
  assert.deepEqual(await core.setPaused(true), { paused: true });
  const since = clock.now();
  await clock.advance(5_000);
  for (const admin of admins) assert.equal(await admin.pausedSince(), since);
  const { paused, pausedSince } = await core.overview();
  assert.deepEqual([paused, pausedSince], [true, new Date(since).toISOString()]);
  assert.deepEqual(await core.setPaused(false), { paused: false });
  assert.equal((await core.overview()).paused, false);
  assert.equal(pauses.length, 2);
});

Deno.test("schedules say what comes next and what came last, and run now", async () => {
  const { core: bare, stores: [store], clock } = await coreFixture();
  assert.deepEqual(await bare.schedules(), { items: [], next: null });
  const everyMs = 60_000;
  const schedules = [
    defineSchedule({ name: "beat", everyMs, event: { type: "beat" } }),
    defineSchedule({ name: "nightly", cron: "0 3 * * *", event: { type: "report.due" } }),
  ];
  const ran: string[] = [];
  const runNow = (schedule: { readonly name: string }): Promise<string> => {
    ran.push(schedule.name);
    return Promise.resolve(`${schedule.name}@1`);
  };
  const desk = new ScheduleDesk({ schedules, store: store!, timezone: "UTC", runNow });
  const { core } = await coreFixture(["orders"], { schedules: desk });
  await store!.fire("beat", [], clock.now() + 1);
  const first = await core.schedules();
  assert.deepEqual(first.items.map(({ name, last }) => [name, last]), [["beat", null], ["nightly", null]]);
  const lastMs = Math.floor(clock.now() / everyMs) * everyMs + everyMs;
  await store!.fire("beat", [{ atMs: lastMs, item: { fields: ["type", "beat"] } }]);
  const { items: [beat, nightly] } = await core.schedules();
  assert.deepEqual(beat, {
    ...{ name: "beat", everyMs, type: "beat" },
    next: new Date(lastMs + everyMs).toISOString(),
    last: new Date(lastMs).toISOString(),
  });
  assert.match(nightly?.next ?? "", /T03:00:00\.000Z$/);
  assert.deepEqual(await desk.run("nightly"), { name: "nightly", eventId: "nightly@1" });
  assert.deepEqual(ran, ["nightly"]);
  await assert.rejects(desk.run("hourly"), refused("not_found"));
});

Deno.test("parameters that are not what is wanted are refused by name", async () => {
  const { core } = await coreFixture(["a", "b"]);
  const letters = (params: Params) => () => core.letters.list(params);
  const events = (params: Params) => () => core.events(params);
  const cases: [() => Promise<unknown>, string][] = [
    ...["0", "501", "1.5", "-1", "1e2", " 1", "99999"].map((limit): [() => Promise<unknown>, string] => [
      letters({ limit }),
      "limit",
    ]),
    ...["x", "1-1", "1-1.2", "1-1.-1", ".0", "1-1.00", "18446744073709551616-0.0", "1-1.0\n"].map((
      cursor,
    ): [() => Promise<unknown>, string] => [letters({ cursor }), "cursor"]),
    [letters({ reason: "bored" }), "reason"],
    [letters({ stream: "c" }), "stream"],
    [letters({ type: "x".repeat(2_000) }), "type"],
    ...["yesterday", "2025-13-01T00:00:00Z", "1-x", "-5", "18446744073709551616-0"].map((
      from,
    ): [() => Promise<unknown>, string] => [events({ from }), "from"]),
    [events({ to: "2025-02-30T00:00:00Z" }), "to"],
    ...["", "1", "1-", "-1", "1-1-1", "01-1", "1-1 ", "r:1-1", "1-18446744073709551616", "💥"].map((
      id,
    ): [() => Promise<unknown>, string] => [() => core.where(id), "entryId"]),
    [() => core.letters.show("1", {}), "id"],
    [() => core.letters.replayAll({ dryRun: "yes" }), "dryRun"],
    [() => core.letters.replayAll({ dry_run: "true" }), "dry_run"],
  ];
  for (const [ask, parameter] of cases) await assert.rejects(async () => await ask(), refused("invalid", parameter));
});
