import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../errors.ts";
import type { RedisChannel, Reply } from "./channel.ts";
import type { CallContext } from "./context.ts";
import { keysOf } from "./keys.ts";
import { RedisStreamStore } from "./redis_stream_store.ts";
import { SCRIPTS } from "./scripts.ts";
import { Sightings } from "./sightings.ts";
import { openHarness } from "./test_harness.ts";

Deno.test("what was counted before an answer failed to come is told with the next look, once", async () => {
  const answers: (Reply | Error)[] = [];
  const command = {
    linkId: 1,
    runId: "a",
    send([name]: readonly unknown[]) {
      if (name === "INFO") return Promise.resolve(`run_id:${command.runId}`);
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  const context: CallContext = {
    ...{ stream: "s", group: "g", keys: keysOf("s", "g"), scripts: SCRIPTS },
    command: command as unknown as RedisChannel,
  };
  const sightings = new Sightings();
  for (let n = 1; n <= 300; n++) sightings.note(`${n}-0`);
  await sightings.look(context);
  assert.equal(sightings.tell("1"), 0);
  Object.assign(command, { linkId: 2, runId: "b" });
  answers.push([3, 1], new StoreUnavailableError("connection", "gone"));
  await assert.rejects(sightings.look(context), StoreUnavailableError);
  // Of the first page all was told of before, as the server remembers.
  answers.push([0, 1], [2, 0]);
  await sightings.look(context);
  assert.deepEqual([sightings.tell("1"), sightings.tell("1")], [5, 0]);
});

Deno.test("effects are told with their entry ids, so that they are missed where the server loses them", async () => {
  await using harness = await openHarness();
  const told: string[] = [];
  const store = new RedisStreamStore({
    ...{ stream: harness.stream, group: "g", command: harness.channel(), blocking: harness.channel() },
    onEffect: (entryId) => void told.push(entryId),
  });
  await store.ensureGroup();
  await store.register("a", 30_000);
  await store.append([{ fields: ["id", "e", "type", "t", "source", "s"] }]);
  const [held] = await store.read("a", 1, 0, AbortSignal.timeout(5_000));
  const effects = [{ fields: ["id", "f", "type", "t", "source", "s"] }];
  await store.settle("a", [{ kind: "done", ref: held!.ref, effects }]);
  const [effect] = await store.read("a", 1, 0, AbortSignal.timeout(5_000));
  assert.deepEqual(told, [effect?.entryId]);
});
