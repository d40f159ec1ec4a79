/**
 * Looks whether Redis has the durability that is asked for. One that it does not have would be found out by the first
 * event, too late for whoever trusts in it: so the service is not ready.
 * @module
 */
import type { Config } from "../config/types.ts";
import { StoreRefusedError } from "../errors.ts";
import type { Happenings } from "../happenings.ts";
import type { RedisChannel } from "../store/redis/channel.ts";
import { publisherName } from "./redis_parts.ts";

/** What is needed to look. */
export interface DurabilityOptions {
  readonly config: Config;
  readonly happenings: Happenings;
  /** Makes the connection that publishes. */
  readonly manager: { blocking(name: string, slotKey: string): RedisChannel };
  /** {@link HealthMonitor.block} */
  readonly block: (reason: string | null) => void;
}

/** Reason of not being ready. */
export const UNSUPPORTED = "durability_unsupported";

/**
 * Only `fsync` depends on the Redis: `WAITAOF` came with 7.2, and needs the append-only file. Call before anything
 * connects; Redis is asked each time it has connected, since it may be another one then.
 */
export function watchDurability({ config, happenings, manager, block }: DurabilityOptions): void {
  if (config.stream.durability.level !== "fsync") return;
  const [first = ""] = config.stream.names;
  const channel = manager.blocking(publisherName(first), `{${first}}`);
  // Until it is known; publishing may be tried.
  block("starting");
  happenings.listen((happening) => {
    if (happening.kind !== "link" || happening.channel !== channel.name || happening.state !== "ready") return;
    void look(channel, block);
  }, ["link"]);
}

async function look(channel: RedisChannel, block: (reason: string | null) => void): Promise<void> {
  try {
    // Nothing was written by this connection: a Redis that can wait answers at once.
    await channel.send(["WAITAOF", "1", "0", "1"]);
    block(null);
  } catch (error) {
    // Without an answer nothing is known, and the next connection is asked.
    if (error instanceof StoreRefusedError) block(UNSUPPORTED);
  }
}
