/**
 * The data of an event, as it is written to the stream.
 * @module
 */
import { EventInvalidError, EventTooLargeError } from "./errors.ts";
import { JsonText } from "./json_text.ts";
import { isJsonType, strictText } from "./text.ts";

/**
 * Turns data into what is written: a snapshot, so that a later change to the object is not published.
 *
 * For JSON content types any JSON value, or a `Uint8Array` that holds JSON text, which is written as it is; for others
 * a string or a `Uint8Array`.
 * @param maxBytes Most bytes of the result.
 * @returns Undefined when there is no data.
 * @throws {EventInvalidError} Attribute `data`. @throws {EventTooLargeError}
 */
export function encodeData(data: unknown, contentType: string, maxBytes: number): string | Uint8Array | undefined {
  if (data === undefined) return undefined;
  const body = isJsonType(contentType) ? jsonBody(data) : rawBody(data, contentType);
  const bytes = typeof body === "string" ? utf8Length(body, maxBytes) : body.length;
  if (bytes > maxBytes) throw new EventTooLargeError(bytes, maxBytes);
  return body;
}

function jsonBody(data: unknown): string | Uint8Array {
  if (data instanceof JsonText) return data.text;
  if (data instanceof Uint8Array) return jsonBytes(data);
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    // Circular, a BigInt, nested too deeply, or a toJSON or getter that threw.
    throw invalid(`data cannot be written as JSON (${reasonOf(cause)}), want a JSON value`, cause);
  }
  if (text === undefined) throw invalid(`data is a ${typeof data}, want a JSON value`);
  return text;
}

function jsonBytes(bytes: Uint8Array): Uint8Array {
  const text = strictText(bytes);
  if (text === null) throw invalid("data has a JSON content type and bytes that are not UTF-8, want JSON text");
  try {
    JSON.parse(text);
  } catch (cause) {
    throw invalid(
      `data has a JSON content type and bytes that are not JSON (${reasonOf(cause)}), want JSON text`,
      cause,
    );
  }
  return new Uint8Array(bytes);
}

function rawBody(data: unknown, contentType: string): string | Uint8Array {
  // A copy by construction: `slice` of a Buffer would share its memory.
  if (data instanceof Uint8Array) return new Uint8Array(data);
  if (typeof data === "string") return data;
  const found = data === null ? "null" : typeof data;
  throw invalid(`data is ${found} although datacontenttype is "${contentType}", want a string or a Uint8Array`);
}

/** Bytes in UTF-8. Counts only where the length leaves it open which side of the limit it is. */
function utf8Length(text: string, maxBytes: number): number {
  if (text.length > maxBytes || text.length * 3 <= maxBytes) return text.length;
  return new TextEncoder().encode(text).length;
}

function invalid(problem: string, cause?: unknown): EventInvalidError {
  return new EventInvalidError("data", `Cannot publish the event: ${problem}`, cause === undefined ? {} : { cause });
}

function reasonOf(cause: unknown): string {
  try {
    const text = cause instanceof Error ? cause.message : String(cause);
    return text.slice(0, 200).replace(/\s+/g, " ");
  } catch {
    return "it threw";
  }
}
