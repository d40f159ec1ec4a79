/**
 * Prints the flags for `main.ts`, as `launch.ts` and `prod_permissions.ts` want them.
 * @module
 */
import { unknownNames } from "../src/config/unknown_names.ts";
import { flagsOf, handlersFolder, permissionsFor } from "./permissions.ts";

/**
 * Room for what is young: 32 MiB from the start. V8 begins with 1 and grows to 16, and what is in flight, some thousand
 * events, is then copied again and again and taken for old: a tenth more processor time, and more memory in the end.
 */
export const V8_FLAGS = "--min-semi-space-size=32,--max-semi-space-size=32";

/** Prints one line of flags on standard output; notes for people go to standard error. Exits with 1 on failure. */
export async function printFlags(options: { readonly mayEmbed: boolean; readonly cli?: boolean }): Promise<void> {
  const env = Deno.env.toObject();
  try {
    const handlersNeed = await readNeeds(handlersFolder(env["HANDLERS"] || "./handlers/mod.ts"));
    // With permission for the settings alone, the service cannot see a misspelt name: it is told here.
    for (const warning of unknownNames(env)) warn(warning, env["LOG_FORMAT"] === "json");
    const permissions = await permissionsFor({ env, ...options, handlersNeed });
    // Whoever sets flags of V8, as the container's entry point does where memory is limited, sets all of them.
    const young = options.cli || env["DENO_V8_FLAGS"] ? [] : [`--v8-flags=${V8_FLAGS}`];
    const allowed = flagsOf(permissions, (text) => warn(text, env["LOG_FORMAT"] === "json"));
    write(Deno.stdout, ["--no-prompt", ...young, ...allowed].join(" "));
  } catch (error) {
    write(Deno.stderr, `working out the permissions: ${error instanceof Error ? error.message : error}`);
    // An empty answer would leave the next command without flags; this one ends it.
    write(Deno.stdout, "--no-such-permissions");
    Deno.exit(1);
  }
}

async function readNeeds(folder: string | null): Promise<unknown> {
  if (folder === null) return null;
  try {
    return JSON.parse(await Deno.readTextFile(`${folder}/permissions.json`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function warn(message: string, json: boolean): void {
  const line = { time: new Date().toISOString(), level: "WARN", message, logger: "config" };
  write(Deno.stderr, json ? JSON.stringify(line) : message);
}

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  to.writeSync(new TextEncoder().encode(`${text}\n`));
}
