import assert from "node:assert/strict";
import { eventsFixture, MINIMAL } from "./events_route_fixtures_test.ts";

const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_250_628);
const REQUESTS = 2_000;

const TYPES = [
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "application/cloudevents+json; charset=\u00ff",
  "application/json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "",
];
const HOSTILE = [
  "__proto__",
  "constructor",
  "toString",
  "rawJSON",
  "1.0",
  "%00",
  "%",
  '"',
  "\\",
  "\u0000",
  "\ud800",
  "\u2028",
  "9".repeat(400),
  "2025-02-30T00:00:00Z",
  "9999-12-31T23:59:59Z",
  "-1",
  "x".repeat(5_000),
];
const NAMES = ["id", "type", "source", "time", "subject", "specversion", "data", "data_base64", "deliverat", "x"];

Deno.test(`${REQUESTS} malformed requests never make a 5xx, and answer with what was promised`, async () => {
  const dice = new Dice(SEED);
  const { post, structured, errors, entries, clock } = eventsFixture();
  const seen = new Map<number, number>();
  for (let n = 0; n < REQUESTS; n++) {
    const { body, headers, query } = malformed(dice, n);
    const response = await post(body, headers, query);
    const text = await response.text();
    const context = `request ${n} of seed ${SEED}: ${response.status} ${text.slice(0, 300)}`;
    assert.ok(response.status < 500, context);
    seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    const answer = JSON.parse(text);
    if (response.status === 202) assert.ok(Array.isArray(answer.events), context);
    else assert.ok(typeof answer.code === "string" && answer.status === response.status, context);
    assert.ok(!/ at .*\.ts:\d/.test(text), context);
  }
  assert.deepEqual(errors, []);
  // A fuzzer that is always refused at the door has tried nothing behind it.
  for (const status of [202, 400, 413, 415]) assert.ok((seen.get(status) ?? 0) > 5, `${status}: ${seen.get(status)}`);
  // What was taken can be read, and the route still works.
  assert.ok(entries().length > 0);
  assert.equal((await structured({ id: "after all" })).status, 202);
  assert.equal(clock.pending, 0);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

interface Malformed {
  readonly body: BodyInit | null;
  readonly headers: Record<string, string>;
  readonly query: string;
}

function malformed(dice: Dice, n: number): Malformed {
  const type = dice.pick(TYPES);
  const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
  if (dice.chance(0.4)) {
    for (const name of NAMES) if (dice.chance(0.7)) headers[`ce-${name}`] = headerValue(dice, name, n);
  }
  if (dice.chance(0.2)) {
    headers[`ce-${dice.pick(["A-B", "x.y", "data", "datacontenttype", "toolong".repeat(20)])}`] = "v";
  }
  if (dice.chance(0.1)) headers["idempotency-key"] = dice.pick(["", "a b", "k".repeat(300), "k1", `k${n}`]);
  if (dice.chance(0.1)) headers["content-encoding"] = dice.pick(["gzip", "identity", "x"]);
  if (dice.chance(0.1)) headers["traceparent"] = dice.pick(HOSTILE.filter(isHeader));
  const query = dice.chance(0.2) ? `?delay=${encodeURIComponent(dice.pick(HOSTILE.map((t) => t.toWellFormed())))}` : "";
  return { body: bodyOf(dice, type, n), headers, query };
}

function headerValue(dice: Dice, name: string, n: number): string {
  if (name === "specversion" && dice.chance(0.8)) return "1.0";
  if (name === "id") return `h-${n}`;
  const value = dice.pick([...HOSTILE, "t", "%E2%82%AC"]);
  return isHeader(value) ? value : "fine";
}

function isHeader(value: string): boolean {
  return [...value].every((char) => char >= " " && char <= "\u007e");
}

function bodyOf(dice: Dice, type: string, n: number): BodyInit | null {
  if (dice.chance(0.05)) return null;
  if (dice.chance(0.02)) return new Uint8Array(1_100_000);
  if (dice.chance(0.05)) return "[".repeat(dice.below(100_000));
  const event = mutated(dice, { ...MINIMAL, id: `b-${n}`, data: { n } });
  const value = type.includes("batch") ? [{ ...MINIMAL, id: `c-${n}` }, ...dice.chance(0.5) ? [event] : []] : event;
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  for (let flips = dice.chance(0.5) ? 0 : dice.below(4); flips > 0; flips--) {
    if (bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256);
  }
  return dice.chance(0.15) ? bytes.slice(0, dice.below(bytes.length + 1)) : bytes;
}

function mutated(dice: Dice, event: Record<string, unknown>): unknown {
  if (dice.chance(0.05)) return dice.pick<unknown>([null, 1, "x", [], [[]], true]);
  for (let changes = dice.below(4); changes > 0; changes--) {
    const name = dice.pick([...NAMES, ...HOSTILE]);
    const value = dice.pick<unknown>([null, 1, 1.5, true, {}, [], { rawJSON: "1" }, ...HOSTILE]);
    if (dice.chance(0.2)) delete event[name];
    else Object.defineProperty(event, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return event;
}

/** Small and repeatable; mulberry32. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296 * limit);
  }

  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}
