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

/** Passed on to the tests. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What is run at once, and with what in the environment. */
interface Part {
  readonly where: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Where services of tests run with what is shipped for production: the least Redis user and Deno's narrowest permissions. */
const AS_IN_PRODUCTION = { TEST_REDIS_ACL: "1", TEST_PROD_PERMISSIONS: "1" };

const INTEGRATION = "tests/integration";

function parts(): readonly Part[] {
  const tests = [...Deno.readDirSync("tests")].map(({ name }) => `tests/${name}`).filter((path) =>
    path !== INTEGRATION
  );
  return [
    { where: ["src", "testing", "tools", "handlers", ...tests.sort()].filter(isFolder) },
    { where: [INTEGRATION], env: AS_IN_PRODUCTION },
  ];
}

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
  const named = args.some((arg) => !arg.startsWith("-"));
  let code = 0;
  const reports: string[] = [];
  for (const part of named ? [{ where: [] }] : parts()) {
    const ended = await runPart(part, args);
    code ||= ended.code;
    reports.push(ended.report);
  }
  // Deno reports what a filter leaves out as skipped.
  const filtered = args.some((arg) => arg.startsWith("--filter"));
  return conclude(code, reports.join("\n"), filtered);
}

async function runPart(
  { where, env = {} }: Part,
  args: readonly string[],
): Promise<{ readonly code: number; readonly report: string }> {
  const file = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-q", ...PERMISSIONS, `--junit-path=${file}`, ...args, ...where],
      env: { ...env },
    }).spawn();
    const forward = SIGNALS.map((signal) => [signal, () => child.kill(signal)] as const);
    for (const [signal, kill] of forward) Deno.addSignalListener(signal, kill);
    const { code } = await child.status;
    for (const [signal, kill] of forward) Deno.removeSignalListener(signal, kill);
    return { code, report: await Deno.readTextFile(file) };
  } finally {
    await Deno.remove(file);
  }
}

function conclude(code: number, report: string, filtered: boolean): number {
  const { passed, failed, skipped } = totalsOf(report);
  const unseen = filtered ? 0 : skippedInBrowser(report).length;
  if (unseen > 0) {
    const why = "no Chromium is installed (Debian: apt-get install chromium; else CHROMIUM=/path/to/it)";
    say(`\n*** ${unseen} BROWSER TESTS SKIPPED: ${why}. The dashboard was not tested in a browser. ***\n`);
  }
  if (skipped > 0 && !filtered) say(`${skipped} skipped`);
  // A file that cannot even be loaded fails the run without failing a test.
  const broken = code !== 0 && failed === 0 ? 1 : 0;
  say(`${passed} passed, ${failed + broken} failed`);
  return code !== 0 ? code : failed > 0 || passed === 0 ? 1 : 0;
}

function isFolder(path: string): boolean {
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
