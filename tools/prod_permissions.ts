/**
 * Prints the Deno flags that `main.ts` needs in production: listening on its one address, reaching its one Redis, its
 * settings by name, its handlers and secret files. It never runs a program and writes nothing.
 *
 * `deno run $(deno run --allow-env --allow-read tools/prod_permissions.ts) main.ts`
 * @module
 */
import { printFlags } from "./print_flags.ts";

await printFlags({ mayEmbed: false });
