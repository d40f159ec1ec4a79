import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { loadHandlers } from "./load.ts";
import { HandlersInvalidError } from "./registry.ts";

Deno.test("a module that never finishes loading is given up after 10 s, and no earlier", async () => {
  const clock = new FakeClock();
  // It ends with the test: a module that never does fails the whole file.
  const gate = Promise.withResolvers<void>();
  Reflect.set(globalThis, "loadTestGate", gate.promise);
  const endless = "data:application/javascript,await globalThis.loadTestGate;";
  const failures: unknown[] = [];
  const loading = loadHandlers(endless, "/", clock).catch((error) => failures.push(error));
  await clock.advance(9_999);
  assert.equal(failures.length, 0);
  await clock.advance(1);
  await loading;
  const [failure] = failures;
  assert.ok(failure instanceof HandlersInvalidError, String(failure));
  assert.match(failure.message, /has not finished loading within 10000 ms/);
  assert.equal(failure.code, "handlers_invalid");
  assert.equal(clock.pending, 0);
  gate.resolve();
});

Deno.test("a module that loads leaves no timer behind", async () => {
  const clock = new FakeClock();
  const { handlers, schedules } = await loadHandlers("data:application/javascript,export const a = 1;", "/", clock);
  assert.deepEqual([handlers, schedules, clock.pending], [[], [], 0]);
});
