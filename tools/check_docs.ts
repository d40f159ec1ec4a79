/**
 * Demands a docstring of every export, and of the public members of exported classes (accessors and overrides of
 * well-known symbols aside). `deno doc --lint` would also demand them of every field of every interface, where the name
 * often says it all. Prints each gap; exit code 1 when there is one.
 * @module
 */
import { type SourceFile, sourcesIn } from "./sources.ts";

const EXPORT =
  /^export (?:default )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const|let|enum) (\w+)/;
/** A class that implements an interface has its members' docstrings there. */
const CLASS = /^export (?:abstract )?class (\w+)(?!.* implements (?!AsyncDisposable|Disposable))/;
const METHOD = /^ {2}(?:static )?(?:async )?\*?([A-Za-z]\w*)(?:<.*>)?\(/;
const WORDS = new Set(["if", "for", "while", "switch", "return", "constructor"]);

/** Everything that has none, one line each: `path:line: name`. */
export function undocumented(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    const gaps = namesIn(lines).filter(({ at }) => !hasDoc(lines, at));
    const found = gaps.map(({ at, name }) => `${path}:${at + 1}: ${name} has no docstring`);
    return text.trimStart().startsWith("/**") ? found : [`${path}:1: the module has no docstring`, ...found];
  });
}

/** Exports, and public methods of exported classes. */
function namesIn(lines: readonly string[]): { at: number; name: string }[] {
  const found: { at: number; name: string }[] = [];
  let inClass = "";
  let comment = false;
  lines.forEach((line, at) => {
    if (/^\s*\/\*/.test(line)) comment = true;
    if (!comment) {
      const exported = EXPORT.exec(line)?.[1];
      if (exported !== undefined && !isOverload(lines, at, exported)) found.push({ at, name: exported });
      inClass = CLASS.exec(line)?.[1] ?? (line === "}" ? "" : inClass);
      const method = METHOD.exec(line)?.[1];
      if (inClass !== "" && method !== undefined && !WORDS.has(method)) {
        found.push({ at, name: `${inClass}.${method}` });
      }
    }
    if (line.includes("*/")) comment = false;
  });
  return found;
}

/** The first signature speaks for all. */
function isOverload(lines: readonly string[], at: number, name: string): boolean {
  return lines.slice(0, at).some((line) => EXPORT.exec(line)?.[1] === name);
}

function hasDoc(lines: readonly string[], at: number): boolean {
  let above = at - 1;
  while (/^\s*(\/\/ deno-|@\w)/.test(lines[above] ?? "")) above--;
  if (!(lines[above] ?? "").trimEnd().endsWith("*/")) return false;
  let start = above;
  while (start > 0 && !/^\s*\/\*/.test(lines[start] ?? "")) start--;
  // The module's own text speaks for no export.
  return !lines.slice(start, above + 1).some((line) => line.includes("@module"));
}

if (import.meta.main) {
  const files = [...sourcesIn("src"), ...sourcesIn("testing"), ...sourcesIn("tools"), ...sourcesIn("handlers")];
  for (const path of ["mod.ts", "main.ts"]) files.push({ path, text: Deno.readTextFileSync(path) });
  const found = undocumented(files);
  for (const line of found) Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  Deno.exit(found.length === 0 ? 0 : 1);
}
