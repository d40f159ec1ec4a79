/**
 * The memory store keeps every promise of the port.
 * @module
 */
import { FakeClock } from "../../../testing/fake_clock.ts";
import type { Capability, Harness } from "../../../testing/conformance/harness.ts";
import { runConformance } from "../../../testing/conformance/run.ts";
import { waitFor } from "../../../testing/wait.ts";
import { MemoryBroker } from "./broker.ts";
import { MemoryStreamStore } from "./memory_store.ts";

const STREAM = "events";
const LEASE_MS = 10_000;
const CAN: ReadonlySet<Capability> = new Set(["refusal", "lost_index"]);

function open(): Promise<Harness> {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  return Promise.resolve({
    stream: STREAM,
    leaseMs: LEASE_MS,
    can: CAN,
    store: (group = "g", options = {}) => new MemoryStreamStore({ broker, stream: STREAM, group, ...options }),
    passLease: () => clock.advance(LEASE_MS),
    elapse: (ms) => clock.advance(ms),
    untilBlocked: (reads) => waitFor(() => broker.blocked.size === reads).then(() => {}),
    foreignRead: (consumer, count, group = "g") => Promise.resolve(broker.foreignRead(STREAM, group, consumer, count)),
    refuse: (on) => Promise.resolve(broker.refuse(on ? "out_of_memory" : null)),
    deleteStream: () => Promise.resolve(broker.deleteStream(STREAM)),
    destroyGroup: (group = "g") => Promise.resolve(broker.destroyGroup(STREAM, group)),
    removeConsumer: (consumer, group = "g") => Promise.resolve(broker.removeConsumer(STREAM, group, consumer)),
    deleteEntry: (entryId) => Promise.resolve(broker.deleteEntry(STREAM, entryId)),
    flushAll: () => Promise.resolve(broker.flushAll()),
    loseIndex: (group = "g") => Promise.resolve(broker.loseParkedIndex(STREAM, group)),
    entries: (stream = STREAM) => Promise.resolve(broker.entries(stream)),
    pendingIds: (group = "g") => Promise.resolve([...broker.view(STREAM, group).state?.pending.keys() ?? []]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

runConformance({ name: "memory", open, can: CAN });
