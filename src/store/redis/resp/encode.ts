/**
 * Commands as RESP arrays of bulk strings.
 * @module
 */
import type { Arg } from "../channel.ts";

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\r\n");

/** One command, ready to be written. */
export function encodeCommand(args: readonly Arg[]): Uint8Array {
  const text = asciiCommand(args);
  return text === null ? mixedCommand(args) : encoder.encode(text);
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

/** Nearly every command is ASCII, whose length is known without encoding it; null for others. */
function asciiCommand(args: readonly Arg[]): string | null {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    if (typeof arg !== "string" || !isAscii(arg)) return null;
    text += `$${arg.length}\r\n${arg}\r\n`;
  }
  return text;
}

function mixedCommand(args: readonly Arg[]): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "string" ? encoder.encode(arg) : arg;
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, LINE_END);
  }
  return concat(parts);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
