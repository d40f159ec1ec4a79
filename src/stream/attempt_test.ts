import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { defineHandler } from "../handling/define.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { describeError } from "./attempt.ts";
import { stopOn, workerOn } from "./test_harness.ts";

Deno.test("what is said of a failure is whole where it is short", () => {
  assert.equal(describeError(new TypeError("boom")), "TypeError: boom");
  assert.equal(describeError({ toString: () => "odd" }), "thrown: odd");
});

Deno.test("a long text of a failure is a copy of its beginning, and does not keep the rest alive", () => {
  const said = describeError(new Error("x".repeat(5_000)));
  assert.equal(said.length, 2_000);
  // A mere slice of the text would end without this, and refer to all of it.
  assert.equal(said.at(-1), "…");
});

Deno.test("few calls stand above a handler: each makes the stack of every error that it throws dearer", async () => {
  const clock = new FakeClock();
  const stacks: string[] = [];
  const handle = (): void => void stacks.push(new Error("here").stack ?? "");
  const { worker, publisher } = workerOn(clock, new MemoryBroker(clock), defineHandler({ type: "*", handle }));
  worker.start();
  await publisher.publish({ type: "t" });
  for (let waited = 0; stacks.length === 0 && waited < 5_000; waited += 100) await clock.advance(100);
  const calls = stacks[0]?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
  assert.ok(calls.length >= 1 && calls.length <= 5, stacks[0]);
  await stopOn(clock, worker);
});
