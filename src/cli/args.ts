/**
 * Words of a command line.
 * @module
 */

/** The command line is not what is wanted: exit code 2. */
export class UsageError extends Error {
  /** @param message What was found and what is wanted. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** What a command takes. */
export interface Grammar {
  /** Names of what must come, in order: `<entryId>`. */
  readonly wants: readonly string[];
  /** Of `wants`, this many from the end may be missing. Default 0. */
  readonly optional?: number;
  /** Options with a value: `type` is `--type T`. */
  readonly values: readonly string[];
  /** Options without one. */
  readonly flags: readonly string[];
}

/** A command line that fits. */
export interface Args {
  readonly words: readonly string[];
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly flags: ReadonlySet<string>;
}

/** Splits and checks. `--name value` and `--name=value` are the same; after `--` nothing is an option. @throws {UsageError} */
export function parseArgs(argv: readonly string[], grammar: Grammar): Args {
  const words: string[] = [];
  const values: Record<string, string> = {};
  const flags = new Set<string>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "--") {
      words.push(...argv.slice(at + 1));
      break;
    }
    if (!word.startsWith("--")) {
      words.push(word);
      continue;
    }
    const [name, inline] = splitOption(word);
    if (grammar.flags.includes(name) && inline === undefined) flags.add(name);
    else if (grammar.values.includes(name)) {
      if (name in values) throw new UsageError(`--${name}: found twice, want it once`);
      const value = inline ?? argv[++at];
      if (value === undefined) throw new UsageError(`--${name}: found no value, want one`);
      values[name] = value;
    } else throw new UsageError(`--${name.slice(0, 40)}: there is no such option here`);
  }
  checkWords(words, grammar);
  return { words, values, flags };
}

function splitOption(word: string): [name: string, inline: string | undefined] {
  const cut = word.indexOf("=");
  return cut < 0 ? [word.slice(2), undefined] : [word.slice(2, cut), word.slice(cut + 1)];
}

function checkWords(words: readonly string[], { wants, optional = 0 }: Grammar): void {
  if (words.length < wants.length - optional) {
    throw new UsageError(`found ${words.length === 0 ? "nothing" : words.length} where ${wants.join(" ")} is wanted`);
  }
  if (words.length > wants.length) {
    throw new UsageError(`"${words[wants.length]!.slice(0, 40)}": there is no room for it`);
  }
}
