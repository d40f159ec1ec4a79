/**
 * Writes `.env.example` and docs/configuration.md from the table of settings, or checks that they are up to date.
 *
 * `deno run --allow-read=. --allow-write=.env.example,docs tools/config_docs.ts`, with `--check` for checking alone (needs
 * no write permission; exit code 1 when a file differs).
 * @module
 */
import { renderConfigurationPage, renderEnvExample } from "../src/config/docs.ts";

const FILES = [
  { path: ".env.example", render: renderEnvExample },
  { path: "docs/configuration.md", render: renderConfigurationPage },
];

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function readOrEmpty(file: URL): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function run(check: boolean): number {
  const stale = FILES.map(({ path, render }) => ({
    path,
    file: new URL(`../${path}`, import.meta.url),
    text: render(),
  }))
    .filter(({ file, text }) => readOrEmpty(file) !== text);
  for (const { path, file, text } of stale) {
    if (check) say(`${path} differs from the table of settings: run tools/config_docs.ts`);
    else {
      Deno.writeTextFileSync(file, text);
      say(`${path} written`);
    }
  }
  return check && stale.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(run(Deno.args.includes("--check")));
