/**
 * Documents as text for people. What comes from streams is hostile: nothing of it reaches the terminal unescaped.
 * @module
 */
import type { Diagnosis } from "../admin/doctor.ts";
import type { FieldsJson, FieldValue } from "../admin/fields.ts";
import type { EventItem, Letter, Overview, Page, Place, StreamOverview } from "../admin/shapes.ts";

const LONGEST_CELL = 60;

/** Text without what a terminal would obey. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}

/** JSON in one line; what a terminal would obey is escaped, which JSON allows. */
export function jsonLine(document: unknown): string {
  const escaped = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(document).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

/** Columns as wide as what is in them. */
export function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map((cell) => cut(clean(String(cell ?? "-")))))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}

/** Everything at a glance. */
export function overviewText(overview: Overview): string {
  const { service, redis, paused, pausedSince, streams, lastErrors } = overview;
  const state = paused ? `PAUSED since ${pausedSince}` : "running";
  const health = redis.error === null ? `${redis.status}, ${redis.latency} ms` : `${redis.status}: ${redis.error}`;
  const errors = lastErrors.slice(0, 10).map(({ time, kind, stream, entryId, message }) => [
    ...[time, kind, stream, entryId],
    message,
  ]);
  return [
    `${clean(service.name)} ${clean(service.version)} · Redis ${health} · ${state}`,
    ...streams.map(streamText),
    ...(errors.length === 0 ? [] : [`Last errors\n${table(["TIME", "WHAT", "STREAM", "ENTRY", "MESSAGE"], errors)}`]),
  ].join("\n\n");
}

function streamText(one: StreamOverview): string {
  const { stream, group, length, lag, pending, parked, due, deadLetters, delayed, oldestAgeSeconds } = one;
  const counts = `length ${length} · lag ${lag} · pending ${pending} · parked ${parked} (due ${due}) · ` +
    `dead letters ${deadLetters} · delayed ${delayed} · oldest ${oldestAgeSeconds} s`;
  const groups = one.groups.map(({ name, consumers, pending, lag, lastDelivered, holdsTrimFloor }) => [
    ...[name, consumers, pending, lag, lastDelivered],
    holdsTrimFloor ? "yes" : "",
  ]);
  const consumers = one.consumers.map(({ name, state, pending, parked, holdsSince, leaseLeftMs }) => [
    ...[name, state, pending, parked, holdsSince],
    state === "alive" ? `${leaseLeftMs} ms` : null,
  ]);
  return [
    `${clean(stream)} (group ${clean(group)})\n${counts}`,
    ...(groups.length === 0
      ? []
      : [table(["GROUP", "CONSUMERS", "PENDING", "LAG", "LAST DELIVERED", "HOLDS TRIMMING"], groups)]),
    ...(consumers.length === 0
      ? []
      : [table(["CONSUMER", "STATE", "HOLDS", "PARKED", "SINCE", "LEASE LEFT"], consumers)]),
  ].join("\n");
}

/** Where an entry is. */
export function placeText(place: Place): string {
  const { stream, entryId, state, event, errors = [], letter } = place;
  const facts: readonly (readonly [string, string | number | boolean | null | undefined])[] = [
    ["owner", place.owner],
    ["since", place.since],
    ["until", state === "parked" ? place.until ?? "at once" : undefined],
    [
      "lease left",
      place.leaseLeftMs === undefined || place.leaseLeftMs === null ? undefined : `${place.leaseLeftMs} ms`,
    ],
    ["attempts failed", place.attempts],
    ["reason", place.reason],
    ["dead letter", letter?.id],
    ["replays", place.replays || undefined],
    ["type", event?.type ?? letter?.type],
    ["certain", place.certain === false ? "no: there are too many dead letters to look at all" : undefined],
    ...errors.map(({ time, message }) => ["error", `${time ?? ""} ${message}`] as const),
  ];
  const lines = facts.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `  ${`${name}:`.padEnd(17)}${clean(String(value))}`);
  return [`${entryId} in ${clean(stream)}: ${state}${place.replay ? " (a replay)" : ""}`, ...lines].join("\n");
}

/** Dead letters as a table. */
export function lettersText({ items, next }: Page<Letter>): string {
  if (items.length === 0) return next === null ? "No dead letters." : `None here; more: --cursor ${next}`;
  const rows = items.map(({ id, entryId, type, reason, deliveries, time, error }) => [
    ...[id, entryId, type, reason, deliveries, time],
    error,
  ]);
  const text = table(["ID", "ENTRY", "TYPE", "REASON", "ATTEMPTS", "TIME", "ERROR"], rows);
  return next === null ? text : `${text}\nMore: --cursor ${next}`;
}

/** One dead letter, whole. */
export function letterText(letter: Letter): string {
  const { fields, ...rest } = letter;
  const lines = Object.entries(rest).map(([name, value]) => `${`${name}:`.padEnd(12)}${clean(String(value ?? "-"))}`);
  return [...lines, "fields:", ...fieldLines(fields)].join("\n");
}

/** One event, one line. */
export function eventText({ stream, entryId, type, id, subject, fields }: EventItem): string {
  const data = fields["data"] ?? fields["payload"];
  const shown = data === undefined ? "" : ` ${cut(valueText(Array.isArray(data) ? data[0] : data as FieldValue))}`;
  const about = subject === null ? "" : ` subject=${subject}`;
  return clean(`${entryId} ${stream} ${type ?? "(undecodable)"} id=${id ?? "-"}${about}${shown}`);
}

/** What is wrong, and what to do. */
export function diagnosisText({ ok, findings }: Diagnosis): string {
  const marks = { ok: "ok     ", wrong: "WRONG  ", risk: "risk   ", unknown: "unknown" } as const;
  const lines = findings.map(({ check, status, found, advice }) => {
    const line = `${marks[status]}  ${check.padEnd(12)}${clean(found)}`;
    return advice === null ? line : `${line}\n           → ${clean(advice)}`;
  });
  return [...lines, "", ok ? "Nothing is wrong." : "Something is wrong."].join("\n");
}

function fieldLines(fields: FieldsJson): readonly string[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: FieldValue) => `  ${clean(name)}: ${clean(valueText(one))}`)
  );
}

function valueText(value: FieldValue): string {
  return typeof value === "string" ? value : `base64:${value.base64}`;
}

function cut(text: string): string {
  return text.length <= LONGEST_CELL ? text : `${text.slice(0, LONGEST_CELL - 1)}…`;
}
