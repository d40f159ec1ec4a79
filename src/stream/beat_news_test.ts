import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import type { Census, News, StreamStore } from "../store/port.ts";
import { accountantLoop } from "./accountant.ts";
import { BeatNews } from "./beat_news.ts";
import type { Loop } from "./loop.ts";
import { promoterLoop } from "./promoter.ts";
import { IDLE } from "./test_harness.ts";

const CENSUS: Census = { deleted: 0, trimmed: 0, remembered: true, rolledBack: 0, atStake: 0 };

interface SetUp {
  readonly clock: FakeClock;
  readonly beatNews: BeatNews;
  /** How often the store was asked since the last look. */
  readonly asked: () => number;
  /** Time passes, with a beat a second that tells this. */
  readonly beats: (count: number, news: News | null) => Promise<void>;
}

/** A loop over a store that counts questions, and beats that tell it what waits. */
async function working(
  make: (options: Parameters<typeof promoterLoop>[0]) => Loop,
  test: (setUp: SetUp) => Promise<void>,
) {
  const clock = new FakeClock();
  const beatNews = new BeatNews(clock);
  let questions = 0;
  const count = <T>(answer: T): Promise<T> => (questions++, Promise.resolve(answer));
  const store = {
    stream: "s",
    promoteDelayed: () => count({ moved: 0, nextDueInMs: null }),
    census: () => count(CENSUS),
  } as unknown as StreamStore;
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const loop = make({ store, clock, happenings, beatNews, random: () => 0.5 });
  const asked = (): number => [questions, questions = 0][0]!;
  const beats = async (times: number, news: News | null): Promise<void> => {
    for (let beat = 0; beat < times; beat++) {
      beatNews.saw(news);
      await clock.advance(1_000);
    }
  };
  beatNews.saw(IDLE);
  loop.start();
  await clock.advance(0);
  assert.equal(asked(), 1, "at the start");
  await test({ clock, beatNews, asked, beats });
  await loop.stop();
}

Deno.test("while beats tell that nothing is to be promoted, nobody asks; once something is, each beat does", async () => {
  await working(promoterLoop, async ({ asked, beats }) => {
    await beats(30, IDLE);
    assert.equal(asked(), 0);
    await beats(5, { ...IDLE, delayedInMs: 0 });
    assert.equal(asked(), 5);
  });
});

Deno.test("where beats tell nothing any more, what they would have told is asked for every second at least", async () => {
  for (const make of [promoterLoop, accountantLoop]) {
    await working(make, async ({ asked, beats }) => {
      await beats(5, IDLE);
      asked();
      await beats(10, null);
      const found = asked();
      assert.ok(found >= 10, `${make.name}: ${found} in 10 s`);
    });
  }
});

Deno.test("losses are counted with each beat that tells of a change, and seldom otherwise", async () => {
  await working(accountantLoop, async ({ asked, beats }) => {
    await beats(25, IDLE);
    assert.equal(asked(), 0);
    for (const mark of ["2", "3", "4"]) await beats(1, { ...IDLE, mark });
    assert.ok(asked() >= 3);
    await beats(61, { ...IDLE, mark: "4" });
    const found = asked();
    assert.ok(found >= 2 && found <= 4, `${found} in a minute`);
  });
});

Deno.test("news that no beat has confirmed for three seconds are none", async () => {
  const clock = new FakeClock();
  const beatNews = new BeatNews(clock);
  beatNews.saw(IDLE);
  assert.equal(beatNews.pace(({ adoptable }) => adoptable === 0, 1, 9), 9);
  assert.equal(beatNews.pace(({ adoptable }) => adoptable > 0, 1, 9), 1);
  await clock.advance(3_000);
  assert.equal(beatNews.latest, null);
  assert.equal(beatNews.pace(() => true, 1, 9), 1);
});
