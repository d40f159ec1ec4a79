import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type Happening, Happenings } from "../happenings.ts";
import { logHappenings, SUMMARY_MS } from "./log_happenings.ts";
import { recordingLogger } from "./recording_logger.ts";
import type { LogLevel } from "./logger.ts";

interface SetUp {
  readonly clock: FakeClock;
  readonly stop: () => void;
  emit(happening: Happening, times?: number): void;
  /** Lines since the last call, `LEVEL message`. */
  lines(): string[];
  /** Fields of the last line. */
  last(): Readonly<Record<string, unknown>>;
}

function setUp(level: LogLevel = "DEBUG"): SetUp {
  const clock = new FakeClock();
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const { logger, records } = recordingLogger(level);
  const stop = logHappenings(happenings, logger, clock);
  let seen = 0;
  return {
    clock,
    stop,
    emit: (happening, times = 1) => {
      for (let i = 0; i < times; i++) happenings.emit(happening);
    },
    lines: () => {
      const fresh = records.slice(seen).map((record) => `${record.level} ${record.message}`);
      seen = records.length;
      return fresh;
    },
    last: () => records.at(-1)?.fields ?? {},
  };
}

const link = (state: "connecting" | "ready" | "lost" | "closing", more: object = {}): Happening => ({
  kind: "link",
  channel: "main",
  state,
  ...more,
});
const parked: Happening = {
  kind: "parked",
  stream: "s",
  ref: "1-1",
  entryId: "1-1",
  type: "order.placed",
  delayMs: 1_000,
  attempt: 1,
  error: "no stock",
};
const dead: Happening = {
  kind: "dead_lettered",
  stream: "s",
  ref: "1-1",
  entryId: "1-1",
  type: "t",
  reason: "invalid",
  error: "e",
};

Deno.test("each change of state is one line", () => {
  const { emit, lines, stop } = setUp("INFO");
  emit({ kind: "lifecycle", state: "draining" });
  emit(link("connecting"));
  emit(link("ready"));
  emit({ kind: "group_created", stream: "s", group: "g", again: false });
  emit({ kind: "group_created", stream: "s", group: "g", again: true });
  emit({ kind: "lease_lost", stream: "s", consumer: "me", held: 3 });
  emit({ kind: "taken_over", stream: "s", from: "peer", count: 4 });
  emit({ kind: "store_lost", stream: "s", cause: "trimmed", count: 5 });
  emit({ kind: "handed_back", stream: "s", count: 2, failed: 0 });
  emit({ kind: "handed_back", stream: "s", count: 2, failed: 1 });
  emit({ kind: "schedule_fired", schedule: "beat", occurrences: 1 });
  emit(parked);
  emit(dead);
  emit({ kind: "gave_up", attempts: 3 });
  assert.deepEqual(lines(), [
    "INFO service draining",
    "INFO link main ready",
    "INFO group g created",
    "WARN group g was gone and is made again",
    "WARN lease of me lost, 3 entries held",
    "WARN took over 4 entries from peer",
    "WARN the store lost 5 entries: trimmed",
    "INFO handed back 2 entries",
    "WARN 1 entries could not be handed back",
    "INFO order.placed 1-1 failed, retry in 1000 ms",
    "WARN t 1-1 dead-lettered: invalid",
    "ERROR gave up on Redis after 3 attempts",
  ]);
  stop();
});

Deno.test("a lost link is told at once, its first failed attempt too, then once in 30 s, then its end", async () => {
  const { clock, emit, lines, last, stop } = setUp("INFO");
  emit(link("ready"));
  emit(link("lost", { cause: "connection", message: "ECONNRESET" }));
  for (let attempt = 1; attempt <= 40; attempt++) {
    emit(link("connecting", { cause: "connection", message: "ECONNREFUSED", attempt, retryInMs: 1_000 }));
    await clock.advance(1_000);
  }
  assert.deepEqual(lines(), [
    "INFO link main ready",
    "WARN link main lost: connection",
    "WARN link main connecting: connection",
    "WARN link main still down after 30000 ms: connection",
  ]);
  assert.equal(last()["count"], 31, "the loss and thirty attempts");
  assert.equal(last()["error"], "ECONNREFUSED");
  emit(link("connecting", { cause: "loading", attempt: 41 }));
  emit(link("ready"));
  emit(link("ready"));
  assert.deepEqual(lines(), [
    "WARN link main connecting: loading",
    "INFO link main ready again after 40000 ms",
    "INFO link main ready",
  ]);
  await clock.advance(10 * SUMMARY_MS);
  assert.deepEqual(lines(), []);
  assert.equal(clock.pending, 0, "no timer runs while nothing is wrong");
  stop();
});

Deno.test("a link that comes and goes all the time makes a few lines in 30 s, and the last says how it is", async () => {
  const { clock, emit, lines, last, stop } = setUp("INFO");
  for (let i = 0; i < 100; i++) {
    emit(link("lost", { cause: "connection" }));
    emit(link("ready"));
    await clock.advance(100);
  }
  assert.equal(lines().length, 6);
  await clock.advance(SUMMARY_MS);
  assert.deepEqual(lines(), ["INFO link main ready again after 0 ms"]);
  assert.equal(last()["changesNotShown"], 194);
  stop();
});

Deno.test("the summary of a fault comes 30 s after it began, whatever was counted before", async () => {
  const { clock, emit, lines, stop } = setUp("INFO");
  emit({ kind: "published", stream: "s", type: "t", count: 2, origin: "api" });
  await clock.advance(SUMMARY_MS - 1);
  emit(link("lost", { cause: "connection" }));
  await clock.advance(SUMMARY_MS - 1);
  assert.equal(lines().length, 1);
  await clock.advance(1);
  assert.deepEqual(lines(), ["WARN link main still down after 30000 ms: connection"]);
  stop();
});

Deno.test("a link that is closed on purpose is no fault that goes on", async () => {
  const { clock, emit, lines, stop } = setUp("INFO");
  emit(link("lost", { cause: "connection" }));
  emit(link("closing"));
  await clock.advance(2 * SUMMARY_MS);
  assert.equal(lines().length, 1);
  stop();
});

for (
  const [name, fault, heal, text] of [
    ["read_failed", { kind: "read_failed", stream: "s", cause: "permission", message: "NOPERM" }, {
      kind: "read",
      stream: "s",
      count: 0,
    }, "reading s"],
    ["settle_refused", { kind: "settle_refused", stream: "s", cause: "permission", message: "NOPERM", count: 2 }, {
      kind: "settled",
      stream: "s",
      group: "g",
      type: "t",
      outcome: "processed",
      count: 1,
      refs: [],
    }, "settling in s"],
    ["beat", { kind: "beat", stream: "s", ok: false, latencyMs: 0, cause: "permission" }, {
      kind: "beat",
      stream: "s",
      ok: true,
      latencyMs: 1,
    }, "s "],
  ] as const satisfies readonly (readonly [string, Happening, Happening, string])[]
) {
  Deno.test(`${name} is told at once, then once in 30 s with a count, then its end`, async () => {
    const { clock, emit, lines, last, stop } = setUp("INFO");
    emit(heal);
    for (let second = 0; second < 65; second++) {
      emit(fault, 10);
      await clock.advance(1_000);
    }
    const [first, summary, again, ...more] = lines();
    assert.ok(first?.startsWith(`WARN ${text}`) && first.endsWith("permission"), first);
    assert.match(summary ?? "", /still .* 30000 ms/);
    assert.match(again ?? "", /still .* 60000 ms/);
    assert.deepEqual(more, []);
    assert.deepEqual([last()["count"], last()["recent"], last()["stream"]], [600, 300, "s"]);
    emit(heal, 5);
    assert.match(lines().join(), /^INFO [^,]* again after 65000 ms$/);
    await clock.advance(SUMMARY_MS);
    assert.deepEqual(lines(), []);
    stop();
  });
}

Deno.test("a group that is gone is one line: that it is made again", () => {
  const { emit, lines, stop } = setUp("INFO");
  for (const cause of ["no_group", "unblocked"] as const) {
    emit({ kind: "read_failed", stream: "s", cause, message: "gone" });
    emit({ kind: "loop_failed", loop: "reader:s", cause, message: "gone" });
  }
  emit({ kind: "group_created", stream: "s", group: "g", again: true });
  emit({ kind: "read", stream: "s", count: 0 });
  assert.deepEqual(lines(), ["WARN group g was gone and is made again"]);
  stop();
});

Deno.test("all loops that fail of one cause are one fault, and it is over when a whole window was quiet", async () => {
  const { clock, emit, lines, stop } = setUp("INFO");
  for (const loop of ["reader", "reaper", "trimmer", "keeper"]) {
    emit({ kind: "loop_failed", loop, message: "away", cause: "connection" }, 20);
  }
  assert.deepEqual(lines(), ["WARN loop reader failed: connection"]);
  emit({ kind: "loop_failed", loop: "a", message: "a bug", cause: "unknown" });
  emit({ kind: "loop_failed", loop: "b", message: "a bug", cause: "unknown" });
  assert.deepEqual(lines(), ["WARN loop a failed: unknown", "WARN loop b failed: unknown"]);
  await clock.advance(SUMMARY_MS);
  assert.equal(lines().length, 3);
  await clock.advance(SUMMARY_MS);
  assert.deepEqual(lines(), new Array(3).fill("INFO loops work again after 60000 ms"));
  await clock.advance(SUMMARY_MS);
  assert.equal(clock.pending, 0);
  stop();
});

Deno.test("for a parked entry that gets no line nothing is looked up", () => {
  const { emit, lines, last, stop } = setUp("INFO");
  let asked = 0;
  const happening: Happening = {
    ...parked,
    get correlationId() {
      asked++;
      return "c-1";
    },
  };
  emit(happening, 1_000);
  assert.deepEqual([lines().length, asked, last()["correlationId"]], [10, 10, "c-1"]);
  stop();
});

Deno.test("many parked and dead-lettered entries a second are ten lines and a summary of the rest", async () => {
  const { clock, emit, lines, stop } = setUp("INFO");
  emit(parked, 1_000);
  emit(dead, 500);
  assert.equal(lines().length, 20);
  await clock.advance(5_000);
  emit(dead);
  assert.deepEqual(lines(), [], "quiet until the summary, so that its number is right");
  await clock.advance(SUMMARY_MS);
  assert.deepEqual(lines(), ["INFO 990 more of parked not shown", "WARN 491 more of dead_lettered not shown"]);
  emit(dead);
  assert.equal(lines().length, 1);
  for (let i = 0; i < 60; i++) {
    emit(parked, 5);
    await clock.advance(1_000);
  }
  assert.equal(lines().length, 300, "five a second are all shown");
  stop();
});

Deno.test("traffic makes no line at INFO, and one sum in 30 s at DEBUG", async () => {
  const traffic: Happening[] = [
    { kind: "published", stream: "s", type: "t", count: 2, origin: "api" },
    { kind: "read", stream: "s", count: 3 },
    { kind: "attempted", stream: "s", type: "t", agesMs: [1, 2], succeededMs: [1], failedMs: [2] },
    { kind: "settled", stream: "s", group: "g", type: "t", outcome: "processed", count: 4, refs: [] },
  ];
  for (const level of ["INFO", "DEBUG"] as const) {
    const { clock, emit, lines, last, stop } = setUp(level);
    for (const happening of traffic) emit(happening, 1_000);
    assert.deepEqual(lines(), []);
    await clock.advance(SUMMARY_MS);
    assert.deepEqual(lines(), level === "INFO" ? [] : ["DEBUG traffic since the last such line"]);
    if (level === "DEBUG") {
      const expected = {
        published: 2_000,
        read: 3_000,
        started: 2_000,
        finished: 1_000,
        failed: 1_000,
        processed: 4_000,
      };
      assert.deepEqual({ ...last() }, expected);
    }
    await clock.advance(SUMMARY_MS);
    assert.equal(clock.pending, 0);
    stop();
  }
});

Deno.test("what holds trimming back is told when it changes", () => {
  const { emit, lines, stop } = setUp("INFO");
  emit({ kind: "trimmed", stream: "s", removed: 5 });
  emit({ kind: "trimmed", stream: "s", removed: 0, heldBackBy: "slow" }, 10);
  emit({ kind: "trimmed", stream: "s", removed: 5 }, 10);
  assert.deepEqual(lines(), [
    "INFO trimming of s is held back by what group slow still needs",
    "INFO trimming of s is no longer held back",
  ]);
  stop();
});

Deno.test("stopping tells what was counted and not yet told, and leaves no timer and no listener", async () => {
  const { clock, emit, lines, stop } = setUp("INFO");
  emit(parked, 15);
  emit(link("lost", { cause: "connection" }));
  lines();
  stop();
  stop();
  assert.deepEqual(lines(), ["INFO 5 more of parked not shown"]);
  assert.equal(clock.pending, 0);
  emit(dead);
  await clock.advance(SUMMARY_MS);
  assert.deepEqual(lines(), []);
});

Deno.test("an error text of any length is cut", () => {
  const { emit, last, stop } = setUp();
  emit({ ...parked, error: "x".repeat(100_000) });
  assert.equal(String(last()["error"]).length, 500);
  stop();
});
