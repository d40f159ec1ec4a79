import assert from "node:assert/strict";
import { configureSync, getConfig, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { FakeClock } from "../../testing/fake_clock.ts";
import { waitFor } from "../../testing/wait.ts";
import { capture, jsonOf, linesOf } from "./test_harness.ts";
import { currentLogContext, withLogContext } from "./log_context.ts";
import type { Logger } from "./logger.ts";
import { recordingLogger } from "./recording_logger.ts";

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

Deno.test("a JSON line has the fields of the contract and the record's own", async () => {
  const line = await jsonOf((log) =>
    withLogContext(
      { correlationId: "c-1", traceId: "t-1" },
      () => log.child({ group: "g" }).warn("placing {id}", { id: 7 }),
    )
  );
  assert.deepEqual(line, {
    time: "2023-11-14T22:13:20.000Z",
    level: "WARN",
    message: "placing 7",
    logger: "part.sub",
    service: "svc",
    correlationId: "c-1",
    traceId: "t-1",
    group: "g",
    id: 7,
  });
});

Deno.test("a text line is for people: time in the time zone, level, logger, message, fields", async () => {
  const options = { format: "text", timezone: "Europe/Berlin" } as const;
  const lines = await linesOf(options, (log) => {
    withLogContext(
      { correlationId: "c-1" },
      () => log.info("placing {id}", { id: 7, note: 'two "words"', o: { a: 1 } }),
    );
  });
  assert.deepEqual(lines, [
    `2023-11-14T23:13:20.000+01:00 INFO  part.sub: placing 7 note="two \\"words\\"" o={"a":1} service=svc correlationId=c-1`,
  ]);
});

Deno.test("colour is there when told, and never with NO_COLOR", async () => {
  const say = (log: Logger): void => log.error("text", { x: "\x1b[31mred" });
  const [colored = ""] = await linesOf({ format: "text", color: true, noColor: false }, say);
  assert.ok(colored.includes("\x1b[31mERROR"), colored);
  assert.ok(!colored.includes("\x1b[31mred"), "only our own");
  for (const options of [{}, { color: true, noColor: true }, { color: false, noColor: false }]) {
    const [plain = ""] = await linesOf({ format: "text", ...options }, say);
    assert.doesNotMatch(plain, UNSAFE);
    assert.match(plain, /^2023-11-14T22:13:20\.000Z ERROR part\.sub: text x=/);
  }
  const [json = ""] = await linesOf({ color: true, noColor: false }, say);
  assert.doesNotMatch(json, UNSAFE);
});

Deno.test("levels below the configured one write nothing and do not even look at the properties", async () => {
  const untouchable = new Proxy({}, { ownKeys: () => assert.fail("looked"), get: () => assert.fail("looked") });
  for (const [level, written] of [["DEBUG", 4], ["INFO", 3], ["WARN", 2], ["ERROR", 1]] as const) {
    const lines = await linesOf({ level }, ({ debug, info, warn, error }) => {
      for (const method of [debug, info, warn, error].slice(0, 4 - written)) method("off", untouchable);
      for (const method of [debug, info, warn, error]) method("on");
    });
    assert.equal(lines.length, written, level);
  }
});

Deno.test("fields of a call win over those of a child, and those over those of its parent", async () => {
  const line = await jsonOf((log) => log.child({ a: 1, b: 1, c: 1 }).child({ b: 2, c: 2 }).info("{a}{b}{c}", { c: 3 }));
  assert.equal(line["message"], "123");
});

Deno.test("the context reaches through awaits and timers, is inherited, and does not leak to others", async () => {
  const { logger, records } = recordingLogger();
  const attempt = (id: string): Promise<void> =>
    withLogContext({ correlationId: id }, async () => {
      await Promise.resolve();
      await withLogContext({ traceId: `t${id}` }, () => Promise.resolve().then(() => logger.info(id)));
      logger.info(id);
    });
  await Promise.all([attempt("1"), attempt("2")]);
  assert.deepEqual(currentLogContext(), {});
  assert.equal(records.length, 4);
  for (const { template, context } of records) assert.equal(context.correlationId, template);
  assert.equal(records.filter(({ template, context }) => context.traceId === `t${template}`).length, 2);
});

Deno.test("an error keeps its stack at DEBUG and in a fault of ours, not elsewhere", async () => {
  const error = new Error("broken");
  const stackOf = async (level: "DEBUG" | "INFO", fields: object): Promise<boolean> =>
    JSON.stringify(await jsonOf((log) => log.error("failed", fields), { level })).includes('"stack"');
  assert.equal(await stackOf("INFO", { error }), false);
  assert.equal(await stackOf("DEBUG", { error }), true);
  assert.equal(await stackOf("INFO", { error, status: 500 }), true);
  assert.equal(await stackOf("INFO", { error, status: 404 }), false);
});

Deno.test("what was dropped while the reader stalled is told in a line of the configured format", async () => {
  let resolve = (): void => {};
  const chunks: string[] = [];
  const { logging, log } = capture({
    highWaterBytes: 1_000,
    write: (chunk) => {
      chunks.push(new TextDecoder().decode(chunk));
      return new Promise((done) => resolve = () => done(chunk.length));
    },
  });
  for (let i = 0; i < 500; i++) log.info("number {i}", { i });
  const dropped = logging.dropped();
  assert.ok(dropped > 480, String(dropped));
  const flushed = logging.flush(1_000);
  let done = false;
  void flushed.then(() => done = true);
  await waitFor(() => (resolve(), done), { everyMs: 1 });
  const last = JSON.parse(chunks.join("").trimEnd().split("\n").at(-1) ?? "");
  assert.equal(last["message"], `${dropped} log lines dropped`);
  assert.equal(last["level"], "WARN");
  assert.equal(logging.dropped(), dropped);
});

Deno.test("after disposal lines are counted and go nowhere, and disposing again is harmless", async () => {
  const { logging, log, lines } = capture();
  log.info("before");
  await logging[Symbol.asyncDispose]();
  await logging[Symbol.asyncDispose]();
  log.info("after");
  assert.equal(lines().length, 1);
  assert.equal(logging.dropped(), 1);
});

Deno.test("a clock that is out of its mind costs no line", async () => {
  const clock = new FakeClock({ nowMs: NaN });
  for (const format of ["json", "text"] as const) {
    assert.match((await linesOf({ clock, format }, (log) => log.info("x")))[0] ?? "", /1970-01-01T00:00:00\.000Z/);
  }
});

Deno.test("two services in one process, inside a program that uses LogTape, do not see each other's lines", async () => {
  const hosts: LogRecord[] = [];
  configureSync({
    sinks: { host: (record) => hosts.push(record) },
    loggers: [{ category: [], sinks: ["host"] }],
    reset: true,
  });
  const config = getConfig();
  try {
    const one = capture({ serviceName: "one" });
    const two = capture({ serviceName: "two", format: "text" });
    one.log.info("from one");
    two.log.info("from two");
    getLogger("host").info("from the host");
    await one.logging[Symbol.asyncDispose]();
    two.log.info("two goes on");
    await two.logging.flush(1_000);
    assert.match(one.lines().join("|"), /^[^|]*from one[^|]*$/);
    assert.match(two.lines().join("|"), /^[^|]*from two[^|]*\|[^|]*two goes on[^|]*$/);
    assert.deepEqual(hosts.filter(({ category }) => category[0] !== "logtape").map(({ rawMessage }) => rawMessage), [
      "from the host",
    ]);
    assert.equal(getConfig(), config);
  } finally {
    resetSync();
  }
});
