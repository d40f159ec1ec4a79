import assert from "node:assert/strict";
import { DurabilityNotReachedError, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "./channel.ts";
import { type Confirmation, DurableAppends } from "./durable.ts";
import type { ScriptCall } from "./runner.ts";
import { SCRIPTS } from "./scripts.ts";

const REPLICA: Confirmation = { level: "replica", replicas: 1 };
type Answers = readonly (Reply | StoreRefusedError)[];

/** A channel that answers when told, and remembers what it was sent. */
class FakeChannel implements RedisChannel {
  readonly name = "publisher";
  readonly state = "ready";
  readonly clientId = 1;
  readonly linkId = 1;
  readonly sent: (readonly (readonly Arg[])[])[] = [];
  answer: (commands: readonly (readonly Arg[])[]) => Answers | Promise<Answers> = (commands) =>
    commands.map(([word], index) => word === "WAIT" ? 1 : word === "WAITAOF" ? [1, 0] : `1-${index}`);

  send(): Promise<Reply> {
    return Promise.reject(new Error("not asked"));
  }

  async pipeline(commands: readonly (readonly Arg[])[], _options?: SendOptions): Promise<Answers> {
    this.sent.push(commands);
    return await this.answer(commands);
  }

  reset(): void {}

  whenReady(): Promise<void> {
    return Promise.resolve();
  }
}

function call(arg: string): ScriptCall {
  return { script: SCRIPTS.append, keys: ["s"], args: [arg] };
}

Deno.test("what comes while one is waited for is confirmed together, in one wait", async () => {
  const channel = new FakeChannel();
  const durable = new DurableAppends(channel, 100);
  const replies = await Promise.all([1, 2, 3].map((n) => durable.append(call(`${n}`), REPLICA)));
  assert.deepEqual(replies, ["1-0", "1-0", "1-1"]);
  assert.deepEqual(channel.sent.map((commands) => commands.map(([word]) => word)), [
    ["EVAL", "WAIT"],
    ["EVAL", "EVALSHA", "WAIT"],
  ]);
});

Deno.test("the disk is waited for with WAITAOF, replicas with WAIT, never in one wait", async () => {
  const channel = new FakeChannel();
  const durable = new DurableAppends(channel, 100);
  const both = [REPLICA, REPLICA, { level: "fsync" }, REPLICA] as const;
  await Promise.all(both.map((confirmation, n) => durable.append(call(`${n}`), confirmation)));
  assert.deepEqual(channel.sent.map((commands) => commands.at(-1)), [
    ["WAIT", "1", "100"],
    ["WAIT", "1", "100"],
    ["WAITAOF", "1", "0", "100"],
    ["WAIT", "1", "100"],
  ]);
});

Deno.test("what is not confirmed in time was written all the same, and the error says where", async () => {
  const refused = new StoreRefusedError("unknown", "ERR unknown command 'WAITAOF'");
  for (
    const [confirmation, answer] of [[REPLICA, 0], [{ level: "fsync" }, [0, 0]], [{ level: "fsync" }, refused]] as const
  ) {
    const channel = new FakeChannel();
    channel.answer = (commands) => commands.map(([word]) => word === "EVAL" ? "5-0" : answer as Reply);
    await assert.rejects(new DurableAppends(channel, 100).append(call("1"), confirmation), (error) => {
      assert.ok(error instanceof DurabilityNotReachedError && error.outcomeUnknown);
      assert.deepEqual(error.appended, [{ entryId: "5-0", deduplicated: false }]);
      return true;
    });
  }
});

Deno.test("a script that is refused fails alone, and was not written", async () => {
  const channel = new FakeChannel();
  const oom = new StoreRefusedError("out_of_memory", "OOM");
  channel.answer = (commands) => commands.map(([word, , , , arg]) => word === "WAIT" ? 1 : arg === "bad" ? oom : "1-0");
  const durable = new DurableAppends(channel, 100);
  const settled = await Promise.allSettled(["first", "bad", "good"].map((arg) => durable.append(call(arg), REPLICA)));
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.equal((settled[1] as PromiseRejectedResult).reason, oom);
});

Deno.test("a lost connection fails all of the turn, and the next turn works", async () => {
  const channel = new FakeChannel();
  const lost = new StoreUnavailableError("connection", "lost", { outcomeUnknown: true });
  const works = channel.answer;
  channel.answer = () => Promise.reject(lost);
  const durable = new DurableAppends(channel, 100);
  await assert.rejects(durable.append(call("1"), REPLICA), lost);
  channel.answer = works;
  await durable.append(call("2"), REPLICA);
});

Deno.test("no more wait than anybody waits for", async () => {
  const channel = new FakeChannel();
  const gate = Promise.withResolvers<void>();
  const works = channel.answer;
  channel.answer = async (commands) => {
    await gate.promise;
    return await works(commands);
  };
  const durable = new DurableAppends(channel, 100);
  const waiting = Array.from({ length: 1_001 }, (_, n) => durable.append(call(`${n}`), REPLICA));
  await assert.rejects(durable.append(call("one more"), REPLICA), (error) => {
    assert.ok(error instanceof StoreUnavailableError && !error.outcomeUnknown);
    return true;
  });
  gate.resolve();
  assert.equal((await Promise.all(waiting)).length, 1_001);
  assert.deepEqual(channel.sent.map((commands) => commands.length - 1), [1, 200, 200, 200, 200, 200]);
});
