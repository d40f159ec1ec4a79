/**
 * What the fuzz tests share: the seed, hostile words, and the watch over the process under test.
 *
 * `FUZZ_SEED=n` repeats a run, `FUZZ_ROUNDS=n` (4 or more, default 4) makes it longer; a failure names the seed.
 * @module
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { heldUp, procStatusKb } from "../../testing/proc.ts";
import type { TestRedis } from "../../testing/redis_server.ts";
import { getJson, type ServiceProcess, startServiceProcess } from "../../testing/service_process.ts";
import { until, waitFor } from "../../testing/wait.ts";
import type { Dice } from "../simulation/dice.ts";
import type { Probed } from "./fuzz_prober.ts";

/** The seed of this run. */
export const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_250_628);
/** Rounds of equal size; memory is compared between them. */
export const ROUNDS = Math.max(4, Number(Deno.env.get("FUZZ_ROUNDS") ?? 4));

/** What every failure of a run says of it. */
export const CONTEXT = `FUZZ_SEED=${SEED}`;

/** How the service under test is set up. */
export interface FuzzedOptions {
  readonly redis: TestRedis;
  /** In a heap this tight garbage is collected instead of piled up, and a leak that outgrows it ends the process. */
  readonly heapMb: number;
  readonly format: LogFormat;
  readonly env: Readonly<Record<string, string>>;
}

/** What `LOG_FORMAT` can be. */
export type LogFormat = "json" | "text";

/** The service under test, ready, with probes on the way. */
export class Fuzzed implements AsyncDisposable {
  readonly service: ServiceProcess;
  readonly url: string;
  readonly #prober: Prober;
  readonly #format: LogFormat;
  readonly #memory: number[] = [];

  private constructor(service: ServiceProcess, url: string, format: LogFormat) {
    this.service = service;
    this.url = url;
    this.#prober = new Prober(url);
    this.#format = format;
  }

  /** Starts it, and returns when it is ready. */
  static async start({ redis, heapMb, format, env }: FuzzedOptions): Promise<Fuzzed> {
    const service = startServiceProcess({
      permissions: ["-A", `--v8-flags=--max-old-space-size=${heapMb},--max-semi-space-size=4`],
      env: { REDIS_URL: redis.url, HANDLERS: "./tests/faults/fuzz_handlers.ts", LOG_FORMAT: format, ...env },
    });
    try {
      const url = await waitFor(() => /http:\/\/[\w.]+:\d+/.exec(service.output)?.[0], { timeoutMs: 15_000 });
      await waitFor(async () => (await getJson(`${url}/health/ready`)).status === 200, { timeoutMs: 20_000 });
      return new Fuzzed(service, url, format);
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A round is over: notes what memory is in use. */
  async rest(): Promise<void> {
    this.#memory.push(await restingMemory(this.service.pid));
  }

  /**
   * Everything was fired: probes were fast and right, memory flat. Then the service may be asked what it counted.
   * @param marginMb See {@link assertFlat}. @returns Figures for people.
   */
  async verdict(marginMb: number): Promise<string> {
    const probes = await this.#prober.verdict(await heldUp(this.service.pid), CONTEXT);
    assertFlat(this.#memory, marginMb, CONTEXT);
    return `${probes}; memory ${this.#memory.map((bytes) => Math.round(bytes / 1_048_576)).join(", ")} MB`;
  }

  /** It wrote nothing odd and ends when it is told to. Tells the figures where somebody repeats a run. */
  async end(figures: string): Promise<void> {
    // Ten lines a second of a kind are what is promised.
    assertCalmLog(this.service, this.#format, 1_000 * ROUNDS, CONTEXT);
    this.service.signal("SIGTERM");
    assert.equal(await this.service.exited(), 0, CONTEXT);
    if (!Deno.env.has("FUZZ_SEED")) return;
    const lines = this.service.output.split("\n").length;
    Deno.stderr.writeSync(new TextEncoder().encode(`${CONTEXT}: ${figures}; ${lines} lines\n`));
  }

  /** Ends both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prober[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

/** Texts that have broken something somewhere. */
export const HOSTILE: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "rawJSON",
  "",
  " ",
  "%00",
  "%",
  "%s%n{id}{{}}",
  '"',
  "\\",
  "\u0000",
  "\r\nSet-Cookie: a=b",
  "\u001b[2J\u001b]0;owned\u0007",
  "\u009b31m",
  "\u202egnp.exe",
  "\u2028\u2029",
  "\ufeff",
  "\ud800",
  "\u{1f600}".repeat(40),
  "9".repeat(400),
  "-1",
  "1e999",
  "NaN",
  "-0",
  "9007199254740993",
  "2025-02-30T00:00:00Z",
  "9999-12-31T23:59:60.999999999999+23:59",
  "253402300800000",
  "-999999999999999",
  "../../etc/passwd",
  "*",
  "{event-stream}",
  "fuzz.*",
  "'; FLUSHALL --",
  "x".repeat(5_000),
];

/** Nested far deeper than any stack. */
export function deepJson(dice: Dice): string {
  const depth = dice.int(1, 60_000);
  const [open, close] = dice.pick([["[", "]"], ['{"a":', "}"], ['[{"__proto__":', "}]"]] as const);
  return open.repeat(depth) + (dice.chance(0.5) ? "1" + close.repeat(depth) : "");
}

/** Random bytes; half of them look like text. */
export function noise(dice: Dice, length: number): Uint8Array<ArrayBuffer> {
  const low = dice.chance(0.5) ? 32 : 0;
  return Uint8Array.from({ length }, () => dice.int(low, low === 32 ? 126 : 255));
}

/** Some bytes changed, or the end cut off. */
export function damaged(dice: Dice, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  for (let flips = dice.int(0, 3); flips > 0 && copy.length > 0; flips--) {
    copy[dice.int(0, copy.length - 1)] = dice.int(0, 255);
  }
  return dice.chance(0.2) ? copy.slice(0, dice.int(0, copy.length)) : copy;
}

/** Resident memory of a process, bytes: the least of some looks, so that a passing peak does not count. */
async function restingMemory(pid: number): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 5; look++) {
    least = Math.min(least, await procStatusKb(pid, "VmRSS") * 1_024);
    await sleep(20);
  }
  return least;
}

/**
 * Is the middle point of the second half of the rounds about the highest of the first? The middle one (of two, the higher),
 * since a few entries of 1 MB that happen to be on the way together leave the allocator with more for a while.
 * @param marginMb How much more is still flat: what memory was seen to breathe by without having a direction.
 */
function assertFlat(memory: readonly number[], marginMb: number, context: string): void {
  const half = Math.ceil(memory.length / 2);
  const first = Math.max(...memory.slice(0, half));
  const later = memory.slice(half).toSorted((a, b) => a - b);
  const second = later[Math.floor(later.length / 2)]!;
  const shown = memory.map((bytes) => `${Math.round(bytes / 1_048_576)} MB`).join(", ");
  assert.ok(second <= first + marginMb * 1_048_576, `${context}: memory after each round: ${shown}`);
}

/** Asks the probes, one after the other, in a thread of its own, until told to stop. */
class Prober implements AsyncDisposable {
  readonly #worker = new Worker(new URL("./fuzz_prober.ts", import.meta.url), { type: "module" });
  readonly #found = Promise.withResolvers<Probed>();

  /** @param url Of the service. */
  constructor(url: string) {
    this.#worker.onmessage = ({ data }: MessageEvent<Probed>) => this.#found.resolve(data);
    this.#worker.onerror = (event) => this.#found.reject(new Error(event.message));
    this.#worker.postMessage(url);
  }

  /**
   * Ends the asking. On a busy machine one look may be late through no fault of the service, so that the limit is on all
   * but 2 of 100; nothing may take 5 s.
   * @param held How many times longer the service took for everything because of others, see {@link heldUp}.
   */
  async verdict(held: number, context: string): Promise<string> {
    this.#worker.postMessage("stop");
    const { took, wrong } = await until(this.#found.promise, { timeoutMs: 15_000, what: "the probes to end" });
    const sorted = took.toSorted((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? Infinity);
    const shown = `${sorted.length} probes, median ${at(0.5)} ms, 98 of 100 within ${at(0.98)} ms, longest ${
      at(1)
    } ms, held up ${held.toFixed(1)} times`;
    assert.deepEqual(wrong, [], `${context}: ${shown}`);
    assert.ok(at(0.98) < 500 * held && at(1) < 5_000 * held, `${context}: ${shown}`);
    return shown;
  }

  /** Ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#worker.terminate();
    return Promise.resolve();
  }
}

/** Longest line of our logs, in characters: what is longer is somebody else's. */
const MAX_LINE = 16_384;

/**
 * Every line is whole and harmless, and there are not too many.
 * @param format What `LOG_FORMAT` was.
 * @param maxLines Most lines, those of the audit log aside: there is one for each change, and nothing else is promised.
 */
function assertCalmLog(
  service: ServiceProcess,
  format: LogFormat,
  maxLines: number,
  context: string,
): void {
  assert.equal(service.stderr, "", context);
  const lines = service.output.split("\n").filter((line) => line !== "");
  for (const line of lines) {
    assert.ok(line.length <= MAX_LINE, `${context}: a line of ${line.length} characters`);
    assert.doesNotMatch(
      line,
      /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u,
      `${context}: ${JSON.stringify(line.slice(0, 500))}`,
    );
    if (format === "json") assert.equal(typeof JSON.parse(line).message, "string", context);
    else assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO |WARN |ERROR) [\w.-]+: /, context);
  }
  const ours = lines.filter((line) => !line.includes(format === "json" ? '"logger":"audit"' : " audit: "));
  assert.ok(ours.length <= maxLines, `${context}: ${ours.length} lines, such as\n${ours.slice(-20).join("\n")}`);
}

/** The samples of a scrape: `name{labels}` and value. */
export async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const found = /^([a-z_]+(?:\{.*\})?) (\S+)$/s.exec(line);
    if (found) samples.set(found[1]!, Number(found[2]));
  }
  return samples;
}

/** Different values of a label of a metric. */
export function labelValues(samples: ReadonlyMap<string, number>, metric: string, label: string): ReadonlySet<string> {
  const found = new Set<string>();
  const pattern = new RegExp(`^${metric}\\{.*?\\b${label}="((?:[^"\\\\]|\\\\.)*)"`);
  for (const name of samples.keys()) {
    const value = pattern.exec(name)?.[1];
    if (value !== undefined) found.add(value);
  }
  return found;
}

/** Sum over everything of a metric that holds the text among its labels. */
export function total(samples: ReadonlyMap<string, number>, metric: string, text: string): number {
  let sum = 0;
  for (const [name, value] of samples) if (name.startsWith(`${metric}{`) && name.includes(text)) sum += value;
  return sum;
}
