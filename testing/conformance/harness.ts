/**
 * What the conformance suite needs of an adapter under test, beyond the port itself.
 * @module
 */
import type { StreamAdmin } from "../../src/store/admin_port.ts";
import type { StreamStore } from "../../src/store/port.ts";

/**
 * What not every adapter can be made to do.
 *
 * - `refusal`: the store can be made to refuse new data ({@link Harness.refuse})
 * - `lost_index`: the index of parked entries can be destroyed ({@link Harness.loseIndex})
 * - `durability`: an append can fail to reach the durability that was asked for
 */
export type Capability = "refusal" | "lost_index" | "durability";

/** An entry as it lies in the store. */
export interface RawEntry {
  readonly id: string;
  /** Flat name, value, name, value …, bytes. */
  readonly fields: readonly Uint8Array[];
}

/** Fresh, empty data behind as many stores as a clause asks for. One per clause. */
export interface Harness extends AsyncDisposable {
  /** Name of the stream; its groups are named by the clause. */
  readonly stream: string;
  /** A lease that runs out soon, ms. */
  readonly leaseMs: number;
  readonly can: ReadonlySet<Capability>;
  /** Another store on the same data: another replica. Default group `g`; `publishStream` default the stream. */
  store(group?: string, options?: { readonly stream?: string; readonly publishStream?: string }): StreamStore;
  /** What people ask, on the same data. Default group `g`. */
  admin(group?: string): StreamAdmin;
  /** Returns once the lease of a consumer that was registered with {@link leaseMs} has run out. */
  passLease(consumer: string, group?: string): Promise<void>;
  /** Returns once at least `ms` of store time have passed. */
  elapse(ms: number): Promise<void>;
  /** Returns once so many reads are blocked in the store. */
  untilBlocked(reads: number): Promise<void>;
  /** Reads as a client library does that knows nothing of leases. @returns Entry ids. */
  foreignRead(consumer: string, count: number, group?: string): Promise<readonly string[]>;
  /** While true the store refuses what needs new memory. */
  refuse(on: boolean): Promise<void>;
  deleteStream(): Promise<void>;
  destroyGroup(group?: string): Promise<void>;
  /** Removes a consumer by hand, with what it holds. */
  removeConsumer(consumer: string, group?: string): Promise<void>;
  deleteEntry(entryId: string): Promise<void>;
  /** Destroys everything. */
  flushAll(): Promise<void>;
  /** Destroys the index of parked entries, not the entries. */
  loseIndex(group?: string): Promise<void>;
  /** Everything in a stream, oldest first. Default: the stream. */
  entries(stream?: string): Promise<readonly RawEntry[]>;
  /** Entries of the stream that are delivered to the group and not acknowledged, parked ones too. */
  pendingIds(group?: string): Promise<readonly string[]>;
}

/** One promise of the port, as something that can be tried. */
export interface Clause {
  /** A sentence; unique in the suite. */
  readonly name: string;
  readonly needs?: Capability;
  /** @throws {AssertionError} The promise is broken. */
  readonly run: (harness: Harness) => Promise<void>;
}
