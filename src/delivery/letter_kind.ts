/**
 * What errors have in common: letters that died of the same thing belong together, whatever numbers are in the text.
 * @module
 */
import { Buffer } from "node:buffer";

/** Bytes of an error that count. */
const HEAD = 300;

/**
 * An error without what differs from one event to the next: every word with a digit in it becomes `#`. The script
 * `filter.lua` does the same, byte by byte, so that grouping needs no payload to travel.
 */
export function letterKind(error: string): string {
  const bytes = Buffer.from(error, "utf8").toString("latin1");
  let head = bytes.slice(0, HEAD);
  // Never half a character.
  if (bytes.length > HEAD) head = head.replace(/[\xc0-\xff][\x80-\xbf]*$/, "");
  const kind = head.replace(/[A-Za-z0-9_-]+/g, (word) => /\d/.test(word) ? "#" : word);
  return Buffer.from(kind, "latin1").toString("utf8");
}
