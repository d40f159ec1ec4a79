/**
 * Prints the Deno flags that `main.ts` needs on a developer's machine: those of production, and where no Redis is named
 * what an embedded one needs (running its program, its folder, its socket).
 *
 * The task reads `deno run … $(deno run … tools/launch.ts) main.ts`: the service is then a child of `deno task` itself,
 * which passes signals and the exit code on; no process of ours stands between that could be killed.
 * @module
 */
import { printFlags } from "./print_flags.ts";

await printFlags({ mayEmbed: true });
