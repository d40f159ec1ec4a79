/**
 * Runs the tests and ends with one plain line, `N passed, N failed`, made from the report that `deno test` writes.
 *
 * Arguments go to `deno test`: `deno task test src/delivery --filter retry`. Exit code: that of `deno test`, and 1 where
 * it wrote no report or ran no test.
 * @module
 */

/** What a report counts. Steps count with their test. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * What the tests may do. Least that works: they talk to servers of their own on loopback ports and on sockets in folders
 * of their own (net, read and write cannot be narrowed to names made at run time), run `redis-server` and services and
 * end them by process id (needs `run` without limits). No FFI, no import from a host, no prompt.
 */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-sys",
];

const FOLDERS = ["src", "testing", "tests", "tools", "handlers"];

/** Reads a JUnit report. */
export function totalsOf(report: string): Totals {
  let [tests, failed, skipped] = [0, 0, 0];
  for (const [, attributes = ""] of report.matchAll(/<testsuite\s([^>]*)>/g)) {
    const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0);
    tests += count("tests");
    failed += count("failures") + count("errors");
    skipped += count("disabled") + count("skipped");
  }
  return { passed: tests - failed - skipped, failed, skipped };
}

/** Names of skipped tests that want a browser. */
export function skippedInBrowser(report: string): readonly string[] {
  return [...report.matchAll(/<testcase name="(browser: [^"]*)"[^>]*>\s*<skipped/g)].map(([, name = ""]) => name);
}

async function run(args: readonly string[]): Promise<number> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const named = args.some((arg) => !arg.startsWith("-"));
    const where = named ? [] : FOLDERS.filter(exists);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-q", ...PERMISSIONS, `--junit-path=${report}`, ...args, ...where],
    }).spawn();
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => child.kill(signal));
    const { code } = await child.status;
    return conclude(code, await Deno.readTextFile(report));
  } finally {
    await Deno.remove(report);
  }
}

function conclude(code: number, report: string): number {
  const { passed, failed, skipped } = totalsOf(report);
  const unseen = skippedInBrowser(report).length;
  if (unseen > 0) {
    const why = "no Chromium is installed (Debian: apt-get install chromium; else CHROMIUM=/path/to/it)";
    say(`\n*** ${unseen} BROWSER TESTS SKIPPED: ${why}. The dashboard was not tested in a browser. ***\n`);
  }
  if (skipped > 0) say(`${skipped} skipped`);
  // A file that cannot even be loaded fails the run without failing a test.
  const broken = code !== 0 && failed === 0 ? 1 : 0;
  say(`${passed} passed, ${failed + broken} failed`);
  return code !== 0 ? code : failed > 0 || passed === 0 ? 1 : 0;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) Deno.exit(await run(Deno.args));
