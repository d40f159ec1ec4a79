import assert from "node:assert/strict";
import fc from "fast-check";
import { FakeClock } from "../../testing/fake_clock.ts";
import { type Markable, RunningMarks } from "./running_marks.ts";

const itemOf = (entryRef: string): Markable => ({ entryRef, markSlot: -1, markedSince: 0 });

Deno.test("whatever starts and ends in whatever order, a mark names what runs, once each", async () => {
  const step = fc.record({ what: fc.constantFrom("start", "start", "end", "end", "reset"), pick: fc.nat(1_000) });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    let marked: readonly string[] = [];
    const marks = new RunningMarks({
      clock: new FakeClock(),
      foreignRunning: () => false,
      mark: (refs) => Promise.resolve(void (marked = refs)),
    });
    const running: Markable[] = [];
    const deaf: Markable[] = [];
    for (const [at, { what, pick }] of steps.entries()) {
      if (what === "start") {
        const items = [itemOf(`${at}-0`), itemOf(`${at}-1`)].slice(pick % 2);
        assert.equal(marks.starting(items), null);
        running.push(...items);
      } else if (what === "end" && running.length > 0) {
        const [item] = running.splice(pick % running.length, 1);
        marks.ended(item!);
        marks.ended(item!);
      } else if (what === "reset" && pick % 10 === 0) {
        marks.reset();
        deaf.push(...running.splice(0));
      }
      // What ran under an earlier registration ends when it likes.
      if (deaf.length > 0 && pick % 3 === 0) marks.ended(deaf.shift()!);
      assert.equal(marks.running, running.length);
    }
    marks.suspect("suspect");
    const last = itemOf("suspect");
    await marks.starting([last]);
    assert.deepEqual([...marked].sort(), [...running, last].map(({ entryRef }) => entryRef).sort());
    marks.stop();
  }));
});

Deno.test("what has run for long is marked in passing, and what is quick is not", async () => {
  const clock = new FakeClock();
  const written: (readonly string[])[] = [];
  const marks = new RunningMarks({
    clock,
    foreignRunning: () => false,
    mark: (refs, exact) => Promise.resolve(void (exact || written.push(refs))),
  });
  const slow = itemOf("slow");
  const quick = itemOf("quick");
  marks.starting([slow, quick]);
  marks.ended(quick);
  await clock.advance(200);
  marks.ended(slow);
  await clock.advance(200);
  assert.deepEqual(written, [["slow"]]);
  marks.stop();
});
