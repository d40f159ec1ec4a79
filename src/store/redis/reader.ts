/**
 * Reading new entries, and ending a read that waits without losing what it was just given.
 * @module
 */
import { sleep } from "../../clock.ts";
import type { Delivery } from "../port.ts";
import type { Reply } from "./channel.ts";
import { list, newDelivery, text } from "./codec.ts";
import type { StoreContext } from "./context.ts";

/** A read that is to end is asked so often, with this pause, before its connection is given up. */
const UNBLOCK_ATTEMPTS = 50;
const UNBLOCK_PAUSE_MS = 20;
/** Where the fields of an entry stand in the reply: streams, [name, entries], entries, [id, fields], fields. */
const FIELDS_DEPTH = 4;

/** What is read: see {@link StreamStore.read}. */
export interface Wanted {
  readonly consumer: string;
  readonly count: number;
  readonly blockMs: number;
  readonly replays: boolean;
}

/**
 * See {@link StreamStore.read}. What was delivered is returned even when the signal aborts. Redis applies `count` to
 * the stream and to the replays each, so that up to twice as many can come while dead letters are replayed in bulk; the caller keeps room for that.
 */
export async function readNew(
  context: StoreContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<readonly Delivery[]> {
  if (signal.aborted) return [];
  const { blockMs } = wanted;
  const reading = send(context, wanted);
  // Made where it is needed: most reads are ended by nobody.
  let ended: AbortController | null = null;
  const onAbort = (): void => void endRead(context, (ended = new AbortController()).signal);
  if (blockMs > 0) signal.addEventListener("abort", onAbort, { once: true });
  try {
    return deliveriesOfRead(context, await reading);
  } finally {
    signal.removeEventListener("abort", onAbort);
    (ended as AbortController | null)?.abort();
  }
}

function send(context: StoreContext, { consumer, count, blockMs, replays }: Wanted): Promise<Reply> {
  const { stream, group, keys, readMarginMs } = context;
  // BLOCK 0 would wait for ever.
  const block = blockMs > 0 ? ["BLOCK", String(Math.ceil(blockMs))] : [];
  const args = ["XREADGROUP", "GROUP", group, consumer, "COUNT", String(count), ...block];
  return context.blocking.send(
    [...args, "STREAMS", ...(replays ? [stream, keys.replays, ">", ">"] : [stream, ">"])],
    // The caller has the last read's entries to take in, and the server else nothing to do for as long.
    { bytes: true, packAt: FIELDS_DEPTH, atOnce: true, ...(blockMs > 0 ? { timeoutMs: blockMs + readMarginMs } : {}) },
  );
}

/**
 * `CLIENT UNBLOCK` is repeated: the read may not have reached Redis when the first one does. If it never helps, the
 * connection is given up; what it may have been given then is recovered from the pending list.
 */
async function endRead(context: StoreContext, ended: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < UNBLOCK_ATTEMPTS && !ended.aborted; attempt++) {
    const { clientId } = context.blocking;
    try {
      if (clientId !== null) await context.command.send(["CLIENT", "UNBLOCK", String(clientId)]);
    } catch {
      // Not sent, or not allowed: the read's own bound, or giving up the connection, ends it.
    }
    await sleep(context.clock, UNBLOCK_PAUSE_MS, ended);
  }
  if (!ended.aborted) context.blocking.reset("a blocked read did not end when asked to");
}

function deliveriesOfRead(context: StoreContext, reply: Reply): readonly Delivery[] {
  const deliveries: Delivery[] = [];
  for (const part of list(reply)) {
    const [name, entries] = list(part);
    const isReplay = text(name) === context.keys.replays;
    for (const entry of list(entries)) {
      const [id, fields] = list(entry);
      if (!isReplay) context.sightings.note(text(id));
      deliveries.push(newDelivery(text(id), isReplay, fields));
    }
  }
  return deliveries;
}
