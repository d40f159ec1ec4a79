import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { Happenings } from "../happenings.ts";
import { Loop } from "./loop.ts";

/** Lets a loop fail for a minute. @returns The longest time between two of its steps after that, ms. */
async function longestWait(error: Error): Promise<number> {
  const clock = new FakeClock();
  const steps: number[] = [];
  const loop = new Loop({
    name: "failing",
    clock,
    random: () => 0.999,
    happenings: new Happenings(() => {}),
    step: () => {
      steps.push(clock.monotonic());
      return Promise.reject(error);
    },
  });
  loop.start();
  await clock.advance(60_000);
  const stopped = loop.stop();
  await clock.advance(0);
  await stopped;
  return Math.max(...steps.slice(1).map((at, index) => at - steps[index]!));
}

Deno.test("a loop that is refused tries again soon enough for events to flow within 3 s of the healing", async () => {
  const waited = await longestWait(new StoreRefusedError("loading", "LOADING Redis is loading the dataset in memory"));
  assert.ok(waited > 1_000 && waited <= 2_000, `${waited} ms`);
});

Deno.test("a loop whose Redis is away tries again within a second", async () => {
  const waited = await longestWait(new StoreUnavailableError("connection", "no connection"));
  assert.ok(waited > 500 && waited <= 1_000, `${waited} ms`);
});
