import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { startRedis } from "../../../testing/redis_server.ts";
import type { AppendItem } from "../port.ts";
import type { Reply } from "./channel.ts";
import { MAX_SCRIPT_VALUES } from "./items.ts";
import { eventMark } from "./keys.ts";
import { ItemPacker, LONGEST_PACKED } from "./packed_items.ts";
import { openHarness } from "./test_harness.ts";
import { TestChannel } from "./test_channel.ts";

/** Reads with the reader that the script has. */
const READ = "return { cmsgpack.unpack(ARGV[1]) }";

const bytesOf = (value: string | Uint8Array): string =>
  (typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value)).toString("hex");

const isLong = (value: string | Uint8Array): boolean => value.length > LONGEST_PACKED;

/** What is to be read: counts, marks, due times, then the values; long ones stand behind the seventh argument. */
function expected(items: readonly AppendItem[], dedup: boolean): unknown {
  let place = 7;
  const marked = dedup && items.some(({ dedupKey }) => dedupKey !== undefined);
  const delayed = items.some(({ deliverAtMs }) => deliverAtMs !== undefined);
  return [
    items.map(({ fields }) => fields.some(isLong) ? -fields.length : fields.length),
    marked ? items.map(({ dedupKey }) => bytesOf(dedupKey === undefined ? "" : eventMark(dedupKey))) : [],
    delayed ? items.map(({ deliverAtMs }) => Math.round(deliverAtMs ?? 0)) : [],
    ...items.flatMap(({ fields }) => fields.map((value) => isLong(value) ? ++place : bytesOf(value))),
  ];
}

function readable(reply: Reply): unknown {
  if (reply instanceof Uint8Array) return bytesOf(reply);
  return Array.isArray(reply) ? reply.map(readable) : reply;
}

/** Any 16-bit units, so lone surrogates too; plain letters; lengths at which the format or the packer changes its way. */
const text = fc.oneof(
  fc.array(fc.nat(0xffff), { maxLength: 80 }).map((units) => String.fromCharCode(...units)),
  fc.string({ maxLength: 80 }),
  fc.tuple(fc.constantFrom("a", "\0", "é", "€", "\ud83d"), fc.constantFrom(31, 32, 63, 64, 65, 255, 256))
    .map(([letter, length]) => letter.repeat(length)),
  fc.tuple(fc.constantFrom("a", "€", "\u{1f680}"), fc.constantFrom(511, 512, 1_023, 1_024, 1_025, 65_536))
    .map(([letter, length]) => letter.repeat(length)),
);
const item: fc.Arbitrary<AppendItem> = fc.record({
  fields: fc.array(
    fc.oneof({ weight: 4, arbitrary: text }, fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(1_025))),
    { maxLength: 12 },
  ),
  dedupKey: fc.string({ maxLength: 40 }),
  deliverAtMs: fc.oneof(fc.integer({ min: -5, max: 2 ** 45 }), fc.double({ min: 0, max: 2 ** 41, noNaN: true })),
}, { requiredKeys: ["fields"] });

Deno.test("Redis reads what was packed, byte for byte, call after call in the same room", async () => {
  await using redis = await startRedis();
  await using channel = new TestChannel(redis.url);
  const packer = new ItemPacker();
  const property = fc.asyncProperty(fc.array(item, { maxLength: 6 }), fc.boolean(), async (items, dedup) => {
    const [packed, ...long] = packer.pack(items, dedup);
    const read = await channel.send(["EVAL", READ, "0", packed!], { bytes: true });
    assert.deepEqual(readable(read), expected(items, dedup));
    assert.deepEqual(long, items.flatMap(({ fields }) => fields.filter(isLong)));
  });
  await fc.assert(property, { numRuns: 300 });
});

Deno.test("Redis reads as many items, and as many values, as one call may have", async () => {
  await using redis = await startRedis();
  await using channel = new TestChannel(redis.url);
  const packer = new ItemPacker();
  const many = Array.from({ length: 10_000 }, (_, index) => ({ fields: [], dedupKey: `${index}`, deliverAtMs: index }));
  const wide = [{ fields: Array.from({ length: MAX_SCRIPT_VALUES }, (_, index) => `${index}`) }];
  for (const items of [many, wide]) {
    const [packed] = packer.pack(items, true);
    const read = await channel.send(["EVAL", READ, "0", packed!], { bytes: true });
    assert.deepEqual(readable(read), expected(items, true));
  }
});

Deno.test("an event with as many fields as one step can write is written: alone, in a batch, and later", async () => {
  await using harness = await openHarness();
  const store = harness.store();
  const wide = { fields: Array.from({ length: MAX_SCRIPT_VALUES }, (_, index) => `${index}`) };
  const small = { fields: ["type", "t"] };
  await store.append([wide]);
  await store.append([small, wide]);
  await store.append([small, { ...wide, deliverAtMs: await store.time() + 50 }]);
  await harness.elapse(100);
  assert.equal((await store.promoteDelayed(10)).moved, 1);
  const sizes = (await harness.entries()).map(({ fields }) => fields.length);
  assert.deepEqual(sizes, [wide, small, wide, small, wide].map(({ fields }) => fields.length));
});

/** An item of so many values of a thousand letters each. */
const thousands = (count: number, letter: string): AppendItem => ({
  fields: Array.from({ length: count }, () => letter.repeat(1_000)),
});
const packedOf = (packer: ItemPacker, item: AppendItem): Uint8Array => packer.pack([item], false)[0] as Uint8Array;

Deno.test("what was packed stays as it is while more is packed, little or much", () => {
  const packer = new ItemPacker();
  const items = [1, 5, 100, 1, 3_000, 1, 400, 1].map((count, index) =>
    thousands(count, String.fromCharCode(97 + index))
  );
  const packed = items.map((item) => packedOf(packer, item));
  const alone = items.map((item) => packedOf(new ItemPacker(), item));
  assert.ok(packed.every((bytes, index) => Buffer.compare(bytes, alone[index]!) === 0));
});

Deno.test("more than Redis takes as one argument is refused, and the next call goes", () => {
  const packer = new ItemPacker(2_000_000);
  for (const letter of ["a", "b"]) {
    assert.throws(() => packedOf(packer, thousands(2_000, letter)), { code: "event_too_large" });
    assert.ok(packedOf(packer, thousands(1_000, letter)).length > 1_000_000);
  }
});
