/**
 * Whose entries to take over, and when to look again.
 * @module
 */

/** Another consumer of the group; the store's `Peer` fits. */
export interface PeerView {
  readonly consumer: string;
  readonly pending: number;
  readonly state: "alive" | "expired" | "fenced" | "foreign";
  readonly leaseLeftMs: number;
  readonly idleMs: number;
}

/** Input of {@link chooseTakeOvers}. */
export interface TakeOverLimits {
  /** A consumer silent for this long is dead, ms. */
  readonly leaseMs: number;
  /** How many entries fit. */
  readonly room: number;
  /** False for a process that has just reconnected: it takes only from those whom others have already fenced. */
  readonly judgeAllowed: boolean;
  /** A name that the caller had before: it knows that this one is dead. Default: none is. */
  readonly isFormer?: (consumer: string) => boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Dead consumers to take over, in the order to try. Those that hold nothing are among them (what they had parked is
 * freed that way) and need no room; a foreign one that holds nothing is nobody's business.
 *
 * The order is random, so that replicas that wake together start at different ones. The list ends where the room does.
 */
export function chooseTakeOvers(peers: readonly PeerView[], limits: TakeOverLimits): readonly string[] {
  const chosen: string[] = [];
  let room = limits.room;
  for (const { consumer, pending } of shuffle(peers.filter((peer) => isDead(peer, limits)), limits.random)) {
    if (pending > 0 && room <= 0) continue;
    chosen.push(consumer);
    room -= pending;
  }
  return chosen;
}

/**
 * Time until the next consumer can have died, ms, within [`minMs`, `maxMs`]: the earliest end of a lease. `minMs` while
 * a dead one still waits to be taken over.
 */
export function nextCheckInMs(
  peers: readonly PeerView[],
  { leaseMs, minMs, maxMs }: { readonly leaseMs: number; readonly minMs: number; readonly maxMs: number },
): number {
  let earliest = maxMs;
  for (const peer of peers) earliest = Math.min(earliest, expiryInMs(peer, leaseMs));
  return Math.max(minMs, earliest);
}

function isDead({ consumer, state, pending, idleMs }: PeerView, limits: TakeOverLimits): boolean {
  const { leaseMs, judgeAllowed, isFormer } = limits;
  switch (state) {
    case "alive":
      return false;
    case "fenced":
      return true;
    case "expired":
      return judgeAllowed || (isFormer?.(consumer) ?? false);
    case "foreign":
      return judgeAllowed && pending > 0 && idleMs >= leaseMs;
  }
}

function expiryInMs({ state, pending, leaseLeftMs, idleMs }: PeerView, leaseMs: number): number {
  switch (state) {
    case "alive":
      // A lease runs out one tick after its last millisecond.
      return leaseLeftMs + 1;
    case "foreign":
      return pending > 0 ? leaseMs - idleMs : Infinity;
    default:
      return 0;
  }
}

function shuffle<T>(items: readonly T[], random: () => number): readonly T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}
