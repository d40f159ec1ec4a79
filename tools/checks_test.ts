import assert from "node:assert/strict";
import { undocumented } from "./check_docs.ts";
import { violations } from "./check_layers.ts";
import { skippedInBrowser, totalsOf } from "./run_tests.ts";
import { codeOf } from "./sources.ts";

const check = (path: string, text: string): string[] => violations([{ path, text }]);

Deno.test("a layer may import what lies below it, and nothing else", () => {
  assert.deepEqual(check("src/stream/a.ts", 'import { x } from "../store/port.ts";'), []);
  assert.deepEqual(check("src/stream/a.ts", 'import type { x } from "../store/redis/x.ts";'), [
    "src/stream/a.ts:1: stream must not import store/redis",
  ]);
  assert.equal(check("src/store/redis/deep/a.ts", '\n\nexport * from "../../memory/x.ts";')[0]?.split(":")[1], "3");
  assert.equal(check("src/app.ts", 'import "../main.ts";').length, 1);
  assert.equal(check("src/http/a.ts", 'const a = await import("../store/redis/b.ts");').length, 1);
  assert.equal(check("src/events/a.ts", 'import {\n  a,\n} from "../stream/b.ts";').length, 1);
  assert.equal(check("src/nowhere/a.ts", "").length, 1);
});

Deno.test("time, chance, console and the end of the process have their one place; comments and strings do not count", () => {
  for (
    const code of [
      "Date.now()",
      "new Date()",
      "Math.random()",
      "setTimeout(f)",
      "setImmediate(f)",
      "console.log(1)",
      "Deno.exit(1)",
    ]
  ) {
    assert.equal(check("src/delivery/a.ts", code).length, 1, code);
    assert.deepEqual(check("src/delivery/a.ts", `// ${code}\n/* ${code} */ const a = "${code}";`), [], code);
  }
  assert.deepEqual(check("src/clock.ts", "Date.now(); setTimeout(f); Math.random();"), []);
  assert.deepEqual(check("src/delivery/a.ts", 'new Date("2020")'), []);
});

Deno.test("blanking keeps every line where it was", () => {
  const text = '/* a\n b */ x "y // z"\n// c\nd';
  assert.equal(codeOf(text).split("\n").length, 4);
  assert.match(codeOf(text), /y \/\/ z/);
  assert.doesNotMatch(codeOf(text, { strings: true }), /z|a|c/);
});

Deno.test("exports and public methods without a docstring are found", () => {
  const gaps = (text: string): string[] =>
    undocumented([{ path: "a.ts", text: `/** M. @module */\n${text}` }]).map((line) => line.split(" ")[1]!);
  assert.deepEqual(gaps("export function a(): void {}"), ["a"]);
  assert.deepEqual(gaps("/** Doc. */\nexport async function a(): Promise<void> {}"), []);
  assert.deepEqual(gaps("/** D. */\nexport class A {\n  run(): void {}\n  #own(): void {}\n}"), ["A.run"]);
  assert.deepEqual(gaps("/** D. */\nexport class A implements B {\n  run(): void {}\n}"), []);
  assert.equal(undocumented([{ path: "a.ts", text: "const a = 1;" }]).length, 1);
});

Deno.test("totals come from the report, over all its suites", () => {
  const report =
    '<testsuites tests="6"><testsuite name="a" tests="4" disabled="1" errors="0" failures="1"></testsuite>' +
    '<testsuite name="b" tests="2" disabled="0" errors="1" failures="0"></testsuite></testsuites>';
  assert.deepEqual(totalsOf(report), { passed: 3, failed: 2, skipped: 1 });
});

Deno.test("skipped browser tests are found in the report, so that they can be told of loudly", () => {
  const report = '<testcase name="browser: one" line="3">\n  <skipped/>\n</testcase>' +
    '<testcase name="browser: two" line="4">\n</testcase><testcase name="other" line="5">\n  <skipped/></testcase>';
  assert.deepEqual(skippedInBrowser(report), ["browser: one"]);
});
