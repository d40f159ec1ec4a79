import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { FakeClock } from "../../../testing/fake_clock.ts";
import { turn } from "../../clock.ts";
import { StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Appended, AppendItem } from "../port.ts";
import { GatheredAppends } from "./gathered.ts";

/** One call that was made, and how it ends. */
interface Call {
  readonly items: readonly AppendItem[];
  readonly windowMs: number;
  readonly waitedMs: number;
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

/** Its process may be busy: time passes while nothing else happens. */
class BusyClock extends FakeClock {
  #busyMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.#busyMs;
  }

  beBusy(ms: number): void {
    this.#busyMs += ms;
  }
}

function gathering(): { gathered: GatheredAppends; calls: Call[]; clock: BusyClock } {
  const calls: Call[] = [];
  const clock = new BusyClock();
  const gathered = new GatheredAppends((items, windowMs, waitedMs) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Appended[]>();
    const answer = (): void =>
      resolve(items.map(({ fields: [name] }) => ({ entryId: `${name}`, deduplicated: false })));
    calls.push({ items, windowMs, waitedMs, answer, fail: reject });
    return promise;
  }, clock);
  return { gathered, calls, clock };
}

const names = (call: Call | undefined): unknown => call?.items.map(({ fields: [name] }) => name);
const item = (...fields: string[]): AppendItem => ({ fields });
/** Lets everything that is due happen. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 3; turns++) await turn();
};

Deno.test("what comes at the same time goes together, and each gets its own answer", async () => {
  const { gathered, calls } = gathering();
  const appending = ["a", "b", "c"].map((name) => gathered.append(item(name), 5));
  await settle();
  assert.deepEqual(calls.map(names), [["a", "b", "c"]]);
  calls[0]!.answer();
  assert.deepEqual((await Promise.all(appending)).map(({ entryId }) => entryId), ["a", "b", "c"]);
});

Deno.test("what different connections bring in one turn of the event loop goes together", async () => {
  const { gathered, calls } = gathering();
  const appending: Promise<Appended>[] = [];
  // Each of these is called by itself, with its own microtasks done before the next.
  for (const name of ["a", "b", "c"]) setImmediate(() => appending.push(gathered.append(item(name), 5)));
  await settle();
  assert.deepEqual(calls.map(names), [["a", "b", "c"]]);
  calls[0]!.answer();
  await Promise.all(appending);
});

Deno.test("while two calls are under way the others wait, and the next call knows for how long", async () => {
  const { gathered, calls, clock } = gathering();
  const appending = [];
  for (const name of ["a", "b", "c", "d"]) {
    appending.push(gathered.append(item(name), 5));
    await settle();
  }
  assert.deepEqual(calls.map(names), [["a"], ["b"]]);
  await clock.advance(40);
  calls[1]!.answer();
  await settle();
  assert.deepEqual(names(calls[2]), ["c", "d"]);
  assert.deepEqual(calls.map(({ waitedMs }) => waitedMs), [0, 0, 40]);
  calls[0]!.answer();
  calls[2]!.answer();
  await Promise.all(appending);
});

Deno.test("a burst goes in two calls at a time", async () => {
  const { gathered, calls } = gathering();
  const appending = Array.from({ length: 250 }, (_, index) => gathered.append(item(`${index}`), 5));
  await settle();
  assert.deepEqual(calls.map(({ items }) => items.length), [100, 100]);
  calls[0]!.answer();
  await settle();
  assert.deepEqual(calls.map(({ items }) => items.length), [100, 100, 50]);
  for (const call of calls) call.answer();
  await Promise.all(appending);
});

Deno.test("while the process itself is busy, nothing of a call's time passes", async () => {
  const { gathered, calls, clock } = gathering();
  const appending = [gathered.append(item("a"), 5)];
  clock.beBusy(4_000);
  appending.push(gathered.append(item("b"), 5));
  await settle();
  assert.deepEqual(calls.map(names), [["a", "b"]]);
  assert.deepEqual(calls.map(({ waitedMs }) => waitedMs), [0]);
  calls[0]!.answer();
  await Promise.all(appending);
});

Deno.test("a call that fails fails its own events alone, and the next one goes", async () => {
  const { gathered, calls } = gathering();
  const appending = [];
  for (const name of ["a", "b", "c"]) {
    appending.push(gathered.append(item(name), 5));
    await settle();
  }
  const settled = Promise.allSettled(appending);
  const refused = new StoreRefusedError("out_of_memory", "OOM");
  calls[0]!.fail(refused);
  await settle();
  calls[1]!.answer();
  calls[2]!.answer();
  const [first, ...others] = await settled;
  assert.equal(first?.status === "rejected" && first.reason, refused);
  assert.deepEqual(others.map(({ status }) => status), ["fulfilled", "fulfilled"]);
});

Deno.test("a call has one window, at most 100 events, and a mebibyte unless one event is larger", async () => {
  const { gathered, calls } = gathering();
  const large = "x".repeat(600_000);
  const items: readonly (readonly [string, number, string])[] = [
    ...Array.from({ length: 101 }, (_, index) => [`${index}`, 5, ""] as const),
    ["other", 6, ""],
    ["large", 6, large],
    ["larger", 6, large + large],
    ["last", 6, ""],
  ];
  const appending = items.map(([name, windowMs, data]) => gathered.append(item(name, data), windowMs));
  for (let call = 0; call < 5; call++) {
    await settle();
    calls[call]!.answer();
  }
  await Promise.all(appending);
  assert.deepEqual(calls.map(({ items }) => items.length), [100, 1, 2, 1, 1]);
  assert.deepEqual(calls.map(({ windowMs }) => windowMs), [5, 5, 6, 6, 6]);
  assert.deepEqual(names(calls[2]), ["other", "large"]);
});

Deno.test("what waits is sent before what comes past it", async () => {
  const { gathered, calls } = gathering();
  const appending = [];
  for (const name of ["a", "b", "c"]) {
    appending.push(gathered.append(item(name), 5));
    await settle();
  }
  gathered.flush();
  assert.deepEqual(calls.map(names), [["a"], ["b"], ["c"]]);
  for (const call of calls) call.answer();
  await Promise.all(appending);
});

Deno.test("more than 10,000 do not wait", async () => {
  const { gathered, calls } = gathering();
  const appending = Array.from({ length: 10_000 }, (_, index) => gathered.append(item(`${index}`), 5));
  await assert.rejects(
    gathered.append(item("late"), 5),
    (error: unknown) => error instanceof StoreUnavailableError && error.reason === "timeout" && !error.outcomeUnknown,
  );
  for (let call = 0; call < 100; call++) {
    await settle();
    calls[call]!.answer();
  }
  await Promise.all(appending);
});
