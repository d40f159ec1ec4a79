/**
 * Commands as RESP arrays of bulk strings.
 * @module
 */
import type { Arg } from "../channel.ts";

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\r\n");

/** One command, ready to be written. */
export function encodeCommand(args: readonly Arg[]): Uint8Array {
  return plainCommand(args) ?? mixedCommand(args);
}

/** Several pieces as one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Nearly every command is ASCII, whose length is known without encoding it; null for others. Written byte by byte:
 * joining a thousand ids to one text first makes three texts of each.
 */
function plainCommand(args: readonly Arg[]): Uint8Array | null {
  let size = HEAD;
  for (const arg of args) {
    if (typeof arg !== "string") return null;
    size += arg.length + HEAD;
  }
  const bytes = new Uint8Array(size);
  let at = writeHead(bytes, 0, STAR, args.length);
  for (const arg of args as readonly string[]) {
    at = writeHead(bytes, at, DOLLAR, arg.length);
    for (let index = 0; index < arg.length; index++) {
      const code = arg.charCodeAt(index);
      if (code > 0x7f) return null;
      bytes[at++] = code;
    }
    bytes[at++] = CR;
    bytes[at++] = LF;
  }
  return bytes.subarray(0, at);
}

/** Most bytes around a value: type, ten digits, two line ends. */
const HEAD = 15;
const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;

/** A type, a number and a line end. @returns Where to go on. */
function writeHead(bytes: Uint8Array, from: number, type: number, value: number): number {
  bytes[from] = type;
  let digits = 1;
  for (let left = value; left >= 10; left = Math.floor(left / 10)) digits++;
  let left = value;
  for (let at = from + digits; at > from; at--) {
    bytes[at] = 48 + left % 10;
    left = Math.floor(left / 10);
  }
  bytes[from + digits + 1] = CR;
  bytes[from + digits + 2] = LF;
  return from + digits + 3;
}

function mixedCommand(args: readonly Arg[]): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "string" ? encoder.encode(arg) : arg;
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, LINE_END);
  }
  return concat(parts);
}
