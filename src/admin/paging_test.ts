import assert from "node:assert/strict";
import fc from "fast-check";
import { compareIds } from "../delivery/ids.ts";
import type { RangePart, RangeQuery, StoredEntry, StreamAdmin } from "../store/admin_port.ts";
import { cursorOf } from "./input.ts";
import { type Paged, pageOf } from "./paging.ts";

/** A stream that looks at no more than `budget` entries a call, of which only the odd ones fit. */
function stream(index: number, ids: readonly string[], budget: number): Paged {
  const range = ({ from, to, newestFirst, limit }: RangeQuery): Promise<RangePart> => {
    const after = (id: string): boolean =>
      from === undefined || compareIds(id, from.id) > 0 || (!from.exclusive && id === from.id);
    const before = (id: string): boolean =>
      to === undefined || compareIds(id, to.id) < 0 || (!to.exclusive && id === to.id);
    const inside = ids.filter((id) => after(id) && before(id));
    if (newestFirst) inside.reverse();
    const entries: StoredEntry[] = [];
    for (const [at, id] of inside.slice(0, budget).entries()) {
      if (fits(id)) entries.push({ id, fields: [] });
      if (entries.length === limit) return Promise.resolve({ entries, scannedTo: inside[at]! });
    }
    return Promise.resolve({ entries, scannedTo: inside.length > budget ? inside[budget - 1]! : null });
  };
  return { index, admin: { stream: `s${index}`, range } as unknown as StreamAdmin };
}

const fits = (id: string): boolean => Number(id.split("-")[1]) % 2 === 1;

Deno.test("pages joined are everything that fits, in order, each once; whatever the limits", async () => {
  const ids = fc.uniqueArray(fc.tuple(fc.nat(6), fc.nat(9)), { selector: String, maxLength: 30 })
    .map((pairs) => pairs.map(([ms, seq]) => `${ms}-${seq}`).sort(compareIds));
  const property = fc.asyncProperty(
    fc.array(ids, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 7 }),
    fc.boolean(),
    async (lists, budget, limit, newestFirst) => {
      const streams = lists.map((list, index) => stream(index, list, budget));
      const found: string[] = [];
      for (let next: string | null = null;;) {
        const cursor: ReturnType<typeof cursorOf> = next === null ? null : cursorOf({ cursor: next }, streams.length);
        const page = await pageOf(streams, { of: "entries", newestFirst }, cursor, limit);
        assert.ok(page.items.length <= limit);
        found.push(...page.items.map(({ id, index }) => `${id}.${index}`));
        next = page.next;
        if (next === null) break;
      }
      const wanted = lists.flatMap((list, index) => list.filter(fits).map((id) => ({ id, index })));
      wanted.sort((a, b) => (newestFirst ? compareIds(b.id, a.id) : compareIds(a.id, b.id)) || a.index - b.index);
      assert.deepEqual(found, wanted.map(({ id, index }) => `${id}.${index}`));
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
