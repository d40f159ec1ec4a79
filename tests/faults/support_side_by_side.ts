/**
 * Tests that have a Redis of their own and mostly wait, for leases and backoffs: some at a time, so that the suite does not.
 * @module
 */
import assert from "node:assert/strict";

/** Registers one test for each `atOnce` cases; it names every case that broke. */
export function sideBySide(
  cases: readonly { readonly name: string; readonly run: () => Promise<void> }[],
  atOnce: number,
): void {
  for (let from = 0; from < cases.length; from += atOnce) {
    const some = cases.slice(from, from + atOnce);
    Deno.test(some.map(({ name }) => name).join("; "), async () => {
      const ends = await Promise.allSettled(some.map(({ run }) => run()));
      const broken = ends.flatMap((end, at) =>
        end.status === "rejected" ? [`${some[at]?.name}: ${(end.reason as Error)?.stack ?? end.reason}`] : []
      );
      assert.equal(broken.length, 0, broken.join("\n\n"));
    });
  }
}
