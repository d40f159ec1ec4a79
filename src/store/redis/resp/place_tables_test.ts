import assert from "node:assert/strict";
import { PlaceTables } from "./place_tables.ts";

Deno.test("places stay what they are while others are put beside them, many in one array, and none has too much of it", () => {
  const tables = new PlaceTables();
  const lists = Array.from(
    { length: 500 },
    (_, n) => Array.from({ length: n % 97 === 0 ? 3_000 : n % 40 }, (_, at) => n + at),
  );
  const found = lists.map((places) => tables.add(places));
  assert.deepEqual(found.map(({ table, first, last }) => [...table.subarray(first, last)]), lists);
  const arrays = new Set(found.map(({ table }) => table));
  assert.ok(arrays.size < 30, `${arrays.size} arrays`);
  for (const { length } of arrays) assert.ok(length <= 3_000);
});
