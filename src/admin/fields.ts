/**
 * Stream fields as JSON that survives whatever a stranger wrote.
 * @module
 */
import { strictText } from "../events/text.ts";
import type { Fields } from "../events/event.ts";

/** One value: its text where it is UTF-8, else its bytes in base64. */
export type FieldValue = string | { readonly base64: string };

/**
 * Values by name. A name that occurs several times has a list of its values, in order. A name that is not UTF-8, or
 * begins with `base64:`, is `base64:` and its bytes in base64.
 */
export type FieldsJson = Readonly<Record<string, FieldValue | readonly FieldValue[]>>;

const NAME_PREFIX = "base64:";

/** See {@link FieldsJson}. `__proto__` is a name like any other. */
export function fieldsJson(fields: Fields): FieldsJson {
  const found: Record<string, FieldValue | FieldValue[]> = Object.create(null);
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = nameOf(fields[at]!);
    const value = valueOf(fields[at + 1]!);
    const before = found[name];
    if (before === undefined) found[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else found[name] = [before, value];
  }
  return found;
}

function nameOf(bytes: Uint8Array): string {
  const text = strictText(bytes);
  return text === null || text.startsWith(NAME_PREFIX) ? NAME_PREFIX + base64(bytes) : text;
}

function valueOf(bytes: Uint8Array): FieldValue {
  return strictText(bytes) ?? { base64: base64(bytes) };
}

function base64(bytes: Uint8Array): string {
  // In chunks: a call has room for some 100,000 arguments.
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}
