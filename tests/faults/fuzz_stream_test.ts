/** Malformed entries in the stream of the real process: each is accounted for once, and nothing else happens. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { Dice } from "../simulation/dice.ts";
import { Adder, entryOf, hasHandler, type RawFields, typeIn } from "./fuzz_stream_entries.ts";
import { CONTEXT, Fuzzed, labelValues, ROUNDS, scrape, SEED, total } from "./support_fuzz.ts";

const ENTRIES_A_ROUND = 5_000;
/** Added at once. */
const BATCH = 250;
const STREAM = "event-stream";
const GROUP = "redis-stream-service";
const LETTERS = `{${STREAM}}:${GROUP}:dlq`;
/** What is held of the stream needs most of the heap; measured over 16 rounds: 168 to 327 MB. */
const HEAP_MB = 256;
const MARGIN_MB = 96;
const ENDS = ["processed", "ignored", "dead_lettered", "duplicate"] as const;

Deno.test(`${ROUNDS * ENTRIES_A_ROUND} malformed entries: no exit, each accounted for, memory flat, probes fast`, async () => {
  await using redis = await startRedis();
  await using fuzzed = await Fuzzed.start({
    redis,
    heapMb: HEAP_MB,
    format: SEED % 2 === 0 ? "text" : "json",
    env: { RETRY_BACKOFF: "10", ENVIRONMENT: "test" },
  });
  const { url, service } = fuzzed;
  using adder = await Adder.connect(redis.port);
  const dice = new Dice(SEED, "stream");
  const expected = new Expected();
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < ENTRIES_A_ROUND; at += BATCH) {
      const entries = Array.from({ length: BATCH }, (_, i) => entryOf(dice, round * ENTRIES_A_ROUND + at + i));
      const ids = await adder.add(STREAM, entries);
      ids.forEach((id, index) => expected.take(id, entries[index]!));
    }
    await settled(url, expected.added, `${CONTEXT}, round ${round}`).catch(async (error) => {
      throw new Error(
        `${error.message}\n${await redis.cli("XPENDING", STREAM, GROUP)}\n${service.output.slice(-3_000)}`,
        { cause: error },
      );
    });
    await fuzzed.rest();
    await checkLetters(redis, expected);
  }
  // An entry id that is no date.
  const far = [entryOf(dice, 0)];
  expected.take((await adder.add(STREAM, far, "9000000000000000-0"))[0]!, far[0]!);
  const ended = await settled(url, expected.added, CONTEXT);
  await checkLetters(redis, expected);
  const figures = await fuzzed.verdict(MARGIN_MB);
  const samples = await scrape(url);
  await checkAccounts(redis, expected, samples);
  const types = labelValues(samples, "stream_events_total", "type");
  assert.ok(types.has("other") && types.size <= 250, `${CONTEXT}: ${types.size} types`);
  await fuzzed.end(`${JSON.stringify(ended)}; ${figures}`);
});

/** What was added, and what must become of it as far as its type alone says. */
class Expected {
  /** Of those that are dead or may be: the others end as `ignored` and are never seen again. */
  readonly #fields = new Map<string, RawFields>();
  readonly sure = { dead: 0, ignored: 0 };
  added = 0;
  letters = 0;

  /** An entry was added. */
  take(id: string, fields: RawFields): void {
    this.added++;
    const type = typeIn(fields);
    if (type !== null && !hasHandler(type)) this.sure.ignored++;
    else this.#fields.set(id, fields);
    if (type === null || type === "fuzz.fail") this.sure.dead++;
  }

  /** The fields of an entry that became a dead letter, once. */
  died(id: string): RawFields | undefined {
    const fields = this.#fields.get(id);
    this.#fields.delete(id);
    return fields;
  }
}

/** Waits until everything has ended, exactly once. @returns How many ended how. */
async function settled(url: string, added: number, context: string): Promise<Record<string, number>> {
  let ended: Record<string, number> = {};
  const sum = (): number => Object.values(ended).reduce((a, b) => a + b, 0);
  await waitFor(async () => {
    const samples = await scrape(url);
    ended = Object.fromEntries(ENDS.map((end) => [end, total(samples, "stream_events_total", `outcome="${end}"`)]));
    return sum() >= added;
  }, { timeoutMs: 60_000, everyMs: 250, what: `${context}: ${added} entries to end` });
  assert.equal(sum(), added, `${context}: ${JSON.stringify(ended)}`);
  return ended;
}

/** Dead letters keep the fields byte for byte, ours come after them; each entry died once. Removes what it has seen. */
async function checkLetters(redis: TestRedis, expected: Expected): Promise<void> {
  for (;;) {
    const reply = await redis.command(["XRANGE", LETTERS, "-", "+", "COUNT", 500], { bytes: true, timeoutMs: 20_000 });
    const letters = reply as [Uint8Array, Uint8Array[]][];
    if (letters.length === 0) return;
    for (const [, fields] of letters) {
      const ours = fields.slice(-20);
      const id = text(ours[ours.findIndex((name) => text(name) === "dlq.entry") + 1]!);
      const original = expected.died(id);
      assert.ok(original !== undefined, `${CONTEXT}: ${id} died twice, or was never to die`);
      const same = original.every((bytes, at) => sameBytes(bytes, fields[at]));
      assert.ok(same, `${CONTEXT}: the fields of ${id} are not what they were`);
      const added = fields.slice(original.length).filter((_, at) => at % 2 === 0).map(text);
      assert.ok(added.length === 10 && added.every((name) => name.startsWith("dlq.")), `${CONTEXT}: ${id} ${added}`);
      expected.letters++;
    }
    await redis.command(["XDEL", LETTERS, ...letters.map(([id]) => id)]);
  }
}

async function checkAccounts(
  redis: TestRedis,
  expected: Expected,
  samples: ReadonlyMap<string, number>,
): Promise<void> {
  const ended = (end: string): number => total(samples, "stream_events_total", `outcome="${end}"`);
  assert.equal(ended("ignored"), expected.sure.ignored, CONTEXT);
  assert.equal(ended("dead_lettered"), expected.letters, CONTEXT);
  assert.ok(expected.letters >= expected.sure.dead, CONTEXT);
  assert.ok(ended("processed") > 100, CONTEXT);
  const [pending] = await redis.command(["XPENDING", STREAM, GROUP]) as [number];
  assert.equal(pending, 0, CONTEXT);
  // Nothing is left behind by what was parked and retried.
  assert.equal(await redis.command(["HLEN", `{${STREAM}}:${GROUP}:records`]), 0, CONTEXT);
}

/** A comparison that is cheap for a megabyte, which that of the assertion library is not. */
function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && Buffer.compare(a, b) === 0;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
