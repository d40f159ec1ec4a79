/**
 * Makes text harmless for a terminal and for a reader of lines.
 * @module
 */

// Cc: C0, DEL and C1 (\x9b opens a terminal sequence like ESC [). Zl, Zp: U+2028 and U+2029, ends of line for some.
// Bidi_Control: overrides that show a text in another order than it has.
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Escapes what `JSON.stringify` leaves raw. For finished JSON: it stays the same value. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${hex(char, 4)}`);
}

/** Escapes a text for people: `\n`, `\x1b`, `\u202e`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\r") return "\\r";
    if (char === "\t") return "\\t";
    return char.charCodeAt(0) < 0x100 ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`;
  });
}

function hex(char: string, digits: number): string {
  return char.charCodeAt(0).toString(16).padStart(digits, "0");
}
