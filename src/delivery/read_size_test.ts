import assert from "node:assert/strict";
import { READ_BYTES, ReadSize } from "./read_size.ts";

Deno.test("the first read is careful, and small entries are read in full batches from the second on", () => {
  const size = new ReadSize();
  assert.equal(size.count(500), READ_BYTES / 65_536);
  size.learn(128, 128 * 400);
  assert.equal(size.count(500), 500);
});

Deno.test("few large entries shrink the batch at once; one by one at the least", () => {
  const size = new ReadSize();
  size.learn(500, 500 * 400);
  size.learn(500, 500 * 1_000_000);
  assert.equal(size.count(500), 8);
  size.learn(8, 8 * 100_000_000);
  assert.equal(size.count(500), 1);
});

Deno.test("a few large ones among many small do not starve them: the batch grows again read by read", () => {
  const size = new ReadSize();
  size.learn(8, 8_000_000);
  const counts = Array.from({ length: 40 }, () => {
    size.learn(size.count(500), size.count(500) * 300);
    return size.count(500);
  });
  assert.ok(counts.every((count, index) => index === 0 || count >= counts[index - 1]!));
  assert.equal(counts.at(-1), 500);
});

Deno.test("nothing is learned from a read that brought nothing", () => {
  const size = new ReadSize();
  size.learn(0, 0);
  assert.equal(size.count(1_000), 128);
});
