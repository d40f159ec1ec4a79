/**
 * Shows a text from the environment to a person, in one line and without a secret.
 * @module
 */

const HIDDEN = "a value that is hidden";
const MAX_SHOWN = 80;
/** Below this a secret is so short that it would be found in every text by chance. */
const MIN_CONTAINED = 4;

/**
 * Quotes and escapes, cut after 80 characters. A text that holds a known secret, or that looks like an address with a
 * login in it, is not shown at all.
 * @param secrets Every secret that is known so far.
 */
export function show(text: string, secrets: readonly string[] = []): string {
  const holdsSecret = secrets.some((secret) => text === secret || sharesText(text, secret));
  if (holdsSecret || /:\/\/|[^]@/.test(text)) return HIDDEN;
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return escape(JSON.stringify(cut));
}

/** Makes a name from the environment harmless: one line, at most 80 characters. */
export function plain(name: string): string {
  return escape(JSON.stringify(name.slice(0, MAX_SHOWN))).slice(1, -1);
}

function sharesText(text: string, secret: string): boolean {
  return secret.length >= MIN_CONTAINED && text.includes(secret);
}

/** `JSON.stringify` lets DEL, C1 controls, line separators and text direction marks through. */
function escape(text: string): string {
  return text.replace(
    /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
