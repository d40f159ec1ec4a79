/**
 * The terminal face: from words to an exit code. 0 done, 1 failed, 2 wrong use.
 * @module
 */
import { AdminError } from "../admin/errors.ts";
import { ServiceError } from "../errors.ts";
import { parseArgs, UsageError } from "./args.ts";
import { type Command, COMMANDS } from "./commands.ts";
import type { CliDeps, CommandContext } from "./deps.ts";
import { clean, jsonLine } from "./render.ts";

/** Runs one command line. Never rejects. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const json = argv.includes("--json");
  try {
    const words = argv.filter((word) => word !== "--json");
    if (words.length === 0 || words.some((word) => word === "--help" || word === "-h") || words[0] === "help") {
      deps.out(help());
      return words.length === 0 ? 2 : 0;
    }
    const { command, rest } = commandOf(words);
    return await command.run(contextOf(deps, json), parseArgs(rest, command));
  } catch (error) {
    return complain(error, json, deps);
  }
}

function commandOf(words: readonly string[]): { command: Command; rest: readonly string[] } {
  const [first = "", second = ""] = words;
  const command = COMMANDS.find(({ name }) => name === first) ??
    COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (command !== undefined) return { command, rest: words.slice(command.name.split(" ").length) };
  const near = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  const wanted = (near.length > 0 ? near : COMMANDS.map(({ name }) => name)).join(", ");
  throw new UsageError(`"${words.slice(0, 2).join(" ").slice(0, 40)}" is no command; want one of: ${wanted}`);
}

function contextOf(deps: CliDeps, json: boolean): CommandContext {
  return {
    deps,
    json,
    print: (document, text) => deps.out(json ? jsonLine(document) : text()),
    async withBackend(work): Promise<Awaited<ReturnType<typeof work>>> {
      await using backend = await deps.connect(deps.config());
      return await work(backend);
    },
  };
}

function complain(error: unknown, json: boolean, deps: CliDeps): number {
  const exit = exitOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) deps.err(jsonLine({ error: { code: codeOf(error), message } }));
  else deps.err(message.split("\n").map(clean).join("\n") + (error instanceof UsageError ? "\nTry: --help" : ""));
  return exit;
}

function exitOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof AdminError) return error.code === "not_found" ? 1 : 2;
  if (!(error instanceof ServiceError)) return 1;
  return ["config_invalid", "event_invalid", "event_too_large"].includes(error.code) ? 2 : 1;
}

function codeOf(error: unknown): string {
  if (error instanceof UsageError) return "usage";
  return error instanceof AdminError || error instanceof ServiceError ? error.code : "internal_error";
}

function help(): string {
  const lines = COMMANDS.map(({ name, usage, summary }) => `  ${`${name} ${usage}`.trimEnd()}\n      ${summary}`);
  return [
    "Usage: deno task cli <command> [--json]",
    "",
    ...lines,
    "",
    "--json writes what the admin API answers. Settings come from the environment, as for the service.",
    "Exit codes: 0 done, 1 failed or not found, 2 wrong use.",
  ].join("\n");
}
