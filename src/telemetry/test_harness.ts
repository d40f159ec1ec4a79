/**
 * Logging whose lines a test can read.
 * @module
 */
import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import type { Logger } from "./logger.ts";
import { createLogging, type Logging, type LoggingOptions } from "./logging.ts";

/** A logging, and what it wrote. */
export interface Captured {
  readonly logging: Logging;
  readonly log: Logger;
  /** What was written since the last call, without the newlines. */
  lines(): string[];
}

/** Logging of the service `svc` that keeps its lines; JSON at INFO where `options` says nothing else. */
export function capture(options: Partial<LoggingOptions> = {}): Captured {
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
export async function linesOf(options: Partial<LoggingOptions>, call: (log: Logger) => void): Promise<string[]> {
  const { logging, log, lines } = capture(options);
  call(log);
  await logging.flush(1_000);
  return lines();
}

/** The one line that the call makes, parsed. */
export async function jsonOf(
  call: (log: Logger) => void,
  options: Partial<LoggingOptions> = {},
): Promise<Record<string, unknown>> {
  const [line, ...more] = await linesOf(options, call);
  assert.deepEqual(more, []);
  return JSON.parse(line ?? "");
}
