import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../errors.ts";
import type { Arg, Reply, SendOptions } from "./channel.ts";
import { TestChannel } from "./test_channel.ts";
import { openHarness } from "./test_harness.ts";

/** A channel that can be lost just when it is asked which server it leads to. */
class MuteChannel extends TestChannel {
  mute = false;

  override send(args: readonly Arg[], options?: SendOptions): Promise<Reply> {
    if (this.mute && args[0] === "INFO") return Promise.reject(new StoreUnavailableError("connection", "gone"));
    return super.send(args, options);
  }
}

Deno.test("a census that fails after a reconnect keeps what it would have told for the next one", async () => {
  await using harness = await openHarness();
  await using command = new MuteChannel(harness.redis.url);
  const store = harness.store("g", { command });
  await store.ensureGroup();
  const [first] = await store.append([{ fields: ["type", "t"] }, { fields: ["type", "t"] }]);
  await store.census();
  await harness.deleteEntry(first!.entryId!);
  command.reset();
  command.mute = true;
  await assert.rejects(store.census(), StoreUnavailableError);
  command.mute = false;
  const told = [await store.census(), await store.census()].map(({ deleted }) => deleted);
  assert.deepEqual(told, [1, 0]);
});
