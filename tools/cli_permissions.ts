/**
 * Prints the Deno flags that `cli.ts` needs: its settings by name, secret files, and reaching its one Redis. It listens
 * nowhere, runs nothing and loads no handlers.
 * @module
 */
import { printFlags } from "./print_flags.ts";

await printFlags({ mayEmbed: true, cli: true });
