import assert from "node:assert/strict";
import fc from "fast-check";
import { compareIds, idTimeMs, nextId } from "./ids.ts";

const MAX = (1n << 64n) - 1n;
const part = fc.oneof(fc.bigInt({ min: 0n, max: MAX }), fc.bigInt({ min: 0n, max: 20n }), fc.constant(MAX));
const pair = fc.tuple(part, part);
const write = ([ms, seq]: readonly [bigint, bigint]): string => `${ms}-${seq}`;
const asNumber = ([ms, seq]: readonly [bigint, bigint]): bigint => (ms << 64n) + seq;

Deno.test("ids are compared as the numbers that they are", () => {
  fc.assert(
    fc.property(pair, pair, (a, b) => {
      const expected = asNumber(a) < asNumber(b) ? -1 : asNumber(a) > asNumber(b) ? 1 : 0;
      assert.equal(Math.sign(compareIds(write(a), write(b))), expected);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("the dash decides, not the text", () => {
  assert.ok(compareIds("9-10", "10-9") < 0);
  assert.ok(compareIds("1751154013653-9", "1751154013653-10") < 0);
  assert.equal(compareIds("5-0", "5-0"), 0);
});

Deno.test("a replay stands where its entry stood", () => {
  assert.equal(compareIds("r:5-0", "5-0"), 0);
  assert.ok(compareIds("r:5-0", "6-0") < 0 && compareIds("6-0", "r:5-0") > 0 && compareIds("r:6-0", "r:5-9") > 0);
});

Deno.test("any three texts are ordered without contradiction", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^(r:)?[0-9.a]{0,3}(-[0-9.a]{0,3})?$/));
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      assert.equal(Math.sign(compareIds(a, b)), 0 - Math.sign(compareIds(b, a)));
      if (compareIds(a, b) <= 0 && compareIds(b, c) <= 0) assert.ok(compareIds(a, c) <= 0);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("the next id is the smallest that is larger", () => {
  fc.assert(fc.property(pair, (id) => {
    const last = id[0] === MAX && id[1] === MAX;
    const next = id[1] < MAX ? write([id[0], id[1] + 1n]) : write([id[0] + 1n, 0n]);
    assert.equal(nextId(write(id)), last ? write(id) : next);
  }));
  assert.equal(nextId("0-0"), "0-1");
  assert.equal(nextId("5"), "5-1");
  assert.equal(nextId("garbage"), "garbage");
});

Deno.test("the time of an id always fits a Date", () => {
  assert.equal(idTimeMs("1751154013653-7"), 1751154013653);
  assert.equal(idTimeMs("r:1751154013653-7"), 1751154013653);
  assert.equal(idTimeMs("garbage"), 0);
  assert.equal(idTimeMs(""), 0);
  fc.assert(fc.property(fc.oneof(fc.string(), pair.map(write)), (id) => {
    assert.ok(!Number.isNaN(new Date(idTimeMs(id)).getTime()));
  }));
});
