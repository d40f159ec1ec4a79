/**
 * Dead letters: original fields first, byte for byte; what is ours comes last.
 * @module
 */
import type { Fields } from "../../events/event.ts";
import type { LetterInfo } from "../port.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Names of our fields, in their order. */
const NAMES = [
  "dlq.entry",
  "dlq.stream",
  "dlq.group",
  "dlq.consumer",
  "dlq.reason",
  "dlq.error",
  "dlq.deliveries",
  "dlq.first",
  "dlq.last",
  "dlq.replays",
] as const;

/** Names and values of ours behind the original's. */
export const LETTER_VALUES = NAMES.length * 2;

/** Where a letter comes from. */
export interface LetterOrigin {
  readonly entryId: string;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
}

/** Fields of a letter. @param nowMs Store time, used where a time of the letter is 0. */
export function letterFields(original: Fields, origin: LetterOrigin, letter: LetterInfo, nowMs: number): Fields {
  const values: Record<typeof NAMES[number], string> = {
    "dlq.entry": origin.entryId,
    "dlq.stream": origin.stream,
    "dlq.group": origin.group,
    "dlq.consumer": origin.consumer,
    "dlq.reason": letter.reason,
    "dlq.error": letter.error,
    "dlq.deliveries": String(letter.deliveries),
    "dlq.first": new Date(letter.firstMs || nowMs).toISOString(),
    "dlq.last": new Date(letter.lastMs || nowMs).toISOString(),
    "dlq.replays": String(letter.replays),
  };
  return [...original, ...NAMES.flatMap((name) => [encoder.encode(name), encoder.encode(values[name])])];
}

/** The original of a letter; null when the fields are no letter of ours. */
export function openLetter(fields: Fields): { fields: Fields; entryId: string; replays: number } | null {
  const split = fields.length - NAMES.length * 2;
  if (split < 0) return null;
  const ours = fields.slice(split).map((bytes) => decoder.decode(bytes));
  if (NAMES.some((name, index) => ours[index * 2] !== name)) return null;
  return {
    fields: fields.slice(0, split),
    entryId: ours[1] ?? "",
    replays: Number(ours[NAMES.length * 2 - 1]) || 0,
  };
}
