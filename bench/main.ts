/**
 * `deno task bench [--quick] [--scenario NAME]… [--rounds N] [--write]`: measures the service against what is possible,
 * each scenario with a Redis of its own, baselines and service in turn. Prints tables; a full run (or `--write`) also
 * writes `bench/results.md` and `bench/results.json`.
 * @module
 */
import { compileCClient } from "./baseline/c_client.ts";
import type { Bench } from "./lib/bench.ts";
import { machine } from "./lib/machine.ts";
import { markdown, type Result } from "./lib/series.ts";
import { SCENARIOS } from "./scenarios/mod.ts";

/** Exit code where nothing can be measured. */
const FAILED = 1;
/** Exit code for wrong use. */
const WRONG_USE = 2;

interface Asked {
  readonly quick: boolean;
  readonly write: boolean;
  readonly rounds: number;
  readonly names: readonly string[];
}

async function main(args: readonly string[]): Promise<number> {
  const asked = parse(args);
  if (typeof asked === "string") {
    say(`${asked}\nScenarios: ${SCENARIOS.map(({ name }) => name).join(" ")}`);
    return WRONG_USE;
  }
  const { quick, rounds, names } = asked;
  const about = await machine();
  if (about === null) {
    say("Cannot measure: there is no redis-server (Debian: apt-get install redis-server)");
    return FAILED;
  }
  const bench: Bench = { quick, rounds, cClient: await compileCClient(say) };
  say(about.join("\n"));
  const results: Result[] = [];
  for (const { name, run } of SCENARIOS) {
    if (names.length > 0 && !names.includes(name)) continue;
    const startedAt = performance.now();
    const result = await run(bench);
    results.push(result);
    say(`\n${markdown(result)}\n(${((performance.now() - startedAt) / 1_000).toFixed(0)} s)`);
  }
  if (asked.write) await write(about, results);
  else say(`\n${JSON.stringify(results)}`);
  return 0;
}

/** @returns What is wrong, or what was asked. */
function parse(args: readonly string[]): Asked | string {
  const names: string[] = [];
  let [quick, write, rounds] = [false, false, 0];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--quick") quick = true;
    else if (arg === "--write") write = true;
    else if (arg === "--rounds") rounds = Number(args[++at]);
    else if (arg === "--scenario") names.push(args[++at] ?? "");
    else return `Unknown argument ${arg}`;
  }
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) return `Unknown scenario ${unknown}`;
  if (!Number.isInteger(rounds) || rounds < 0) return "--rounds wants a whole number";
  // A full run keeps what it found.
  return { quick, rounds: rounds || (quick ? 1 : 5), names, write: write || (!quick && names.length === 0) };
}

async function write(about: readonly string[], results: readonly Result[]): Promise<void> {
  const text = [
    "# Results of the bench",
    "",
    "Written by `deno task bench`. Read ratios, not absolutes: baselines and service took turns in one run.",
    "",
    ...about.map((line) => `- ${line}`),
    "",
    ...results.map(markdown),
  ].join("\n");
  await Deno.writeTextFile(new URL("results.md", import.meta.url), text);
  await Deno.writeTextFile(
    new URL("results.json", import.meta.url),
    `${JSON.stringify({ about, results }, null, 1)}\n`,
  );
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
