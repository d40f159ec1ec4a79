import assert from "node:assert/strict";
import { FakeClock } from "../../../testing/fake_clock.ts";
import { StoreClock } from "./store_clock.ts";

Deno.test("the store's time goes on from where it was seen, for two seconds", async () => {
  const clock = new FakeClock();
  const storeClock = new StoreClock(clock);
  assert.equal(storeClock.now, null);
  storeClock.saw(5_000, clock.monotonic());
  await clock.advance(1_500);
  assert.equal(storeClock.now, 6_500);
  await clock.advance(500);
  assert.equal(storeClock.now, null);
});

Deno.test("an answer that lay about while the process slept tells nobody the time", async () => {
  const clock = new FakeClock();
  const storeClock = new StoreClock(clock);
  const askedAt = clock.monotonic();
  await clock.advance(4_000);
  storeClock.saw(5_000, askedAt);
  assert.equal(storeClock.now, null);
});
