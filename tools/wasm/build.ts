/**
 * Compiles `src/store/redis/resp/wasm/entries.ts` to the `entries.wasm` beside it; with `--check` tells instead whether
 * that is what comes of it (exit code 1: it is not). The compiler has a `deno.json` and a lock of its own: only who
 * changes that one file needs it.
 * @module
 */

/** What is used of the compiler. */
interface Compiler {
  main(args: readonly string[], files: Files): Promise<{ readonly error: Error | null; readonly stderr: unknown }>;
}

interface Files {
  readFile(name: string): string | null;
  writeFile(name: string, contents: string | Uint8Array): void;
  listFiles(): readonly string[];
}

/** A `string`: the project's own imports do not name it, and its types are not fetched for a check. */
const COMPILER: string = "assemblyscript/asc";
const FOLDER = new URL("../../src/store/redis/resp/wasm/", import.meta.url);
const NAME = "entries";
/** 17 pages of 64 KiB: what the places in the source need, and one more. It never grows, so that views of it stay good. */
const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime=stub",
  "--enable=simd",
  "--initialMemory=17",
  "--maximumMemory=17",
];

const text = await Deno.readTextFile(new URL(`${NAME}.ts`, FOLDER));
const made = await compile(text);
const file = new URL(`${NAME}.wasm`, FOLDER);
if (!Deno.args.includes("--check")) {
  await Deno.writeFile(file, made);
} else {
  const there = await Deno.readFile(file);
  const same = there.length === made.length && there.every((byte, at) => byte === made[at]);
  if (!same) tell(`${NAME}.wasm is not what comes of ${NAME}.ts: run deno task wasm`);
  Deno.exitCode = same ? 0 : 1;
}

/** @throws {Error} It does not compile; the text says why. */
async function compile(source: string): Promise<Uint8Array> {
  const { default: compiler } = await import(COMPILER) as { readonly default: Compiler };
  let binary: Uint8Array | null = null;
  const { error, stderr } = await compiler.main([`${NAME}.ts`, "--outFile", `${NAME}.wasm`, ...OPTIONS], {
    readFile: (name) => name === `${NAME}.ts` ? source : null,
    writeFile: (name, contents) => {
      if (name === `${NAME}.wasm` && contents instanceof Uint8Array) binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === null) throw new Error(`compiling ${NAME}.ts: ${error?.message}\n${stderr}`);
  return binary;
}

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
