/**
 * Browsing a stream.
 * @module
 */
import { decodeEntry, peekRouting } from "../events/codec.ts";
import { idTimeMs } from "../delivery/ids.ts";
import { rfc3339 } from "../events/time.ts";
import type { StoredEntry } from "../store/admin_port.ts";
import { fieldsJson } from "./fields.ts";
import { boundOf, cursorOf, limitOf, type Params, streamOf, typeOf } from "./input.ts";
import { type Paged, pageOf } from "./paging.ts";
import type { EventItem, Page } from "./shapes.ts";

/** Parameters of {@link browse}. */
export const EVENT_PARAMS = ["from", "to", "type", "limit", "cursor", "stream"] as const;

/** Events by time, oldest first. @throws {AdminError} `invalid` */
export async function browse(streams: readonly Paged[], params: Params): Promise<Page<EventItem>> {
  const names = streams.map(({ admin }) => admin.stream);
  const [stream, type] = [streamOf(params, names), typeOf(params)];
  const [from, to] = [boundOf(params, "from"), boundOf(params, "to")];
  const query = {
    of: "entries",
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
    ...(type === null ? {} : { type }),
  } as const;
  const asked = streams.filter(({ admin }) => stream === null || admin.stream === stream);
  const page = await pageOf(asked, query, cursorOf(params, streams.length), limitOf(params));
  return { items: page.items.map((found) => eventItem(found.stream, found.entry)), next: page.next };
}

/** An entry as people read it; total. */
export function eventItem(stream: string, { id, fields }: StoredEntry): EventItem {
  const decoded = decodeEntry({ stream, id, fields });
  const routing = peekRouting(fields);
  const event = decoded.ok ? decoded.event : null;
  return {
    stream,
    entryId: id,
    type: routing.type,
    id: event?.id ?? null,
    source: event?.source ?? null,
    subject: event?.subject ?? routing.subject,
    time: event?.time ?? rfc3339(idTimeMs(id)),
    fields: fieldsJson(fields),
  };
}
