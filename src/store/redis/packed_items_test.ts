import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { startRedis } from "../../../testing/redis_server.ts";
import type { AppendItem } from "../port.ts";
import type { Reply } from "./channel.ts";
import { MAX_SCRIPT_VALUES } from "./items.ts";
import { ItemPacker } from "./packed_items.ts";
import { openHarness } from "./test_harness.ts";
import { TestChannel } from "./test_channel.ts";

const BASE = "{s}:";
/** Reads with the reader that the script has. */
const READ = "return { cmsgpack.unpack(ARGV[1]) }";

const bytesOf = (value: string | Uint8Array): string =>
  (typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value)).toString("hex");

/** What is to be read: counts, marks, due times, then the values. */
function expected(items: readonly AppendItem[], dedup: boolean): unknown {
  const marked = dedup && items.some(({ dedupKey }) => dedupKey !== undefined);
  const delayed = items.some(({ deliverAtMs }) => deliverAtMs !== undefined);
  return [
    items.map(({ fields }) => fields.length),
    marked ? items.map(({ dedupKey }) => bytesOf(dedupKey === undefined ? "" : `${BASE}pub:event:${dedupKey}`)) : [],
    delayed ? items.map(({ deliverAtMs }) => Math.round(deliverAtMs ?? 0)) : [],
    ...items.flatMap(({ fields }) => fields.map(bytesOf)),
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
  fc.tuple(fc.constantFrom("a", "\0", "é", "€", "\ud83d"), fc.constantFrom(31, 32, 63, 64, 65, 127, 128, 255, 256))
    .map(([letter, length]) => letter.repeat(length)),
  fc.tuple(fc.constantFrom("a", "\u{1f680}"), fc.constantFrom(21_845, 32_767, 32_768, 65_535, 65_536, 70_000))
    .map(([letter, length]) => letter.repeat(length)),
);
const item: fc.Arbitrary<AppendItem> = fc.record({
  fields: fc.array(fc.oneof({ weight: 4, arbitrary: text }, fc.uint8Array({ maxLength: 300 })), { maxLength: 12 }),
  dedupKey: fc.string({ maxLength: 40 }),
  deliverAtMs: fc.oneof(fc.integer({ min: -5, max: 2 ** 45 }), fc.double({ min: 0, max: 2 ** 41, noNaN: true })),
}, { requiredKeys: ["fields"] });

Deno.test("Redis reads what was packed, byte for byte, call after call in the same room", async () => {
  await using redis = await startRedis();
  await using channel = new TestChannel(redis.url);
  const packer = new ItemPacker();
  const property = fc.asyncProperty(fc.array(item, { maxLength: 6 }), fc.boolean(), async (items, dedup) => {
    const packed = packer.pack(items, BASE, dedup);
    const read = await channel.send(["EVAL", READ, "0", packed], { bytes: true });
    assert.deepEqual(readable(read), expected(items, dedup));
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
    const packed = packer.pack(items, BASE, true);
    const read = await channel.send(["EVAL", READ, "0", packed], { bytes: true });
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

Deno.test("what was packed stays as it is while more is packed, small or large", () => {
  const packer = new ItemPacker();
  const sizes = [10, 50, 100_000, 10, 3_000_000, 20, 400_000, 10];
  const calls = sizes.map((size, index) => [{ fields: [String.fromCharCode(97 + index).repeat(size)] }]);
  const packed = calls.map((items) => packer.pack(items, BASE, false));
  const alone = calls.map((items) => new ItemPacker().pack(items, BASE, false));
  assert.ok(packed.every((bytes, index) => Buffer.compare(bytes, alone[index]!) === 0));
});

Deno.test("bytes that the caller writes over later are not what is sent", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const packed = new ItemPacker().pack([{ fields: [bytes] }], BASE, false);
  bytes.fill(9);
  assert.deepEqual([...packed.subarray(-3)], [1, 2, 3]);
});

Deno.test("more than Redis takes as one argument is refused, and the next call goes", () => {
  const packer = new ItemPacker(2_000_000);
  for (const letter of ["a", "b"]) {
    assert.throws(() => packer.pack([{ fields: [letter.repeat(2_000_001)] }], BASE, false), {
      code: "event_too_large",
    });
    assert.ok(packer.pack([{ fields: [letter] }], BASE, false).length > 0);
  }
});
