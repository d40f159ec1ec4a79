/**
 * What the tests of this folder, and of the faces, share: a core over the memory store.
 * @module
 */
import { FakeClock } from "../../testing/fake_clock.ts";
import { dead, readNow } from "../../testing/conformance/steps.ts";
import type { StreamAdmin } from "../store/admin_port.ts";
import { MemoryStreamAdmin } from "../store/memory/admin.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { DeadReason } from "../store/port.ts";
import { AdminCore, type AdminCoreOptions } from "./core.ts";

/** A core and what it works on. */
export interface CoreFixture {
  readonly clock: FakeClock;
  readonly broker: MemoryBroker;
  readonly core: AdminCore;
  /** By the place of their streams. */
  readonly stores: readonly MemoryStreamStore[];
  readonly admins: readonly StreamAdmin[];
  /** Told of each pause or resume. */
  readonly pauses: unknown[];
}

/** Streams with group `g`, each with the consumer `a`. */
export async function coreFixture(
  streams: readonly string[] = ["orders"],
  more: Partial<AdminCoreOptions> = {},
): Promise<CoreFixture> {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const stores = streams.map((stream) => new MemoryStreamStore({ broker, stream, group: "g" }));
  const admins = streams.map((stream) => new MemoryStreamAdmin({ broker, stream, group: "g" }));
  for (const store of stores) {
    await store.ensureGroup();
    await store.register("a", 60_000);
  }
  const pauses: unknown[] = [];
  const core = new AdminCore({
    service: { name: "shop", version: "1.2.3" },
    streams: stores.map((store, index) => ({ store, admin: admins[index]! })),
    clock,
    schedules: null,
    recent: () => [],
    onPause: () => pauses.push(1),
    ...more,
  });
  return { clock, broker, core, stores, admins, pauses };
}

/** Publishes one event and gives up on it. @returns Its entry id. */
export async function bury(
  store: MemoryStreamStore,
  type: string,
  reason: DeadReason = "non_retryable",
  more: readonly (string | Uint8Array)[] = [],
): Promise<string> {
  await store.append([{ fields: ["id", "e", "type", type, ...more] }]);
  const [delivery] = await readNow(store, "a", 1);
  await store.settle("a", [dead(delivery!, { reason, error: `${type} cannot be` })]);
  return delivery!.entryId;
}
