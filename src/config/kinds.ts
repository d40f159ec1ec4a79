/**
 * Kinds of settings: each knows how to read a text and how to say what it wants. None of them throws.
 * @module
 */
import { parseAddress, parseHost } from "./address.ts";
import type { Address, Config } from "./types.ts";

/** The value, or the refusal. `got` is set where the text itself must not be shown. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly got?: string };

/** How one kind of setting is read. */
export interface Kind<T> {
  /** What is wanted, as it stands in problems and in the documentation. */
  readonly want: string;
  /** @param text Never empty. */
  readonly parse: (text: string) => Parsed<T>;
}

/** Largest delay that a timer takes, ms. */
export const MAX_TIMER_MS = 0x7fffffff;
/** 100 years in ms: the bound of what is compared with a clock and never handed to a timer. */
export const MAX_SPAN_MS = 3_155_760_000_000;

const CONTROL = /\p{Cc}/u;

/** A kind from a function that gives null for what it does not take. */
export function kind<T>(want: string, read: (text: string) => T | null): Kind<T> {
  return {
    want,
    parse: (text) => {
      const value = read(text);
      return value === null ? { ok: false } : { ok: true, value };
    },
  };
}

/** Decimal digits only: no sign, space, fraction, exponent, unit or leading zero. Bounds are inclusive. */
export function integer(min: number, max: number, unit = ""): Kind<number> {
  return kind(`an integer from ${min} to ${max}${unit}`, (text) => {
    const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : null;
  });
}

/** A duration in ms that a timer waits. */
export function timer(min: number, max: number = MAX_TIMER_MS): Kind<number> {
  return integer(min, max, " (ms)");
}

/** `true` `false` `1` `0`, in any case. */
export const flag: Kind<boolean> = kind("true or false (or 1, 0)", (text) => {
  const word = text.toLowerCase();
  return word === "true" || word === "1" ? true : word === "false" || word === "0" ? false : null;
});

/** One of some words, in any case. */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  return kind(
    `one of ${words.join(", ")}`,
    (text) => words.find((word) => word.toLowerCase() === text.toLowerCase()) ?? null,
  );
}

/** Text without control characters. */
export function line(maxLength: number): Kind<string> {
  return kind(
    `1 to ${maxLength} characters, no control characters`,
    (text) => text.length <= maxLength && !CONTROL.test(text) ? text : null,
  );
}

/** Any text: what another system made up is not ours to judge. */
export const anything: Kind<string> = kind("any text", (text) => text);

/** Why a name cannot be part of a Redis key or a metric label is always one of these. */
const BAD_IN_NAME = /[\s{}\p{Cc}]/u;

/** Whether a name may stand in our keys: 1 to 256 characters, no whitespace, control characters or braces. */
export function isName(text: string): boolean {
  return text.length >= 1 && text.length <= 256 && !BAD_IN_NAME.test(text);
}

/** The name of a service, group or consumer. `@` at the start is kept for consumers of our own making. */
export const name: Kind<string> = kind(
  "1 to 256 characters, no whitespace, control characters or braces, not starting with @",
  (text) => isName(text) && !text.startsWith("@") ? text : null,
);

/** Items between commas, spaces around them ignored. No item may be empty. @param maxItems Most items. */
export function list<T>(of: string, maxItems: number, read: (item: string) => T | null): Kind<readonly T[]> {
  return kind(`${of}, separated by commas, at most ${maxItems}`, (text) => {
    const items = text.split(",", maxItems + 1).map((item) => read(item.trim()));
    return items.length <= maxItems && items.every((item) => item !== null) ? items : null;
  });
}

/** Stream names, all different. */
export const streams: Kind<readonly string[]> = (() => {
  const names = list("distinct names", 64, (item) => isName(item) ? item : null);
  const want = `${names.want}; each 1 to 256 characters, no whitespace, control characters or braces`;
  return kind(want, (text) => {
    const parsed = names.parse(text);
    return parsed.ok && new Set(parsed.value).size === parsed.value.length ? parsed.value : null;
  });
})();

/** Durations in ms. */
export function timers(min: number): Kind<readonly number[]> {
  const one = timer(min);
  return list(`integers from ${min} to ${MAX_TIMER_MS} (ms)`, 100, (item) => {
    const parsed = one.parse(item);
    return parsed.ok ? parsed.value : null;
  });
}

/** A host name or an IP address. */
export const host: Kind<string> = kind("a host name or an IP address, without a port", parseHost);

/** `host:port,host:port`. */
export const addresses: Kind<readonly Address[]> = list("host:port (IPv6: [::1]:port)", 1000, parseAddress);

/** A name that `Intl` knows. Plain offsets are refused: they have no daylight saving. */
export const timezone: Kind<string> = kind("an IANA time zone, like UTC or Europe/Berlin", (text) => {
  try {
    return /^[+-]/.test(text) ? null : (new Intl.DateTimeFormat("en", { timeZone: text }), text);
  } catch {
    return null;
  }
});

/** `memory`, `replica:N`, `fsync`. */
export const durability: Kind<Config["stream"]["durability"]> = kind(
  "memory, fsync or replica:N with N from 1 to 100",
  (text) => {
    const word = text.toLowerCase();
    if (word === "memory") return { level: "memory" };
    if (word === "fsync") return { level: "fsync" };
    const replicas = Number(/^replica:([1-9]\d{0,2})$/.exec(word)?.[1] ?? NaN);
    return replicas <= 100 ? { level: "replica", replicas } : null;
  },
);

/** What can stand after `Bearer` in a header. */
export const token: Kind<string> = kind(
  "visible ASCII characters, no whitespace, at most 4096",
  (text) => /^[\x21-\x7e]{1,4096}$/.test(text) ? text : null,
);
