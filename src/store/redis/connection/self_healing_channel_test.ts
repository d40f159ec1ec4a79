import assert from "node:assert/strict";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import type { LiveLink } from "./live_link.ts";
import { bench, FakeLink } from "./fixtures_test.ts";

const never = new AbortController().signal;
const refusedByNobody = (): StoreUnavailableError =>
  new StoreUnavailableError("connection", "refused", {
    cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
  });
const down = (): Promise<LiveLink> => Promise.reject(refusedByNobody());

Deno.test("waits between attempts are those of the configuration, to the millisecond", async () => {
  const { clock, channel, calls } = bench(down);
  channel.start();
  await clock.advance(0);
  assert.equal(calls.connect, 1);
  await clock.advance(4_999);
  assert.equal(calls.connect, 1);
  await clock.advance(1);
  assert.equal(calls.connect, 2);
  await clock.advance(14_999);
  assert.equal(calls.connect, 2);
  await clock.advance(1);
  assert.equal(calls.connect, 3);
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a probe a second ends the wait early when the address accepts again", async () => {
  let up = false;
  const { clock, channel, calls } = bench(
    () => up ? Promise.resolve(new FakeLink()) : down(),
    { probe: () => Promise.resolve(up) },
  );
  channel.start();
  await clock.advance(3_500);
  assert.equal(calls.connect, 1);
  assert.equal(calls.probe, 3);
  up = true;
  await clock.advance(500);
  assert.equal(channel.state, "ready");
  assert.equal(calls.connect, 2);
  await channel.close();
});

Deno.test("a probe that never answers does not hold up the retry", async () => {
  const { clock, channel, calls } = bench(down, { probe: () => new Promise(() => {}) });
  channel.start();
  await clock.advance(5_000);
  assert.equal(calls.connect, 2);
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("where the server answers and refuses there is no probe, and an attempt every two seconds", async () => {
  const wrong = (): Promise<LiveLink> => Promise.reject(new StoreRefusedError("auth", "WRONGPASS"));
  const { clock, channel, calls, links } = bench(wrong, { probe: () => Promise.resolve(true) });
  channel.start();
  await clock.advance(20_000);
  assert.equal(calls.connect, 11);
  assert.equal(calls.probe, 0);
  assert.equal(channel.cause, "auth");
  assert.ok(links.slice(1).every((link) => link.state === "lost" && link.cause === "auth"));
  await channel.close();
});

Deno.test("an attempt that hangs ends with the bound, and its late link is destroyed", async () => {
  const late = Promise.withResolvers<LiveLink>();
  const { clock, channel, links } = bench(() => late.promise);
  channel.start();
  await clock.advance(9_999);
  assert.equal(links.length, 1);
  await clock.advance(1);
  assert.equal(links[1]?.cause, "timeout");
  const link = new FakeLink();
  late.resolve(link);
  await clock.advance(0);
  assert.equal(link.destroyed, 1);
  await channel.close();
});

Deno.test("a command without a reply rejects, takes the link with it, and the others reject as lost", async () => {
  const first = new FakeLink(new StoreUnavailableError("connection", "gone", { outcomeUnknown: true }));
  const second = new FakeLink();
  const { clock, channel, links } = bench((_, attempt) => Promise.resolve(attempt === 1 ? first : second));
  channel.start();
  await clock.advance(2_000);
  const short = assert.rejects(channel.send(["GET", "a"]), { reason: "timeout", outcomeUnknown: true });
  const long = assert.rejects(channel.send(["GET", "b"], { timeoutMs: 60_000 }), { reason: "connection" });
  const batch = assert.rejects(channel.pipeline([["GET", "c"]], { timeoutMs: 60_000 }), { outcomeUnknown: true });
  await clock.advance(5_000);
  await Promise.all([short, long, batch]);
  assert.equal(first.destroyed, 1);
  assert.deepEqual(links.map((link) => link.state), ["connecting", "ready", "lost", "ready"]);
  assert.equal(links[2]?.retryInMs, 0);
  second.replies.push("PONG");
  assert.equal(await channel.send(["PING"]), "PONG");
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("what has waited before it is sent has less time for its reply", async () => {
  const { clock, channel } = bench(() => Promise.resolve(new FakeLink()));
  channel.start();
  await clock.advance(0);
  let ended = false;
  const sending = assert.rejects(channel.send(["GET", "a"], { waitedMs: 1_500 }), { reason: "timeout" })
    .then(() => ended = true);
  await clock.advance(3_499);
  assert.equal(ended, false);
  await clock.advance(1);
  await sending;
  await channel.close();
});

Deno.test("a timely reply leaves no timer behind", async () => {
  const link = new FakeLink();
  const { clock, channel } = bench(() => Promise.resolve(link));
  channel.start();
  await clock.advance(0);
  for (let n = 0; n < 100; n++) {
    link.replies.push("OK", "OK", new StoreRefusedError("unknown", "ERR"));
    await channel.send(["A"]);
    await channel.pipeline([["B"], ["C"]]);
  }
  assert.equal(clock.pending, 0);
  assert.equal(channel.state, "ready");
  await channel.close();
});

Deno.test("replies that mean another node make a fresh link, once, and others do not", async () => {
  const made: FakeLink[] = [];
  const { clock, channel } = bench(() => {
    const link = new FakeLink();
    made.push(link);
    return Promise.resolve(link);
  });
  channel.start();
  await clock.advance(1_000);
  made[0]?.replies.push(new StoreRefusedError("out_of_memory", "OOM"));
  await assert.rejects(channel.send(["XADD"]), StoreRefusedError);
  assert.equal(channel.state, "ready");
  const readonly = (): StoreRefusedError => new StoreRefusedError("readonly", "READONLY");
  made[0]?.replies.push("OK", readonly(), readonly());
  const replies = await channel.pipeline([["A"], ["B"], ["C"]]);
  assert.equal(replies[0], "OK");
  assert.ok(replies[1] instanceof StoreRefusedError);
  assert.equal(channel.state, "lost");
  await clock.advance(0);
  assert.equal(channel.state, "ready");
  assert.equal(made.length, 2);
  assert.equal(made[0]?.destroyed, 1);
  await channel.close();
});

Deno.test("links that die young are not asked for in a hot loop", async () => {
  const { clock, channel, calls } = bench(() => {
    const link = new FakeLink();
    queueMicrotask(() => queueMicrotask(() => link.lose(new StoreUnavailableError("connection", "closed"))));
    return Promise.resolve(link);
  });
  channel.start();
  await clock.advance(20_000);
  assert.ok(calls.connect >= 8 && calls.connect <= 16, `${calls.connect} attempts in 20 s`);
  await channel.close();
});

Deno.test("reset gives the link up and goes on with a fresh one; without a link it does nothing", async () => {
  const made: FakeLink[] = [];
  const { clock, channel, links } = bench(() => {
    made.push(new FakeLink());
    return Promise.resolve(made.at(-1)!);
  });
  channel.reset("too early");
  channel.start();
  channel.start();
  await clock.advance(1_000);
  channel.reset("the test wants it");
  channel.reset("again");
  assert.equal(channel.clientId, null);
  await clock.advance(0);
  assert.equal(channel.clientId, 7);
  assert.equal(made.length, 2);
  assert.match(links[2]?.message ?? "", /the test wants it/);
  assert.equal(links.length, 4);
  await channel.close();
});

Deno.test("what is meant for one client is not sent over its successor, which may have the same CLIENT ID", async () => {
  const made: FakeLink[] = [];
  const { clock, channel } = bench(() => {
    made.push(new FakeLink());
    return Promise.resolve(made.at(-1)!);
  });
  assert.equal(channel.linkId, null);
  channel.start();
  await clock.advance(1_000);
  const linkId = channel.linkId!;
  made[0]!.replies.push("OK");
  assert.equal(await channel.send(["A"], { linkId }), "OK");
  channel.reset("the test wants it");
  assert.equal(channel.linkId, null);
  const offline = { reason: "connection", outcomeUnknown: false };
  await assert.rejects(channel.send(["B"], { linkId }), offline);
  await clock.advance(0);
  assert.equal(made[1]!.clientId, made[0]!.clientId);
  await assert.rejects(channel.send(["C"], { linkId }), offline);
  await assert.rejects(channel.pipeline([["D"]], { linkId }), offline);
  assert.deepEqual(made[1]!.sent, []);
  made[1]!.replies.push("OK");
  assert.equal(await channel.send(["E"], { linkId: channel.linkId! }), "OK");
  await channel.close();
});

Deno.test("whenReady resolves with readiness, rejects with its signal, and keeps no listener", async () => {
  const opened = Promise.withResolvers<LiveLink>();
  const { clock, channel } = bench(() => opened.promise);
  const given = new AbortController();
  const ready = channel.whenReady(never);
  const impatient = channel.whenReady(given.signal);
  channel.start();
  given.abort(new Error("no time"));
  await assert.rejects(impatient, /no time/);
  await assert.rejects(channel.whenReady(given.signal), /no time/);
  opened.resolve(new FakeLink());
  await clock.advance(0);
  await ready;
  await channel.whenReady(never);
  await channel.close();
  await assert.rejects(channel.whenReady(never), { reason: "connection" });
});

Deno.test("close before, during and after connecting ends the loop and destroys what is there", async () => {
  const unstarted = bench(down);
  await unstarted.channel.close();
  unstarted.channel.start();
  await unstarted.clock.advance(0);
  assert.equal(unstarted.calls.connect, 0);

  const late = Promise.withResolvers<LiveLink>();
  const connecting = bench(() => late.promise);
  connecting.channel.start();
  await connecting.clock.advance(0);
  assert.equal(connecting.calls.connect, 1);
  await connecting.channel.close();
  await connecting.channel.close();
  const link = new FakeLink();
  late.resolve(link);
  await connecting.clock.advance(0);
  assert.equal(link.destroyed, 1);
  assert.equal(connecting.clock.pending, 0);
  assert.equal(connecting.links.filter((each) => each.state === "closing").length, 1);
});

Deno.test("after the last allowed attempt it gives up, says so once, and tries no more", async () => {
  const { clock, channel, calls, happenings } = bench(down, { maxAttempts: 3 });
  const said: number[] = [];
  happenings.listen((happening) => {
    if (happening.kind === "gave_up") said.push(happening.attempts);
  });
  const waiting = assert.rejects(channel.whenReady(never), { code: "redis_gave_up" });
  channel.start();
  await clock.advance(120_000);
  await waiting;
  assert.deepEqual(said, [3]);
  assert.equal(calls.connect, 3);
  await assert.rejects(channel.send(["PING"]), { code: "redis_gave_up" });
  await channel.close();
});

Deno.test("an error of an unforeseen class is a failed attempt, not the end of the loop", async () => {
  const { clock, channel, links } = bench((_, attempt) =>
    attempt === 1 ? Promise.reject(new TypeError("bug")) : Promise.resolve(new FakeLink())
  );
  channel.start();
  await clock.advance(2_000);
  assert.equal(links[1]?.cause, "unknown");
  assert.equal(channel.state, "ready");
  await channel.close();
});

Deno.test("whenever close comes, a link that was just opened is destroyed", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const opened = Promise.withResolvers<LiveLink>();
    const link = new FakeLink();
    const { clock, channel } = bench(() => opened.promise);
    channel.start();
    await clock.advance(0);
    opened.resolve(link);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await channel.close();
    await clock.advance(0);
    assert.ok(link.destroyed > 0, `closed ${turns} turns after opening`);
  }
});
