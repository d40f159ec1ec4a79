import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type FigureSource, type StreamFigures, StreamSampler } from "./metrics_sampler.ts";

const NONE: StreamFigures = { lag: 0, pending: 0, parked: 0, deadLetters: 0, delayed: 0, oldestAgeMs: 0 };

/** Counts how often it is asked; `answer` may be replaced. */
function source(stream = "s"): FigureSource & { asked: number; answer: () => Promise<StreamFigures> } {
  return {
    stream,
    group: "g",
    asked: 0,
    answer: () => Promise.resolve(NONE),
    stats(): Promise<StreamFigures> {
      this.asked++;
      return this.answer().then((figures) => ({ ...figures, lag: this.asked }));
    },
  };
}

Deno.test("a thousand looks in a second ask once", async () => {
  const clock = new FakeClock();
  const sampler = new StreamSampler({ clock, usable: () => true });
  const one = source();
  sampler.watch([one]);
  for (let look = 0; look < 1_000; look++) {
    const figures = await sampler.figures();
    assert.equal(figures.get(one)?.lag, 1);
    if (look % 100 === 0) await clock.advance(99);
  }
  assert.equal(one.asked, 1);
  await clock.advance(10);
  assert.equal((await sampler.figures()).get(one)?.lag, 2);
  assert.equal(clock.pending, 0);
});

Deno.test("however many streams there are, two questions a second are the most", async () => {
  const clock = new FakeClock();
  const sampler = new StreamSampler({ clock, usable: () => true });
  const many = Array.from({ length: 10 }, (_, n) => source(`s${n}`));
  sampler.watch(many);
  for (let second = 0; second < 20; second++) {
    await sampler.figures();
    await clock.advance(1_000);
  }
  assert.equal(many.reduce((sum, { asked }) => sum + asked, 0), 40);
});

Deno.test("nobody is asked while it is known that nobody would answer; the last figures stay", async () => {
  const clock = new FakeClock();
  let usable = false;
  const sampler = new StreamSampler({ clock, usable: () => usable });
  const one = source();
  sampler.watch([one]);
  assert.equal((await sampler.figures()).size, 0);
  usable = true;
  assert.equal((await sampler.figures()).get(one)?.lag, 1);
  usable = false;
  await clock.advance(10_000);
  assert.equal((await sampler.figures()).get(one)?.lag, 1);
  assert.equal(one.asked, 1);
});

Deno.test("one that hangs is waited for once, for a moment, and not asked again meanwhile", async () => {
  const clock = new FakeClock();
  const sampler = new StreamSampler({ clock, usable: () => true });
  const [good, hung] = [source("good"), source("hung")];
  const late = Promise.withResolvers<StreamFigures>();
  hung.answer = () => late.promise;
  sampler.watch([good, hung]);
  let done = false;
  const first = sampler.figures().then((figures) => {
    done = true;
    return figures;
  });
  await clock.advance(249);
  assert.equal(done, false);
  await clock.advance(1);
  const figures = await first;
  assert.deepEqual([figures.get(good)?.lag, figures.get(hung)], [1, undefined]);
  await clock.advance(5_000);
  assert.equal((await sampler.figures()).get(hung), undefined);
  assert.deepEqual([good.asked, hung.asked], [1, 1]);
  late.resolve(NONE);
  await clock.advance(0);
  assert.equal((await sampler.figures()).get(hung)?.lag, 2);
});

Deno.test("one that fails keeps what was known of it, and hides nobody else's figures", async () => {
  const clock = new FakeClock();
  const sampler = new StreamSampler({ clock, usable: () => true });
  const [good, bad] = [source("good"), source("bad")];
  sampler.watch([good, bad]);
  await sampler.figures();
  bad.answer = () => Promise.reject(new Error("away"));
  await clock.advance(1_000);
  const figures = await sampler.figures();
  assert.deepEqual([figures.get(good)?.lag, figures.get(bad)?.lag], [2, 1]);
});
