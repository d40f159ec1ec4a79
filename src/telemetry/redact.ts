/**
 * Keeps secrets out of what is written: by exact value, and by the name of the field.
 * @module
 */

/** What stands in the place of a secret. */
export const REDACTED = "***";

/** Shorter values are replaced only where they are a whole field, so that text is not destroyed. */
const SHORTEST_IN_TEXT = 4;

/** Values added later that are kept, the oldest goes first. A password that rotates must not grow the pattern for ever. */
const ADDED_LIMIT = 64;

// Anywhere in the name; at the end; or the whole name.
const SECRET_NAME =
  /pass[-_ ]?(?:word|wd|phrase|code)|secret|authorization|credential|api[-_ ]?key|(?:private|access|signing)[-_ ]?key|(?:token|cookie|jwt)s?$|(?:^|[-_a-z])pwd?$|^(?:pass|auth|bearer|pin)$/i;

/** True when a field of this name holds a secret whatever its value: `password`, `API_TOKEN`, `redisPw`, `apiKey` … */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * Replaces known secret values in text: as they are, URL-encoded in the usual ways, and JSON-escaped once or twice.
 */
export class Redactor {
  readonly #configured: readonly string[];
  #added: string[] = [];
  #short: ReadonlySet<string> = new Set();
  #pattern: RegExp | null = null;
  #longest = 0;

  /** @param secrets The values; empty ones are ignored. */
  constructor(secrets: readonly string[]) {
    this.#configured = secrets.filter((secret) => secret !== "");
    this.#compile();
  }

  /** Adds a value, for a password file that was read again. At most 64 of these are kept. */
  add(secret: string): void {
    if (secret === "" || this.#configured.includes(secret) || this.#added.includes(secret)) return;
    this.#added = [...this.#added, secret].slice(-ADDED_LIMIT);
    this.#compile();
  }

  /** Cleans a text that is a whole field: also short secrets, where they are all of it. */
  field(text: string): string {
    return this.#short.has(text) ? REDACTED : this.text(text);
  }

  /** Cleans a text. */
  text(text: string): string {
    if (this.#pattern === null) return text;
    let clean = text.replace(this.#pattern, REDACTED);
    // Stars of two replacements, or of the text, can make a secret of stars. Each turn is shorter, so this ends.
    for (let before = text; clean !== before;) {
      before = clean;
      clean = clean.replace(this.#pattern, REDACTED);
    }
    return clean;
  }

  /**
   * Cleans a text and then cuts it, never through a secret, so that no part of one is left at the end.
   * @param limit Characters, without the mark.
   */
  bounded(text: string, limit: number): string {
    // A text of any size costs a bounded search; what is left of a secret at the end of the window goes with the slice.
    const window = limit * 4 + this.#longest;
    if (text.length <= window) return cut(this.field(text), limit);
    const clean = this.text(text.slice(0, window));
    return clean.slice(0, Math.min(limit, Math.max(0, clean.length - this.#longest))) + CUT;
  }

  #compile(): void {
    const forms = new Set<string>();
    const short = new Set<string>();
    for (const secret of [...this.#configured, ...this.#added]) {
      for (const form of formsOf(secret)) (form.length < SHORTEST_IN_TEXT ? short : forms).add(form);
    }
    // The longest first: a secret that begins with another one must go as a whole.
    const sorted = [...forms].sort((a, b) => b.length - a.length);
    this.#short = short;
    this.#longest = sorted[0]?.length ?? 0;
    this.#pattern = sorted.length === 0 ? null : new RegExp(sorted.map(quoted).join("|"), "g");
  }
}

/** Ends a text that was cut. */
export const CUT = "…[cut]";

/** Cuts a text to `limit` characters and marks it. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit) + CUT;
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
}

function* formsOf(secret: string): Generator<string> {
  yield secret;
  // Files end in a newline that the reader of the secret takes off.
  if (secret.trim() !== "") yield secret.trim();
  const once = JSON.stringify(secret).slice(1, -1);
  yield once;
  yield JSON.stringify(once).slice(1, -1);
  const url = urlForm(secret);
  if (url === null) return;
  yield url;
  yield url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  yield url.replaceAll("%20", "+");
  yield userinfoForm(secret);
}

/** @returns Null for a text with half a surrogate pair, which has no such form. */
function urlForm(secret: string): string | null {
  try {
    return encodeURIComponent(secret);
  } catch {
    return null;
  }
}

/** As the URL class writes a password: it leaves more characters alone than encodeURIComponent does. */
function userinfoForm(secret: string): string {
  const url = new URL("http://host");
  url.password = secret;
  return url.password;
}
