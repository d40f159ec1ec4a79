/**
 * Finds variables that look like ours and are not: most of them are typing mistakes.
 * @module
 */
import { plain } from "./quote.ts";
import type { Env } from "./read.ts";
import { SETTING_NAMES, settingOf } from "./table.ts";

/** What Kubernetes and Docker links put into every environment for each Service (`REDIS_SERVICE_HOST` …). */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_\w+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?$/;
/** Read by the Redis client library. */
const FOREIGN: readonly string[] = ["REDIS_DEBUG_MAINTENANCE", "REDIS_EMIT_DIAGNOSTICS"];
const MAX_COMPARED = 64;
const MAX_WARNINGS = 20;

/** One warning for each unknown variable with one of our prefixes, by name; at most 20 and a count of the rest. */
export function unknownNames(env: Env): readonly string[] {
  const prefixes = knownPrefixes();
  const unknown = Object.keys(env)
    .filter((name) => env[name] && isSuspect(name, env[name], prefixes))
    .sort();
  const warnings = unknown.slice(0, MAX_WARNINGS).map((name) =>
    `${plain(name)} is not a setting of this service and is ignored; the nearest known name is ${nearestName(name)}`
  );
  const rest = unknown.length - warnings.length;
  return rest === 0 ? warnings : [...warnings, `${rest} more variables with our prefixes are not settings`];
}

/** The setting whose name, or what others call it, takes the fewest edits to reach; the first in the table of several. */
export function nearestName(name: string): string {
  const start = name.slice(0, MAX_COMPARED).toUpperCase();
  const ranked = SETTING_NAMES.flatMap((known) =>
    [known, ...settingOf(known).aliases ?? []].map((alias) => ({ known, edits: editDistance(start, alias) }))
  );
  return ranked.reduce((best, next) => next.edits < best.edits ? next : best).known;
}

function isSuspect(name: string, value: string, prefixes: readonly string[]): boolean {
  if ((SETTING_NAMES as readonly string[]).includes(name) || FOREIGN.includes(name)) return false;
  if (SERVICE_LINK.test(name) || (name.endsWith("_PORT") && /^\w+:\/\//.test(value))) return false;
  return prefixes.some((prefix) => name.startsWith(prefix));
}

function knownPrefixes(): readonly string[] {
  const prefixes = SETTING_NAMES.flatMap((name) => {
    const own = settingOf(name).prefixes;
    return own ?? (name.includes("_") ? [`${name.split("_")[0]}_`] : []);
  });
  return [...new Set(prefixes)];
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
