import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { type Happening, Happenings } from "../happenings.ts";
import { MemoryStreamAdmin } from "../store/memory/admin.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { Dispatcher, type Runnable } from "./dispatcher.ts";
import { type Pausable, PauseWatch } from "./pause.ts";

interface SetUp {
  readonly clock: FakeClock;
  readonly watch: PauseWatch;
  readonly admins: readonly MemoryStreamAdmin[];
  /** `orders:true`, `dispatcher:true` … in order, changes only. */
  readonly log: string[];
  readonly happened: Happening[];
  failWith: Error | null;
}

function setUp(): SetUp {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const happened: Happening[] = [];
  happenings.listen((happening) => happened.push(happening));
  const log: string[] = [];
  const admins = ["orders", "mails"].map((stream) => new MemoryStreamAdmin({ broker, stream, group: "g" }));
  const streams = admins.map((admin): Pausable => ({
    admin: {
      stream: admin.stream,
      pausedSince: () => made.failWith === null ? admin.pausedSince() : Promise.reject(made.failWith),
    },
    pause: (paused) => log.push(`${admin.stream}:${paused}`),
  }));
  let held = false;
  const dispatcher = {
    pause(paused: boolean): void {
      if (paused !== held) log.push(`dispatcher:${paused}`);
      held = paused;
    },
  };
  const watch = new PauseWatch({ clock, random: () => 0.5, happenings, streams, dispatcher });
  const made: SetUp = { clock, watch, admins, log, happened, failWith: null };
  return made;
}

Deno.test("a pause is obeyed within half a second, and so is its end", async () => {
  const { clock, watch, admins, log, happened } = setUp();
  watch.loop.start();
  await clock.advance(0);
  for (const admin of admins) await admin.setPaused(true);
  await clock.advance(500);
  assert.deepEqual(log.splice(0), ["orders:true", "mails:true", "dispatcher:true"]);
  assert.equal(watch.paused, true);
  await clock.advance(5_000);
  assert.deepEqual(log, [], "told once");
  for (const admin of admins) await admin.setPaused(false);
  await clock.advance(500);
  assert.deepEqual(log, ["orders:false", "mails:false", "dispatcher:false"]);
  const told = happened.flatMap((one) => one.kind === "paused" ? [one.paused] : []);
  assert.deepEqual(told, [true, true, false, false]);
  await watch.loop.stop();
});

Deno.test("what is held goes on to start while one stream is not paused: nothing can be stuck by half a pause", async () => {
  const { watch, admins, log } = setUp();
  await admins[0]!.setPaused(true);
  await watch.check();
  assert.deepEqual(log, ["orders:true"]);
  assert.equal(watch.paused, false);
});

Deno.test("while the store does not answer all stays as it is", async () => {
  const made = setUp();
  for (const admin of made.admins) await admin.setPaused(true);
  await made.watch.check();
  made.failWith = new StoreUnavailableError("connection", "away");
  await assert.rejects(made.watch.check());
  assert.equal(made.watch.paused, true);
});

Deno.test("a user who may not read the flag is not stopped for good", async () => {
  const made = setUp();
  for (const admin of made.admins) await admin.setPaused(true);
  await made.watch.check();
  for (const cause of ["permission", "wrong_type"] as const) {
    made.failWith = new StoreRefusedError(cause, "no");
    await made.watch.check();
    assert.equal(made.watch.paused, false, cause);
  }
  made.failWith = new StoreRefusedError("loading", "not yet");
  await assert.rejects(made.watch.check());
});

/** Something to be run, that nobody need be told of. */
function runnable(ref: string, start: (end: () => void) => void): Runnable {
  const made: Runnable = {
    node: null,
    ...{ ref, id: ref, key: null, cap: null, alone: false, owner: { beforeStart: () => null } },
    run: (ended) => start(() => ended(made, "free")),
  };
  return made;
}

Deno.test("what is held and has not started waits for the end of a pause; what runs ends", async () => {
  const dispatcher = new Dispatcher(1);
  const ends: (() => void)[] = [];
  const run = (end: () => void): void => void ends.push(end);
  dispatcher.submit([runnable("1-0", run), runnable("2-0", run)]);
  await settled();
  assert.equal(ends.length, 1);
  dispatcher.pause(true);
  ends[0]!();
  await settled();
  assert.deepEqual([ends.length, dispatcher.running, dispatcher.waiting, dispatcher.hasRoom], [1, 0, 1, false]);
  dispatcher.pause(false);
  await settled();
  assert.equal(ends.length, 2);
});

Deno.test("the end of a pause does not open what the end of the service has closed", async () => {
  const dispatcher = new Dispatcher(1);
  let ran = 0;
  dispatcher.pause(true);
  dispatcher.submit([runnable("1-0", () => void ran++)]);
  dispatcher.setOpen(false);
  dispatcher.pause(false);
  await settled();
  assert.equal(ran, 0);
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}
