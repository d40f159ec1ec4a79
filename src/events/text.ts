/**
 * Bytes to text and media types, for whoever reads what strangers wrote.
 * @module
 */

import { Buffer } from "node:buffer";

// Used for whole texts only, so it holds no state.
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes above which text that is not UTF-8 costs more than a decoder that stops at the first fault. */
const LONG = 4_096;

/** The text of UTF-8 bytes, a byte order mark included; null for what is not UTF-8. */
export function strictText(bytes: Uint8Array): string | null {
  if (bytes.length > LONG) return decodeStrictly(bytes);
  const text = lossyText(bytes);
  // Either a replacement, or one that was written as such.
  if (!text.includes("\ufffd")) return text;
  return decodeStrictly(bytes);
}

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}

/** The text of UTF-8 bytes, a byte order mark included; what is not UTF-8 becomes U+FFFD. */
export function lossyText(bytes: Uint8Array): string {
  // A Buffer reads short texts several times as fast as a TextDecoder, and Redis replies are Buffers already.
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("utf8");
}

/**
 * The text of UTF-8 bytes; of other bytes a text in which each byte that is not printable ASCII (and `%`) is written as
 * `%XX`. So two different values stay different, where U+FFFD would make them one.
 */
export function distinctText(bytes: Uint8Array): string {
  return strictText(bytes) ?? percentEncode(bytes);
}

/** True for `application/json`, `text/json` and everything that ends in `+json`, whatever its parameters. */
export function isJsonType(contentType: string): boolean {
  if (contentType === "application/json") return true;
  const end = contentType.indexOf(";");
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return type === "application/json" || type === "text/json" || type.endsWith("+json");
}

const HEX = "0123456789ABCDEF";

/** Into a buffer: a megabyte costs 10 ms, where text that grows by a character costs half a second. */
function percentEncode(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(bytes.length * 3);
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte > 0x20 && byte < 0x7f && byte !== 0x25) text[end++] = byte;
    else {
      text[end++] = 0x25;
      text[end++] = HEX.charCodeAt(byte >> 4);
      text[end++] = HEX.charCodeAt(byte & 15);
    }
  }
  return text.toString("latin1", 0, end);
}
