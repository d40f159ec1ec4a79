import assert from "node:assert/strict";
import { HEAD, scanEntries } from "./entry_scan.ts";
import { entry, join, LONGEST, MOST, read, readOne, scan } from "./entry_scan_fixtures_test.ts";
import { INPUT_BYTES, TABLE_BYTES } from "./wasm/entries.wasm";

Deno.test("what is found fills its table to the last place, and never more", () => {
  const room = TABLE_BYTES / 4;
  // Names without values: one place each, and the smallest entries that there are.
  for (const values of [1, 2]) {
    const one = entry("1-1", ...Array.from({ length: values }, () => ""));
    const most = Math.floor(room / (HEAD + 2 * values));
    const many = join(Array.from({ length: most + 10 }, () => one));
    assert.ok(many.length < INPUT_BYTES);
    const found = scan(many, 0, { most: 1e6 });
    assert.deepEqual([found?.count, found?.end, found?.table.length], [
      most,
      most * one.length,
      most * (HEAD + 2 * values),
    ]);
  }
});

Deno.test("what is looked at at once ends with its last byte, be it that of an entry or not", () => {
  const first = entry("1-1", "data", "1".repeat(INPUT_BYTES - 10_000));
  const overhead = entry("1-2", "data", "1".repeat(1_000)).length - 1_000;
  for (const over of [-1, 0, 1]) {
    const second = entry("1-2", "data", "1".repeat(INPUT_BYTES - first.length - overhead + over));
    const bytes = join([first, second, entry("1-3", "a", "b")]);
    assert.equal(first.length + second.length, INPUT_BYTES + over);
    const found = scan(bytes, 0, { longest: 1e6 });
    assert.deepEqual([found?.count, found?.end], over > 0 ? [1, first.length] : [2, first.length + second.length]);
    assert.ok(read(bytes, found!).every(({ json }) => json));
  }
});

Deno.test("nothing is read of what an earlier scan left", () => {
  const bytes = join([entry("1-1", "a", "b"), entry("1-2", "data", "[1]")]);
  const end = entry("1-1", "a", "b").length;
  for (let to = 0; to < bytes.length; to++) {
    assert.equal(scan(bytes)?.count, 2);
    assert.equal(scan(bytes, 0, { to })?.end, to < end ? undefined : end);
  }
});

Deno.test("places are those of the bytes, however far in they begin", () => {
  const bytes = entry("1-1", "data", "[1]");
  for (const from of [1, 2 ** 31 - 3, 2 ** 31, 2 ** 32 - 4_000]) {
    // Only what is looked at has to be there.
    const far = { subarray: (start: number, end: number) => bytes.subarray(start - from, end - from) };
    const found = scanEntries({
      bytes: far as Uint8Array,
      from,
      to: from + bytes.length,
      most: MOST,
      longest: LONGEST,
      longestJson: LONGEST,
    });
    assert.equal(found?.end, from + bytes.length);
    const near = {
      ...found!,
      table: found!.table.map((place, at) => [0, 1, 4, 5, 6, 7].includes(at) ? place - from : place),
    };
    assert.deepEqual(read(bytes, near), readOne(["data", "[1]"]));
  }
});
