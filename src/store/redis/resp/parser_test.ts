import assert from "node:assert/strict";
import fc from "fast-check";
import { PackedFields } from "../../../events/packed.ts";
import { concat, encodeCommand } from "./encode.ts";
import { RespParser } from "./parser.ts";
import { type ReplyShape, RespProtocolError, type RespValue } from "./reply.ts";

/** An error reply in these tests. */
class Refusal {
  constructor(readonly text: string) {}
}

type Value = RespValue<Refusal>;

const encoder = new TextEncoder();
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const asText: ReplyShape<Refusal> = { bytes: false, error: (text) => new Refusal(text) };
const asBytes: ReplyShape<Refusal> = { ...asText, bytes: true };

/** Feeds pieces as a socket would, and gives every reply that they hold. */
function read(pieces: readonly Uint8Array[], shape: ReplyShape<Refusal>, parser = new RespParser<Refusal>()): Value[] {
  const replies: Value[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const space = parser.space();
      assert.ok(space.length > 0);
      const part = piece.subarray(at, at + space.length);
      space.set(part);
      parser.filled(part.length);
      at += part.length;
      for (let reply = parser.next(shape); reply !== undefined; reply = parser.next(shape)) replies.push(reply);
    }
  }
  return replies;
}

/** Cuts at these places, which are taken modulo the length. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end));
}

/** A reply as a server writes it. */
function encode(value: Value): Uint8Array {
  if (value === null) return latin1("$-1\r\n");
  if (typeof value === "number") return latin1(`:${value}\r\n`);
  if (value instanceof Refusal) return latin1(`-${value.text}\r\n`);
  if (value instanceof PackedFields) return encode([...value.unpack()]);
  if (Array.isArray(value)) return concat([latin1(`*${value.length}\r\n`), ...value.map(encode)]);
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return concat([latin1(`$${bytes.length}\r\n`), bytes, latin1("\r\n")]);
}

/** Comparable whatever the buffers are. */
function plain(value: Value): unknown {
  if (value instanceof PackedFields) return value.unpack().map((field) => [...field]);
  if (value instanceof Uint8Array) return [...value];
  return Array.isArray(value) ? value.map(plain) : value;
}

const bulk = fc.uint8Array({ maxLength: 40 });
const leaf: fc.Arbitrary<Value> = fc.oneof(
  bulk,
  fc.maxSafeInteger(),
  fc.constant(null),
  fc.constantFrom("ERR no", "WRONGTYPE x").map((text) => new Refusal(text)),
);
const tree: fc.Arbitrary<Value> = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("tree"), { maxLength: 6 })),
})).tree;
const places = fc.array(fc.nat(10_000), { maxLength: 30 });

Deno.test("any value comes out as it went in, however the bytes are split", () => {
  fc.assert(fc.property(fc.array(tree, { minLength: 1, maxLength: 5 }), places, (values, cuts) => {
    const bytes = concat(values.map(encode));
    assert.deepEqual(read(cut(bytes, cuts), asBytes).map(plain), values.map(plain));
  }));
});

Deno.test("a read of entries comes out the same packed, split anywhere, byte for byte, repeated fields included", () => {
  const entry = fc.tuple(
    fc.constantFrom("1-1", "17000-3"),
    fc.array(fc.tuple(bulk, bulk), { minLength: 1, maxLength: 5 }),
  );
  fc.assert(fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), places, (entries, cuts) => {
    const wire = [["s", entries.map(([id, pairs]) => [id, pairs.flat()])]];
    const [reply] = read(cut(encode(wire), cuts), { ...asText, packAt: 4 });
    assert.deepEqual(plain(reply!), plain(wire));
    const packed = ((reply as Value[])[0] as Value[])[1] as Value[];
    for (const row of packed) assert.ok((row as Value[])[1] instanceof PackedFields);
  }));
});

Deno.test("entries that are all there say whether their data is JSON", () => {
  const wire = ["{}", "{", '"é"'].map((data, n) => [`1-${n}`, [latin1("data"), encoder.encode(data)]]);
  const [reply] = read([encode([["s", wire]])], { ...asText, packAt: 4 });
  const entries = ((reply as Value[])[0] as Value[])[1] as [string, PackedFields][];
  assert.deepEqual(entries.map(([id, { json }]) => [id, json]), [["1-0", true], ["1-1", false], ["1-2", false]]);
  // Of no use where the fields are no text: it would be looked for in vain.
  for (const [length, known] of [[4_000, true], [4_200, false]] as const) {
    const long = encode([["s", [["1-1", ["data", `"${"x".repeat(length)}"`]]]]]);
    const [reply] = read([long], { ...asText, packAt: 4 });
    const [[, fields]] = ((reply as Value[])[0] as Value[])[1] as [[string, PackedFields]];
    assert.deepEqual([fields.json, fields.asciiText() !== null], [known, known]);
  }
});

Deno.test("a reply that is one pair of an id and its fields comes packed like any other", () => {
  const wire = encode(["1-1", [latin1("a"), latin1("b")]]);
  for (const pieces of [[wire], [...wire].map((byte) => Uint8Array.of(byte))]) {
    const [reply] = read(pieces, { ...asText, packAt: 1 });
    const [id, fields] = reply as Value[];
    assert.equal(id, "1-1");
    assert.ok(fields instanceof PackedFields);
    assert.deepEqual(plain(fields), [[97], [98]]);
  }
});

Deno.test("a list of entries ends where it ends, whatever follows it", () => {
  const pair = ["1-1", [latin1("data"), latin1("[1]")]];
  const replies: Value[] = [[[pair, pair], pair], [[pair], "x", [pair]], [[pair], [pair]]];
  const wire = concat(replies.map(encode));
  // What is no entry of a list is text.
  const kinds = (value: Value): unknown =>
    value instanceof PackedFields ? "packed" : Array.isArray(value) ? value.map(kinds) : value;
  const entry = ["1-1", "packed"];
  for (let at = 0; at < wire.length; at++) {
    assert.deepEqual(read(cut(wire, [at]), { ...asText, packAt: 3 }).map(kinds), [
      [[entry, entry], ["1-1", ["data", "[1]"]]],
      [[entry], "x", [entry]],
      [[entry], [entry]],
    ]);
  }
});

Deno.test("nothing is read of what lay in a buffer before", () => {
  const wire = encode([["s", ["1-1", "1-2"].map((id) => [id, [latin1("data"), latin1("[1]")]])]]);
  for (let at = 1; at < wire.length; at++) {
    const parser = new RespParser<Refusal>();
    // As text it is all copied, so that the buffer is filled from its start again.
    assert.equal(read([wire], asText, parser).length, 1);
    assert.equal(read([wire.subarray(0, at)], { ...asText, packAt: 4 }, parser).length, 0, `${at} bytes`);
    assert.equal(read([wire.subarray(at)], { ...asText, packAt: 4 }, parser).length, 1);
  }
});

Deno.test("what is no ASCII is known to be none, wherever the bytes are split", () => {
  const wire = encode([["s", ["é", "e"].map((text, n) => [`1-${n}`, ["subject", text, "data", "[1]"]])]]);
  for (let at = 1; at < wire.length; at++) {
    const [reply] = read(cut(wire, [at]), { ...asText, packAt: 4 });
    const entries = ((reply as Value[])[0] as Value[])[1] as [string, PackedFields][];
    assert.deepEqual(entries.map(([, fields]) => fields.asciiText() !== null), [false, true], `cut at ${at}`);
  }
});

Deno.test("one byte at a time gives the same as all at once", () => {
  const wire = encode([["s", [["1-1", [latin1("a"), latin1("b\r\n"), latin1("a"), latin1("")]], ["1-2", [
    latin1("x"),
    latin1("y"),
  ]]]], 7]);
  for (const shape of [asText, asBytes, { ...asText, packAt: 4 }]) {
    const whole = read([wire], shape).map(plain);
    assert.deepEqual(read([...wire].map((byte) => Uint8Array.of(byte)), shape).map(plain), whole);
  }
});

Deno.test("values that were given out stay as they are while more is read", () => {
  const parser = new RespParser<Refusal>();
  const first = read([encode([latin1("a".repeat(9_000)), latin1("b")])], asBytes, parser)[0] as Uint8Array[];
  for (let round = 0; round < 100; round++) read([encode(latin1("z".repeat(9_000)))], asBytes, parser);
  assert.equal(first[0]!.every((byte) => byte === 97), true);
  assert.deepEqual(first[1], latin1("b"));
});

Deno.test("a value larger than every buffer is read whole, packed or not", () => {
  const big = new Uint8Array(3_000_000).map((_, index) => index * 31);
  const wire = encode([["s", [["1-1", [latin1("data"), big]]]]]);
  const pieces = cut(wire, Array.from({ length: 60 }, (_, index) => index * 50_000));
  for (const shape of [asBytes, { ...asText, packAt: 4 }]) {
    const [reply] = read(pieces, shape);
    const fields = (((reply as Value[])[0] as Value[])[1] as Value[])[0] as Value[];
    const pack = fields[1]!;
    const values = pack instanceof PackedFields ? pack.unpack() : pack as Uint8Array[];
    assert.equal(values[1]!.length, big.length);
    assert.ok(values[1]!.every((byte, index) => byte === big[index]));
  }
});

Deno.test("fields of a large entry keep no more memory than they are long", () => {
  for (const size of [70_000, 100_000, 1_000_000]) {
    const sent = Array.from({ length: 5 }, (_, n) => [`${n}-0`, ["data", "x".repeat(size), "n", String(n)]]);
    const [reply] = read([encode(sent)], { ...asText, packAt: 2 });
    const packed = (reply as Value[]).map((entry) => (entry as Value[])[1] as PackedFields);
    assert.ok(packed.every(({ bytes }) => bytes.buffer.byteLength < size * 1.01), `of ${size} bytes`);
    assert.deepEqual(
      packed.map((fields) => fields.unpack().map((field) => field.length)),
      sent.map(() => [4, size, 1, 1]),
    );
    assert.deepEqual(packed.map((fields) => new TextDecoder().decode(fields.unpack()[3])), ["0", "1", "2", "3", "4"]);
  }
});

Deno.test("garbage is refused with the protocol's error and nothing else, and never hangs", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.array(
      fc.constantFrom(
        "*2",
        "*3",
        "$2",
        "$5",
        "$-1",
        "*-1",
        ":12",
        "+OK",
        "-ERR",
        "\r\n",
        "\n",
        "\r",
        "hello",
        "*",
        "$",
        ":",
        "-9",
        "9999999999999",
      ),
    )
      .map((parts) => latin1(parts.join(""))),
  );
  fc.assert(
    fc.property(
      hostile,
      places,
      fc.constantFrom<ReplyShape<Refusal>>(asText, asBytes, ...[1, 2, 3].map((packAt) => ({ ...asText, packAt }))),
      (bytes, cuts, shape) => {
        try {
          read(cut(bytes, cuts), shape);
        } catch (error) {
          assert.ok(error instanceof RespProtocolError, String(error));
        }
      },
    ),
  );
});

Deno.test("what is no RESP2 is told by what was found", () => {
  const refused = (text: string, pattern: RegExp, shape = asText): void =>
    assert.throws(() => read([latin1(text)], shape), { name: "RespProtocolError", message: pattern }, text);
  refused("HTTP/1.1 400 Bad Request\r\n", /HTTP\/1\.1 400/);
  refused("SSH", /SSH/);
  refused("$3\r\nabcde\r\n", /too long/);
  refused("$-2\r\n", /\$-2/);
  refused("*x\r\n", /\*x/);
  refused(":\r\n", /:/);
  refused(":-\r\n", /:-/);
  refused("+OK\n", /OK/);
  refused(`+${"x".repeat(20_000)}`, /without end/);
  refused("*1\r\n".repeat(40), /deep/);
  refused("*1\r\n*2\r\n:1\r\n", /among fields/, { ...asText, packAt: 1 });
  refused("*1\r\n*1\r\n$-1\r\n", /null among fields/, { ...asText, packAt: 1 });
});

Deno.test("lengths are only claims: a promise of much takes no memory, and too much is refused at once", () => {
  const parser = new RespParser<Refusal>();
  assert.deepEqual(read([latin1("*4294967295\r\n$100000000\r\nabc")], asText, parser), []);
  assert.ok(parser.space().length < 1_000_000);
  const small = new RespParser<Refusal>({ replyBytes: 1_000 });
  assert.throws(() => read([latin1("$1001\r\n")], asText, small), { message: /more than 1000 bytes/ });
  const endless = new RespParser<Refusal>({ replyBytes: 1_000 });
  assert.throws(
    () => read([latin1("*100000\r\n"), ...new Array<Uint8Array>(500).fill(latin1(":1\r\n"))], asText, endless),
    {
      message: /more than 1000 bytes/,
    },
  );
  const row: Value = ["1-1", ["a", "b"]];
  for (const shape of [asText, { ...asText, packAt: 4 }]) {
    const entries = new RespParser<Refusal>({ replyBytes: 1_000 });
    const reply = encode([["s", new Array<Value>(100).fill(row)]]);
    assert.throws(() => read([reply], shape, entries), { message: /more than 1000 bytes/ });
  }
  const many = new RespParser<Refusal>({ replyBytes: 1_000 });
  assert.equal(read(new Array<Uint8Array>(500).fill(encode("four bytes")), asText, many).length, 500);
});

Deno.test("commands are written as any server reads them", () => {
  const word = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array());
  fc.assert(fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (args) => {
    const expected = args.map((arg) => [...(typeof arg === "string" ? encoder.encode(arg) : arg)]);
    assert.deepEqual(read([encodeCommand(args)], asBytes).map(plain), [expected]);
  }));
});
