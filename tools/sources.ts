/**
 * The source files that the checks look at.
 * @module
 */

/** One file. */
export interface SourceFile {
  /** Relative to the working directory, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Tests, and what only tests use. */
const FOR_TESTS = /_test\.ts$|^(test_harness|test_channel|fixture)\.ts$/;

/** All TypeScript files under a folder that are not for tests, sorted by path. A missing folder has none. */
export function sourcesIn(folder: string): SourceFile[] {
  const found: SourceFile[] = [];
  for (const { name, isDirectory } of list(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...sourcesIn(path));
    else if (name.endsWith(".ts") && !FOR_TESTS.test(name)) {
      found.push({ path, text: Deno.readTextFileSync(path) });
    }
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The text with comments blanked out, and strings too where wanted; lines and columns stay where they are. */
export function codeOf(text: string, options: { readonly strings?: boolean } = {}): string {
  const pieces = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(pieces, (piece) => {
    const isComment = piece.startsWith("//") || piece.startsWith("/*");
    if (isComment) return piece.replace(/[^\n]/g, " ");
    return options.strings ? piece[0] + piece.slice(1, -1).replace(/[^\n]/g, " ") + piece.at(-1) : piece;
  });
}

/** Line number, from 1, of a position. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function list(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
