/**
 * Which entries and letters are asked for, as the script `filter.lua` decides it.
 * @module
 */
import { letterKind } from "../../delivery/letter_kind.ts";
import type { Fields } from "../../events/event.ts";
import type { LetterKind, Match, RangeQuery } from "../admin_port.ts";
import { LETTER_VALUES, openLetter } from "./letters.ts";

const decoder = new TextDecoder();

/** Places of values of ours, from the end. */
const REASON = 9 - LETTER_VALUES;
const ERROR = 11 - LETTER_VALUES;

/** True when an entry, or a letter, is what is asked for. */
export function fits(fields: Fields, { of, type, reason, match = {} }: RangeQuery): boolean {
  const letter = of === "letters" ? openLetter(fields) : null;
  const original = letter?.fields ?? fields;
  if (reason !== undefined && (letter === null || textAt(fields, REASON) !== reason)) return false;
  if (type !== undefined && typeOf(original) !== type) return false;
  const error = letter === null ? "" : textAt(fields, ERROR);
  if (match.error !== undefined && (letter === null || letterKind(error) !== match.error)) return false;
  return fitsMatch(original, error, match);
}

/** What a letter is told apart by. */
export function kindOf(fields: Fields): Pick<LetterKind, "type" | "reason" | "error"> {
  const letter = openLetter(fields);
  return {
    type: typeOf(letter?.fields ?? fields) || null,
    reason: letter === null ? "unknown" : textAt(fields, REASON),
    error: letter === null ? "" : letterKind(textAt(fields, ERROR)),
  };
}

function fitsMatch(fields: Fields, error: string, { id, subject, trace, text }: Match): boolean {
  const given = valueOf(fields, "subject", "aggregateId");
  if (id !== undefined && valueOf(fields, "id") !== id) return false;
  if (subject !== undefined && given !== subject) return false;
  if (trace !== undefined && !hasTrace(fields, trace)) return false;
  if (text === undefined) return true;
  const wanted = lower(text);
  return [error, typeOf(fields), valueOf(fields, "id"), given].some((one) => lower(one ?? "").includes(wanted));
}

function hasTrace(fields: Fields, wanted: string): boolean {
  const parent = valueOf(fields, "traceparent") ?? "";
  return parent === wanted || parent.slice(3, 35) === wanted || valueOf(fields, "correlationid") === wanted;
}

/** ASCII letters alone, as Lua does. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function textAt(fields: Fields, fromEnd: number): string {
  return decoder.decode(fields.at(fromEnd));
}

function typeOf(fields: Fields): string | undefined {
  return valueOf(fields, "type", "event");
}

/** Of a repeated name the first; CloudEvents names win over others. */
function valueOf(fields: Fields, name: string, alias?: string): string | undefined {
  let other: string | undefined;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const found = decoder.decode(fields[at]);
    if (found === name) return decoder.decode(fields[at + 1]);
    if (found === alias) other ??= decoder.decode(fields[at + 1]);
  }
  return other;
}
