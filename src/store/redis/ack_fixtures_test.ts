/**
 * What the tests of acknowledging under the watch share: a consumer, one that can take over, and a way to step in between.
 * @module
 */
import assert from "node:assert/strict";
import { done, hold, LONG_MS, refsOf } from "../../../testing/conformance/steps.ts";
import { FakeClock } from "../../../testing/fake_clock.ts";
import type { StoreRefusedError } from "../../errors.ts";
import type { LinkState } from "../../happenings.ts";
import type { Delivery, SettleOutcome } from "../port.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "./channel.ts";
import type { RedisStreamStore } from "./redis_stream_store.ts";
import type { TestChannel } from "./test_channel.ts";
import { openHarness, type RedisHarness } from "./test_harness.ts";

/** How long the guard rests after a refusal. */
export const REST_MS = 5_000;

/** A channel where a test can step in before each write, and before each answer. */
export class SteppedChannel implements RedisChannel {
  readonly name = "stepped";
  readonly inner: TestChannel;
  before: (words: string) => Promise<void> = () => Promise.resolve();
  after: (words: string) => Promise<void> = () => Promise.resolve();

  constructor(inner: TestChannel) {
    this.inner = inner;
  }

  get state(): LinkState {
    return this.inner.state;
  }

  get clientId(): number | null {
    return this.inner.clientId;
  }

  get linkId(): number | null {
    return this.inner.linkId;
  }

  send(args: readonly Arg[], options?: SendOptions): Promise<Reply> {
    return this.inner.send(args, options);
  }

  async pipeline(
    commands: readonly (readonly Arg[])[],
    options?: SendOptions,
  ): Promise<readonly (Reply | StoreRefusedError)[]> {
    const words = commands.map(([first]) => first).join(" ");
    await this.before(words);
    const answers = await this.inner.pipeline(commands, options);
    await this.after(words);
    return answers;
  }

  reset(): void {
    this.inner.reset();
  }

  whenReady(): Promise<void> {
    return this.inner.whenReady();
  }
}

/** The write that arms. */
export const ARM = "MULTI EXEC WATCH EXISTS";
/** The write that acknowledges. */
export const ACK = "MULTI XACK EXEC WATCH EXISTS";

/** A consumer `a` whose many acknowledgements go under the watch, and `b`, which can take over. */
export interface Scene {
  readonly harness: RedisHarness;
  readonly clock: FakeClock;
  readonly command: TestChannel;
  readonly settling: SteppedChannel;
  readonly store: RedisStreamStore;
  readonly other: RedisStreamStore;
}

/** A test with a server of its own. */
export function test(name: string, run: (scene: Scene) => Promise<void>): void {
  Deno.test(`acknowledging under the watch: ${name}`, async () => {
    await using harness = await openHarness();
    const clock = new FakeClock();
    const command = harness.channel();
    const settling = new SteppedChannel(harness.channel());
    await settling.whenReady();
    const store = harness.store("g", { command, settling, clock });
    const other = harness.store("g");
    await store.ensureGroup();
    await store.register("a", harness.leaseMs);
    await other.register("b", LONG_MS);
    await run({ harness, clock, command, settling, store, other });
  });
}

/** Acknowledges them all. */
export function ack(scene: Scene, held: readonly Delivery[], consumer = "a"): Promise<readonly SettleOutcome[]> {
  return scene.store.settle(consumer, refsOf(held).map((ref) => done(ref)));
}

/** Acknowledges as many new entries. @returns The one outcome that all have, and how they went. */
export async function ackMany(scene: Scene, count = 30, consumer = "a"): Promise<{ kind: string; way: string }> {
  const held = await hold(scene.store, consumer, count);
  return await watched(scene, () => ack(scene, held, consumer));
}

/** What became of all, and which way it went. */
export async function watched(
  { command, settling }: Scene,
  run: () => Promise<readonly SettleOutcome[]>,
): Promise<{ kind: string; way: string }> {
  const [scripts, watches] = [command.sent.length, settling.inner.sent.length];
  const outcomes = await run();
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  assert.equal(kinds.size, 1, [...kinds].join());
  const own = settling.inner.sent.slice(watches);
  const script = [...command.sent.slice(scripts), ...own].some((words) => words.startsWith("EVAL"));
  const guarded = own.some((words) => words.startsWith("XACK"));
  return { kind: [...kinds][0]!, way: script ? (guarded ? "both" : "script") : guarded ? "watch" : "none" };
}

/** `b` takes over what `a` holds. */
export async function seize({ harness, other }: Scene): Promise<readonly Delivery[]> {
  await harness.passLease("a");
  const { state, deliveries } = await other.takeOver("b", "a", harness.leaseMs, 10_000);
  assert.equal(state, "retired");
  return deliveries;
}

/** How many entries are not acknowledged. */
export async function pending({ harness }: Scene): Promise<number> {
  return (await harness.pendingIds()).length;
}
