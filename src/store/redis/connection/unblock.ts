/**
 * Ending a blocked read of our own.
 * @module
 */
import type { RedisChannel } from "../channel.ts";

/**
 * Asks Redis to end what the other channel is blocked in, as if its time were over: the read answers null. Where that
 * fails the read ends with its own time, so that a failure is ignored.
 * @param command Where the request is sent. @param blocking Whose read ends; untouched when it has no link.
 */
export async function unblock(command: RedisChannel, blocking: RedisChannel): Promise<void> {
  const id = blocking.clientId;
  if (id === null) return;
  try {
    await command.send(["CLIENT", "UNBLOCK", String(id)]);
  } catch {
    // The read's own bound ends it.
  }
}
