import assert from "node:assert/strict";
import fc from "fast-check";
import { capture, jsonOf, linesOf } from "./test_harness.ts";
import { MAX_LINE_BYTES } from "./line.ts";
import { withLogContext } from "./log_context.ts";
import type { Logger } from "./logger.ts";

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

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
    assert.ok(emoji.endsWith(" …[cut]"), "whole characters: the decoder of this test throws at others");
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
