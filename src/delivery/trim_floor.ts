/**
 * Up to where a stream may be trimmed: only what every group has finished with.
 * @module
 */
import { compareIds, nextId } from "./ids.ts";

/** How far one group has come. */
export interface GroupProgress {
  readonly name: string;
  /** Latest entry that was delivered to the group; `0-0` when none. */
  readonly lastDeliveredId: string;
  /** Oldest entry that is held or parked; null when none. */
  readonly oldestPendingId: string | null;
}

/** Result of {@link trimFloor}. */
export interface TrimFloor {
  /** Entries with a smaller id may go. Null: no group needs anything. */
  readonly floorId: string | null;
  /** The group that needs the entry at the floor; the first one where several do. */
  readonly heldBy: string | null;
}

/** The oldest entry that some group still needs: its oldest pending one, or the first that it was not given yet. */
export function trimFloor(groups: readonly GroupProgress[]): TrimFloor {
  let floor: TrimFloor = { floorId: null, heldBy: null };
  for (const group of groups) {
    const needed = neededId(group);
    if (floor.floorId === null || compareIds(needed, floor.floorId) < 0) {
      floor = { floorId: needed, heldBy: group.name };
    }
  }
  return floor;
}

function neededId({ lastDeliveredId, oldestPendingId }: GroupProgress): string {
  const undelivered = nextId(lastDeliveredId);
  // A group that was set back by hand has pending entries after its last delivered one.
  return oldestPendingId !== null && compareIds(oldestPendingId, undelivered) < 0 ? oldestPendingId : undelivered;
}
