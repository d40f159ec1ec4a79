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

/** All TypeScript files under a folder, sorted by path; without tests unless wanted. A missing folder has none. */
export function sourcesIn(folder: string, options: { readonly tests?: boolean } = {}): SourceFile[] {
  const found: SourceFile[] = [];
  for (const { name, isDirectory } of list(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...sourcesIn(path, options));
    else if (name.endsWith(".ts") && (options.tests || !name.endsWith("_test.ts"))) {
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
    return isComment || options.strings ? piece.replace(/[^\n]/g, " ") : piece;
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
