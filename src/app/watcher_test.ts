import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import type { GroupStats, StreamStore } from "../store/port.ts";
import { Watcher } from "./watcher.ts";

const STREAM = "orders";

/** Runs the watcher's loop around `body`; `look` changes what is found and lets the watcher look once more. */
async function watching(
  body: (found: { watcher: Watcher; clock: FakeClock; happenings: Happenings; look: Look }) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const happenings = new Happenings();
  const stats = { deadLetters: 0, lag: 0 };
  const store = { stream: STREAM, stats: () => Promise.resolve({ ...stats } as GroupStats) } as StreamStore;
  const serverFacts = (): Promise<null> => Promise.resolve(null);
  const watcher = new Watcher({ clock, random: () => 0, happenings, stores: [store], serverFacts });
  const look: Look = async (change) => {
    Object.assign(stats, change);
    await clock.advance(15_000);
  };
  watcher.loop.start();
  try {
    await clock.advance(0);
    await body({ watcher, clock, happenings, look });
  } finally {
    await watcher.loop.stop();
  }
}

type Look = (change: Partial<GroupStats>) => Promise<void>;

Deno.test("a refused settling step is a warning for ten seconds after the last refusal", () =>
  watching(async ({ watcher, clock, happenings }) => {
    happenings.emit({ kind: "settle_refused", stream: STREAM, cause: "out_of_memory", message: "full", count: 1 });
    assert.deepEqual(watcher.warnings, []);
    happenings.emit({ kind: "settle_refused", stream: STREAM, cause: "wrong_type", message: "dlq", count: 1 });
    assert.deepEqual(watcher.warnings, [`settling_refused:${STREAM}`]);
    await clock.advance(9_000);
    assert.deepEqual(watcher.warnings, [`settling_refused:${STREAM}`]);
    await clock.advance(2_000);
    assert.deepEqual(watcher.warnings, []);
  }));

Deno.test("dead letters that came are a warning for five minutes", () =>
  watching(async ({ watcher, clock, look }) => {
    await look({ deadLetters: 1 });
    assert.deepEqual(watcher.warnings, [`dead_letters_growing:${STREAM}`]);
    await clock.advance(300_000);
    assert.deepEqual(watcher.warnings, []);
  }));

Deno.test("lag is a warning once it has grown three times in a row, and no more when it shrinks", () =>
  watching(async ({ watcher, look }) => {
    for (const lag of [2_000, 3_000]) await look({ lag });
    assert.deepEqual(watcher.warnings, []);
    await look({ lag: 4_000 });
    assert.deepEqual(watcher.warnings, [`lag_growing:${STREAM}`]);
    await look({ lag: 3_999 });
    assert.deepEqual(watcher.warnings, []);
  }));
