/**
 * RFC 3339 date-times, read strictly: `Date.parse` accepts much that is none.
 * @module
 */

/** First and last instant that RFC 3339 can write in UTC: years 0000 and 9999. Epoch ms. */
const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;
/** Longest text that is looked at; no clock has this many digits of fraction. */
const LONGEST = 64;
/** Length of a date-time up to the seconds. */
const TO_SECONDS = 19;
const FRACTION_AND_ZONE = /^(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Reads an RFC 3339 date-time. A leap second is read as the last millisecond before it, since no `Date` can hold it.
 * @returns The same instant in UTC with the fraction as it was given, readable by `Date.parse`; null for anything else,
 *   and for what is no date (30 February).
 */
export function utcTime(text: string): string | null {
  if (text.length <= TO_SECONDS || text.length > LONGEST || !isDateTime(text)) return null;
  const leap = twoDigits(text, 17) === 60;
  if (!leap && isPlainUtc(text)) return text;
  const match = FRACTION_AND_ZONE.exec(text.slice(TO_SECONDS));
  if (match === null) return null;
  const offsetMs = offsetOf(match[2], Number(match[3] ?? 0), Number(match[4] ?? 0));
  return offsetMs === null ? null : shifted(text, offsetMs, leap ? ".999" : match[1] ?? "", leap);
}

/** What {@link rfc3339} wrote last: the events of a batch have one time, and those of a millisecond. */
let latest = { ms: 0, text: "1970-01-01T00:00:00.000Z" };

/** RFC 3339, UTC, of epoch ms; clamped to the years 0000 to 9999, NaN to the epoch. */
export function rfc3339(ms: number): string {
  if (ms === latest.ms) return latest.text;
  const text = new Date(Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, FIRST_MS), LAST_MS)).toISOString();
  latest = { ms, text };
  return text;
}

/** Epoch ms of what {@link utcTime} gives; NaN for what cannot be read. */
export function epochMs(text: string): number {
  return Date.parse(text);
}

/**
 * Epoch ms of what nearly every publisher writes, `2026-01-31T12:34:56.789Z`, read where it lies in ASCII bytes; NaN for
 * anything else, and for what is no date. Such a text is what {@link utcTime} gives for it. Takes a tenth of the time of
 * reading it as a text.
 */
export function plainUtcMs(bytes: Uint8Array, from: number, to: number): number {
  if (to - from !== PLAIN_UTC || !hasPlainMarks(bytes, from)) return NaN;
  const year = digits(bytes, from) * 100 + digits(bytes, from + 2);
  const month = digits(bytes, from + 5);
  const day = digits(bytes, from + 8);
  const hour = digits(bytes, from + 11);
  const minute = digits(bytes, from + 14);
  const second = digits(bytes, from + 17);
  const ms = digits(bytes, from + 20) * 10 + bytes[from + 22]! - 0x30;
  // Comparisons with NaN are false. A leap second goes the long way.
  const exists = year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) && hour <= 23 &&
    minute <= 59 && second <= 59 && bytes[from + 22]! >= 0x30 && bytes[from + 22]! <= 0x39 && ms >= 0;
  if (!exists) return NaN;
  return (((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + ms;
}

/** Length of a date-time with milliseconds and `Z`. */
const PLAIN_UTC = 24;
const [DASH, COLON, DOT, T, Z] = [0x2d, 0x3a, 0x2e, 0x54, 0x5a] as const;

function hasPlainMarks(bytes: Uint8Array, from: number): boolean {
  return bytes[from + 4] === DASH && bytes[from + 7] === DASH && bytes[from + 10] === T &&
    bytes[from + 13] === COLON && bytes[from + 16] === COLON && bytes[from + 19] === DOT && bytes[from + 23] === Z;
}

/** NaN for what is not two digits. */
function digits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** Of a date that exists. Counts from March, so that the odd day of a leap year is the last: Howard Hinnant's `days_from_civil`. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const from = month <= 2 ? year - 1 : year;
  const era = Math.floor(from / 400);
  const yearOfEra = from - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** True for epoch ms that RFC 3339 can write. */
export function isWritable(ms: number): boolean {
  return ms >= FIRST_MS && ms <= LAST_MS;
}

/** True when the text starts with a date and a time that exist. */
function isDateTime(text: string): boolean {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  return hasSeparators(text) && year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) &&
    twoDigits(text, 11) <= 23 && twoDigits(text, 14) <= 59 && twoDigits(text, 17) <= 60;
}

function hasSeparators(text: string): boolean {
  return text[4] === "-" && text[7] === "-" && (text[10] === "T" || text[10] === "t") && text[13] === ":" &&
    text[16] === ":";
}

/** NaN, which fits no range, for what is not two digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** True for `…T…Z` with nothing or a fraction between: what nearly every publisher writes, good as it is. */
function isPlainUtc(text: string): boolean {
  const end = text.length - 1;
  if (text[end] !== "Z" || text[10] !== "T") return false;
  if (end === TO_SECONDS) return true;
  if (text[TO_SECONDS] !== "." || end === TO_SECONDS + 1) return false;
  for (let at = TO_SECONDS + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function shifted(text: string, offsetMs: number, fraction: string, leap: boolean): string | null {
  const at = new Date(0);
  at.setUTCFullYear(Number(text.slice(0, 4)), twoDigits(text, 5) - 1, twoDigits(text, 8));
  at.setUTCHours(twoDigits(text, 11), twoDigits(text, 14), Math.min(twoDigits(text, 17), 59));
  at.setTime(at.getTime() - offsetMs);
  if (!isWritable(at.getTime())) return null;
  // A leap second is only ever the last one of a day, in UTC.
  if (leap && (at.getUTCHours() !== 23 || at.getUTCMinutes() !== 59)) return null;
  return `${at.toISOString().slice(0, TO_SECONDS)}${fraction}Z`;
}

function offsetOf(sign: string | undefined, hours: number, minutes: number): number | null {
  if (hours > 23 || minutes > 59) return null;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
