/**
 * Events of entries that were read many at once, against those of a reader that takes every value by itself.
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeEntry, decodeSorted } from "../../../events/codec.ts";
import { DataHabit } from "../../../events/data_habit.ts";
import { PackedFields } from "../../../events/packed.ts";
import { sortFields } from "../../../events/sorted.ts";
import { concat } from "./encode.ts";
import { bulk, type Bytes, entry as entryOf, list } from "./entry_scan_fixtures_test.ts";
import { RespParser } from "./parser.ts";
import type { ReplyShape, RespValue } from "./reply.ts";

type Value = RespValue<Error>;
interface Entry {
  readonly id: string;
  readonly values: readonly Bytes[];
}

const apart: ReplyShape<Error> = { bytes: true, error: (text) => new Error(text) };
const packed: ReplyShape<Error> = { ...apart, bytes: false, packAt: 4 };

/** A reply to `XREADGROUP`: streams, their entries, their fields. */
function wireOf(streams: readonly (readonly Entry[])[]): Uint8Array {
  const rows = (entries: readonly Entry[]) => entries.map(({ id, values }) => entryOf(id, ...values));
  return list(streams.map((entries, n) => list([bulk(`s${n}`), list(rows(entries))])));
}

/** In pieces of these sizes, in turn. @returns All replies. */
function read(bytes: Uint8Array, sizes: readonly number[], shape: ReplyShape<Error>): Value[] {
  const parser = new RespParser<Error>();
  const replies: Value[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const space = parser.space();
    const part = bytes.subarray(at, at + Math.min(space.length, sizes[turn % sizes.length]!));
    space.set(part);
    parser.filled(part.length);
    at += part.length;
    for (let reply = parser.next(shape); reply !== undefined; reply = parser.next(shape)) replies.push(reply);
  }
  assert.equal(parser.buffered, 0);
  return replies;
}

/** Id and fields of each entry. */
function entriesOf(replies: readonly Value[]): (readonly [unknown, Value])[] {
  const items = (value: Value): Value[] => value as Value[];
  return replies.flatMap(items).flatMap((stream) => items(items(stream)[1]!)).map((entry) => {
    const [id, fields] = items(entry);
    return [id instanceof Uint8Array ? new TextDecoder().decode(id) : id, fields!] as const;
  });
}

const name = fc.constantFrom<Bytes>(
  ...["data", "payload", "data", "payload", "type", "event", "time", "timestamp", "id", "subject", "aggregateId"],
  ...["datacontenttype", "other", "", "dat", "Data", "data\0", "\ufeffdata", "payloaD", "__proto__", "é"],
  Uint8Array.of(0x64, 0x61, 0x74, 0xe1),
);
const text = fc.constantFrom<Bytes>(
  ...[
    "{}",
    '{"a":[1,"b\\u00e9",null]}',
    " [1 , -0.5e+3]\r\n",
    '"x"',
    "true",
    "0",
    '{"__proto__":{"a":1}}',
    '"é"',
    '"\u2028"',
  ],
  ...["", "{", "01", "nul", '"\x7f"', '"\x1f"', "\ufeff{}", "\xa01", "1]", "{}\0", "\v1"],
  ...[
    "\r\n",
    "$1\r\na\r\n",
    "*2\r\n$3\r\n1-1\r\n*2\r\n$4\r\ndata\r\n$1\r\n1\r\n",
    "text/plain",
    "application/json",
    "a",
  ],
  ...["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5+01:00", "1700000000000"],
  Uint8Array.of(0x22, 0x80, 0x22),
  Uint8Array.of(0x22, 0xff),
);
/** Up to beyond what is text at once (4 KiB), what is read at once (64 KiB), and a buffer (128 KiB). */
const long = fc.constantFrom(10, 4_000, 4_096, 20_000, 65_510, 65_536, 140_000).chain((length) =>
  fc.constantFrom<Bytes>(`"${"x".repeat(length)}"`, `[${"1,".repeat(length >> 1)}1]`, `"${"x".repeat(length)}é"`)
);
const value = fc.oneof({ weight: 40, arbitrary: text }, { weight: 8, arbitrary: fc.json() }, {
  weight: 1,
  arbitrary: long,
});
const entry: fc.Arbitrary<Entry> = fc.record({
  id: fc.constantFrom("1-1", "1700000000000-0", "1700000000000-123456"),
  values: fc.array(
    fc.oneof({ weight: 20, arbitrary: fc.tuple(name, value) }, { weight: 1, arbitrary: fc.tuple(value) }),
    {
      minLength: 1,
      maxLength: 8,
    },
  ).map((parts) => ["type", "t", ...parts.flat()]),
});
const replies = fc.array(fc.array(fc.array(entry, { maxLength: 12 }), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 4,
});
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 200_000 })), {
  minLength: 1,
  maxLength: 6,
});

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** What `data` or `payload` is, as its bytes. */
function dataOf(values: readonly Uint8Array[]): Uint8Array | undefined {
  const find = (wanted: string): Uint8Array | undefined => {
    for (let at = 0; at + 1 < values.length; at += 2) {
      if (String.fromCharCode(...values[at]!.subarray(0, 10)) === wanted) return values[at + 1];
    }
    return undefined;
  };
  return find("data") ?? find("payload");
}

Deno.test("an entry gives the same event however it was read, and whether its data waits to be read or not", () => {
  let known = 0;
  fc.assert(
    fc.property(replies, sizes, (given, sizes) => {
      const wire = concat(given.map(wireOf));
      const wanted = entriesOf(read(wire, [wire.length], apart));
      const found = entriesOf(read(wire, sizes, packed));
      assert.deepEqual(found.map(([id]) => id), wanted.map(([id]) => id));
      found.forEach(([id, fields], index) => {
        const values = wanted[index]![1] as Uint8Array[];
        assert.ok(fields instanceof PackedFields);
        assert.deepEqual(fields.unpack().map((one) => [...one]), values.map((one) => [...one]));
        const event = decodeEntry({ stream: "s", id: String(id), fields: values });
        const all = fields.asciiText();
        assert.equal(
          all !== null,
          fields.byteLength <= 4_096 && isAscii(fields.bytes.subarray(fields.start, fields.start + fields.byteLength)),
        );
        if (fields.json) {
          known++;
          const data = dataOf(values)!;
          assert.ok(isAscii(data));
          JSON.parse(new TextDecoder().decode(data));
        }
        for (const habit of [null, new DataHabit()]) {
          const decoded = decodeSorted("s", String(id), sortFields(fields, all ?? undefined), habit);
          assert.deepEqual(decoded.ok ? { ...decoded, event: { ...decoded.event } } : decoded, event);
        }
        assert.deepEqual(decodeEntry({ stream: "s", id: String(id), fields }), event);
      });
    }),
    { numRuns: 100 },
  );
  assert.ok(known > 100, `${known} were known to be JSON`);
});
