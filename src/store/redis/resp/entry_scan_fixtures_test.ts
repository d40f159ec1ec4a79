/**
 * Entries as they lie in a reply, and what a scan finds of them.
 * @module
 */
import assert from "node:assert/strict";
import { concat } from "./encode.ts";
import { HEAD, scanEntries, type ScannedEntries } from "./entry_scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Most entries of a scan here. */
export const MOST = 1_000;
/** Most bytes of the fields of one. */
export const LONGEST = 65_536;

/** What becomes a bulk string. */
export type Bytes = string | Uint8Array;

/** Text as UTF-8. */
export function bytesOf(value: Bytes): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** One after the other. */
export function join(parts: readonly Bytes[]): Uint8Array {
  return concat(parts.map(bytesOf));
}

/** A list of entries, or of what else there is, as Redis writes it. */
export function list(items: readonly Uint8Array[]): Uint8Array {
  return join([`*${items.length}\r\n`, ...items]);
}

/** A value as Redis writes it. */
export function bulk(value: Bytes): Uint8Array {
  return join([`$${bytesOf(value).length}\r\n`, value, "\r\n"]);
}

/** An entry as Redis writes it. */
export function entry(id: Bytes, ...values: readonly Bytes[]): Uint8Array {
  return list([bulk(id), list(values.map(bulk))]);
}

/** All of it, if nothing else is said. */
export function scan(
  bytes: Uint8Array,
  from = 0,
  { most = MOST, longest = LONGEST, longestJson = 1e9, to = bytes.length } = {},
) {
  return scanEntries({ bytes, from, to, most, longest, longestJson });
}

/** What was found, in the bytes themselves. */
export function read(bytes: Uint8Array, { count, table }: ScannedEntries) {
  const entries: { id: string; values: number[][]; json: boolean }[] = [];
  let head = 0;
  for (let left = count; left > 0; left--) {
    const last = head + HEAD + table[head + 2]!;
    const values: number[][] = [];
    for (let at = head + HEAD; at < last; at += 2) values.push([...bytes.subarray(table[at], table[at + 1])]);
    const id = decoder.decode(bytes.subarray(table[head], table[head + 1]));
    entries.push({ id, values, json: table[head + 3] === 1 });
    head = last;
  }
  assert.equal(head, table.length);
  return entries;
}

/** The one entry of these values. */
export function readOne(values: readonly Bytes[]) {
  const bytes = entry("1-1", ...values);
  const found = scan(bytes);
  assert.ok(found !== null);
  assert.equal(found.end, bytes.length);
  return read(bytes, found);
}
