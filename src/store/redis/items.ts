/**
 * Events to append, as arguments of scripts.
 * @module
 */
import { ServiceError } from "../../errors.ts";
import type { Appended, AppendItem } from "../port.ts";
import type { Arg, Reply } from "./channel.ts";
import { list, text, textOrNull } from "./codec.ts";
import { eventMark } from "./keys.ts";

/** Most values (names and values) that a script can hand to one command: Lua's own stack holds 8,000. */
export const MAX_SCRIPT_VALUES = 7_900;

/**
 * Due time, publish mark (none: what scripts append is not deduplicated), number of values, values.
 * @throws {ServiceError} `event_too_large`: more fields than one step can write.
 */
export function encodeItem(item: AppendItem): readonly Arg[] {
  checkItem(item);
  const { fields, deliverAtMs } = item;
  const due = deliverAtMs === undefined ? "0" : String(Math.round(deliverAtMs));
  return [due, "", String(fields.length), ...fields];
}

/** @throws {ServiceError} `event_too_large`: more fields than one step can write. */
export function checkItem({ fields }: AppendItem): void {
  if (fields.length <= MAX_SCRIPT_VALUES) return;
  const found = `found ${fields.length / 2} fields, want at most ${MAX_SCRIPT_VALUES / 2}`;
  throw new ServiceError("event_too_large", `appending an event: ${found}`);
}

/** What marks it as published, `""` where it has no dedup key. */
export function markOf({ dedupKey }: AppendItem): string {
  return dedupKey === undefined ? "" : eventMark(dedupKey);
}

/** Entry ids as `append.lua` tells them. */
export function appendedOf(reply: Reply | undefined): readonly Appended[] {
  return text(reply).split(" ").map((told) => {
    const deduplicated = told.startsWith("=");
    const entryId = deduplicated ? told.slice(1) : told;
    return { entryId: entryId === "" ? null : entryId, deduplicated };
  });
}

/** A list of entry ids, null while an event waits. */
export function appendedIds(reply: Reply | undefined): readonly Appended[] {
  return list(reply).map((id) => ({ entryId: textOrNull(id), deduplicated: false }));
}
