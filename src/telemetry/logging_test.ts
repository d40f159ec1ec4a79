import assert from "node:assert/strict";
import fc from "fast-check";
import { configureSync, getConfig, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { FakeClock } from "../../testing/fake_clock.ts";
import { waitFor } from "../../testing/wait.ts";
import { MAX_LINE_BYTES } from "./line.ts";
import { currentLogContext, withLogContext } from "./log_context.ts";
import type { Logger } from "./logger.ts";
import { createLogging, type Logging, type LoggingOptions } from "./logging.ts";
import { recordingLogger } from "./recording_logger.ts";

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

interface Captured {
  readonly logging: Logging;
  readonly log: Logger;
  /** What was written since the last call, without the newlines. */
  lines(): string[];
}

function capture(options: Partial<LoggingOptions> = {}): Captured {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const logging = createLogging({
    level: "INFO",
    format: "json",
    timezone: "UTC",
    serviceName: "svc",
    secrets: [],
    clock: new FakeClock(),
    // Each write comes at once, so that a test reads what it logged without waiting.
    write: (chunk) => {
      text += decoder.decode(chunk);
      return Promise.resolve(chunk.length);
    },
    highWaterBytes: 100_000_000,
    ...options,
  });
  const lines = (): string[] => {
    const whole = text;
    text = "";
    if (whole === "") return [];
    assert.ok(whole.endsWith("\n"), "every line ends");
    return whole.slice(0, -1).split("\n");
  };
  return { logging, log: logging.logger("part.sub"), lines };
}

/** The lines that one call makes. */
async function linesOf(options: Partial<LoggingOptions>, call: (log: Logger) => void): Promise<string[]> {
  const { logging, log, lines } = capture(options);
  call(log);
  await logging.flush(1_000);
  return lines();
}

async function jsonOf(
  call: (log: Logger) => void,
  options: Partial<LoggingOptions> = {},
): Promise<Record<string, unknown>> {
  const [line, ...more] = await linesOf(options, call);
  assert.deepEqual(more, []);
  return JSON.parse(line ?? "");
}

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
    `2023-11-14T23:13:20.000+01:00 INFO  part.sub: placing 7 id=7 note="two \\"words\\"" o={"a":1} service=svc correlationId=c-1`,
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

Deno.test("fields cannot forge those of the contract", async () => {
  const forged = { time: 1, level: "ERROR", message: "m", logger: "l", service: "s", correlationId: "x", traceId: {} };
  const line = await jsonOf((log) => withLogContext({ correlationId: "real" }, () => log.info("text", forged)));
  assert.equal(line["level"], "INFO");
  assert.equal(line["message"], "text");
  assert.equal(line["correlationId"], "real");
  assert.deepEqual([line["_time"], line["_level"], line["_message"], line["_correlationId"], line["_traceId"]], [
    1,
    "ERROR",
    "m",
    "x",
    {},
  ]);
  const noContext = await jsonOf((log) => log.info("text", { correlationId: "given" }));
  assert.equal(noContext["correlationId"], "given", "where there is no context, a field may say it");
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

Deno.test("a secret is nowhere in a line: text, fields, names, errors, context, logger, service", async () => {
  const secret = 'pa$$ "w0rd"\\/';
  const cause = new Error(`WRONGPASS ${secret}`);
  const error = new Error(`cannot connect to redis://u:${encodeURIComponent(secret)}@host`, { cause });
  for (const format of ["json", "text"] as const) {
    const { logging, lines } = capture({ secrets: [secret], format, level: "DEBUG", serviceName: secret });
    withLogContext({ correlationId: secret, traceId: secret }, () => {
      logging.logger(`l.${secret}`).child({ [secret]: secret }).error(`template ${secret} {text}`, {
        text: `a ${JSON.stringify({ secret })} b`,
        list: [[secret]],
        error,
      });
    });
    await logging.flush(1_000);
    const [line = ""] = lines();
    assert.doesNotMatch(line, /w0rd|pa\$\$|pa%24/);
    assert.match(line, /WRONGPASS \*\*\*/);
  }
});

Deno.test("a secret in two parts that the message puts together is hidden", async () => {
  const line = await jsonOf((log) => log.info("topsec{rest}", { rest: "ret" }), { secrets: ["topsecret"] });
  assert.equal(line["message"], "***");
});

Deno.test("a secret added later is hidden from then on", async () => {
  const { logging, log, lines } = capture();
  logging.addSecret("rotated-password");
  log.info("with rotated-password");
  await logging.flush(1_000);
  assert.match(lines()[0] ?? "", /"with \*\*\*"/);
});

Deno.test("hostile text forges no line and no colour in either format", async () => {
  const hostile = 'x\r\n{"level":"ERROR"}\x1b[31m\x9b2J\x7f\x00\u2028\u2029\u202e\u2066\u061c\u0085';
  for (const format of ["json", "text"] as const) {
    const lines = await linesOf({ format }, (log) => {
      log.child({ [hostile]: hostile }).info(`${hostile}{v}`, { v: hostile, deep: { [hostile]: [hostile] } });
    });
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines[0] ?? "", UNSAFE);
    if (format === "json") {
      assert.equal(JSON.parse(lines[0] ?? "")["message"], hostile + hostile, "and nothing is lost");
    }
  }
});

Deno.test("a line is never longer than 16 KiB, is cut with a mark, and stays JSON", async () => {
  const huge = {
    text: "é".repeat(20_000),
    small: "kept",
    control: "\x01".repeat(9_000),
    list: new Array(50).fill("z".repeat(3_000)),
  };
  for (const format of ["json", "text"] as const) {
    const lines = await linesOf({ format }, (log) => log.info("\u0001".repeat(50_000), huge));
    assert.equal(lines.length, 1);
    const line = lines[0] ?? "";
    const size = new TextEncoder().encode(line).length + 1;
    assert.ok(size <= MAX_LINE_BYTES && size > 5_000, `${format} ${size}`);
    assert.ok(line.includes("…[cut]"));
    if (format === "json") {
      const { cut, small, level } = JSON.parse(line);
      assert.deepEqual({ cut, small, level }, { cut: true, small: "kept", level: "INFO" });
    }
  }
});

Deno.test("what does not fit a line is left out field by field, and no character is cut in two", async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, "w".repeat(1_000)]));
  for (let pad = 0; pad < 4; pad++) {
    const say = (log: Logger): void => log.info("m".repeat(pad) + "\u{1f600}".repeat(1_500), { ...many, last: "l" });
    const [json = ""] = await linesOf({}, say);
    const [text = ""] = await linesOf({ format: "text" }, say);
    for (const line of [json, text]) {
      const size = new TextEncoder().encode(line).length + 1;
      assert.ok(size > MAX_LINE_BYTES - 1_100 && size <= MAX_LINE_BYTES, String(size));
    }
    assert.deepEqual([JSON.parse(json)["cut"], JSON.parse(json)["f0"]?.length], [true, 1_000]);
    const [emoji = ""] = await linesOf(
      { format: "text" },
      (log) => log.info("m".repeat(pad), { a: "\u{1f600}".repeat(4_000), b: "\u{1f600}".repeat(4_000) }),
    );
    assert.doesNotMatch(emoji, /\ufffd/);
  }
});

Deno.test("any text and any value make one line that is JSON and harmless", async () => {
  const captured = { json: capture({ secrets: [] }), text: capture({ format: "text" }) };
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.anything({ withBigInt: true, withMap: true, withDate: true }),
  );
  const dictionary = fc.dictionary(fc.string({ unit: "binary" }), anything);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), dictionary, anything, async (template, fields, more) => {
      for (const format of ["json", "text"] as const) {
        const { logging, log, lines } = captured[format];
        log.child(fields).info(template, Object(more));
        await logging.flush(1_000);
        const [line = "", ...others] = lines();
        assert.deepEqual(others, []);
        assert.doesNotMatch(line, UNSAFE);
        assert.ok(new TextEncoder().encode(line).length < MAX_LINE_BYTES);
        if (format === "json") assert.equal(JSON.parse(line)["level"], "INFO");
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("whatever is around it, a secret never appears in a line", async () => {
  // No character of them is in the texts around, so what is found is the secret and no accident.
  const secret = fc.string({
    minLength: 4,
    maxLength: 20,
    unit: fc.constantFrom("Q", "X", '"', "\\", "\n", "ß", "%", "\x9b"),
  });
  const around = fc.string({ unit: fc.constantFrom("a", " ", "{", "}", '"') });
  await fc.assert(
    fc.asyncProperty(secret, around, fc.nat(20_000), async (secret, around, pad) => {
      fc.pre(/[QX]/.test(secret));
      const dirty = "-".repeat(pad) + around + secret + around;
      const properties = {
        dirty,
        url: encodeURIComponent(dirty),
        json: JSON.stringify({ dirty }),
        e: new Error(dirty),
      };
      const { logging, log, lines } = capture({ secrets: [secret], level: "DEBUG" });
      log.info(dirty + "{dirty}", properties);
      await logging.flush(1_000);
      assert.doesNotMatch(lines().join(), /Q|X/);
    }),
    { numRuns: 300 },
  );
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
