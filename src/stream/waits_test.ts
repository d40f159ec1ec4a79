import assert from "node:assert/strict";
import { type Waiting, Waits } from "./waits.ts";

/** Notes what it is told. */
const noting = (told: unknown[], name: string): Waiting => ({
  returned: () => told.push(name),
  threw: (error) => told.push([name, error]),
});

Deno.test("each is told of its own promise, in the order in which they end, again and again", async () => {
  const waits = new Waits();
  for (let round = 0; round < 3; round++) {
    const told: unknown[] = [];
    const [slow, quick, bad] = [1, 2, 3].map(() => Promise.withResolvers<unknown>());
    waits.until(slow!.promise, noting(told, "slow"));
    waits.until(quick!.promise, noting(told, "quick"));
    waits.until(bad!.promise, noting(told, "bad"));
    quick!.resolve(1);
    bad!.reject("why");
    await Promise.allSettled([quick!.promise, bad!.promise]);
    assert.deepEqual(told, ["quick", ["bad", "why"]]);
    slow!.resolve(1);
    await slow!.promise;
    assert.deepEqual(told, ["quick", ["bad", "why"], "slow"]);
  }
});

Deno.test("a promise whose own then calls back twice is heard once, and nobody else hears of it", async () => {
  const waits = new Waits();
  const told: unknown[] = [];
  const hostile = Object.assign(Promise.resolve(1), {
    then(returned: () => void, threw: (error: unknown) => void): Promise<unknown> {
      returned();
      threw("again");
      return Promise.resolve();
    },
  }) as Promise<unknown>;
  const { promise, resolve } = Promise.withResolvers<unknown>();
  waits.until(hostile, noting(told, "hostile"));
  waits.until(promise, noting(told, "other"));
  await Promise.resolve();
  assert.deepEqual(told, ["hostile"]);
  resolve(1);
  await promise;
  assert.deepEqual(told, ["hostile", "other"]);
});

Deno.test("what only looks like a promise has thrown", () => {
  const told: unknown[] = [];
  const waits = new Waits();
  waits.until(Object.create(Promise.prototype), noting(told, "fake"));
  assert.equal(told.length, 1);
  assert.ok(Array.isArray(told[0]) && told[0][1] instanceof TypeError);
});
