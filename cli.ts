/**
 * Operations from a terminal: environment, signals, exit codes. Everything else is in `src/`.
 *
 * Exit codes: 0 done, 1 failed or not found, 2 wrong use or a wrong configuration.
 * @module
 */
import meta from "./deno.json" with { type: "json" };
import { openCli } from "./src/app/cli_parts.ts";
import { runCli } from "./src/cli/run.ts";
import { systemClock, systemRandom } from "./src/clock.ts";
import { parseConfig } from "./src/config/parse.ts";
import { SETTING_NAMES } from "./src/config/table.ts";
import type { Config } from "./src/config/types.ts";

const stopped = new AbortController();
const encoder = new TextEncoder();

/** A reader that went away (`| head`) wants no more: that is no failure. */
function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(`${text}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}

function environment(): Record<string, string | undefined> {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, Deno.env.get(name)]));
}

function config(): Config {
  const parsed = parseConfig(environment(), {
    hostname: Deno.hostname(),
    version: meta.version,
    readFile: (path) => Deno.readTextFileSync(path),
    // Of no use here: the terminal needs no token.
    mintToken: () => "",
  });
  for (const warning of parsed.warnings) write(Deno.stderr, warning);
  return parsed.config;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    // The second one does not wait for what hangs.
    if (stopped.signal.aborted) Deno.exit(130);
    stopped.abort();
  });
}

Deno.exit(
  await runCli(Deno.args, {
    config,
    connect: (config) => openCli({ config, clock: systemClock, random: systemRandom }),
    clock: systemClock,
    signal: stopped.signal,
    out: (text) => write(Deno.stdout, text),
    err: (text) => write(Deno.stderr, text),
  }),
);
