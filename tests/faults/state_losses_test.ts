/** What people and faults destroy under a running service: the group is back, nothing is thrown, every entry is accounted for. */
import assert from "node:assert/strict";
import { defineHandler, type Handler } from "redis-stream-service";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { sideBySide } from "./support_side_by_side.ts";
import {
  add,
  addMany,
  bookedUndelivered,
  gate,
  GROUP,
  OURS,
  pending,
  type RunningService,
  runService,
  STREAM,
  tallyOf,
} from "./support_state.ts";

const CONCURRENCY = 2;
const BATCH = 5;
const FAILING = 2;
const WAITING = 60;
/** CONTRACT 6.7: the group is back within 1 s; a little for the look. */
const BACK_MS = 1_300;
const MOST_LINES = 40;

/** A service with entries in every state: parked ones, running and waiting ones, and undelivered ones. */
class Scene implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly services: RunningService[] = [];
  readonly starts: string[] = [];
  readonly #gate = gate();
  #linesBefore = 0;

  private constructor(redis: TestRedis) {
    this.redis = redis;
  }

  static async open(
    options: { readonly replicas?: number; readonly backoffMs?: number } = {},
  ): Promise<Scene> {
    const scene = new Scene(await startRedis());
    for (let n = 0; n < (options.replicas ?? 1); n++) {
      const env = {
        CONSUMER_CONCURRENCY: String(CONCURRENCY),
        CONSUMER_BATCH_SIZE: String(BATCH),
        RETRY_BACKOFF: String(options.backoffMs ?? 60_000),
        LEASE_MS: "3000",
        CONSUMER_NAME: `replica${n}`,
      };
      scene.services.push(await runService(scene.redis, { handlers: scene.#handlers(), env }));
    }
    return scene;
  }

  get service(): RunningService {
    return this.services[0]!;
  }

  #handlers(): readonly Handler[] {
    const work = defineHandler({
      type: "work",
      handle: async (event, ctx) => {
        this.starts.push(event.id);
        const { promise, reject } = Promise.withResolvers<never>();
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
        await Promise.race([this.#gate.passed, promise]);
      },
    });
    const failing = defineHandler({
      type: "failing",
      handle(_event, ctx): void {
        if (ctx.attempt === 1) throw new Error("once");
      },
    });
    return [work, failing, defineHandler({ type: "probe", handle(): void {} })];
  }

  /** Brings entries into every state and waits until the service knows. */
  async fill(): Promise<{ readonly undelivered: number; readonly held: number }> {
    await addMany(this.redis, FAILING, (n) => ({ id: `f${n}`, type: "failing", subject: `f${n}` }));
    await waitFor(() => tallyOf(this.services)["retried"] === FAILING, { what: "the failing ones to be parked" });
    await addMany(this.redis, WAITING, (n) => ({ id: `w${n}` }));
    const replicas = this.services.length;
    await waitFor(() => this.starts.length === CONCURRENCY * replicas, { what: "handlers to run" });
    let held = -1;
    const undelivered = await waitFor(async () => {
      const now = (await pending(this.redis) ?? 0) - FAILING;
      const settled = now === held;
      held = now;
      return settled && await bookedUndelivered(this.redis) === WAITING - held ? { count: WAITING - held } : false;
    }, { what: "the books to be right", everyMs: 400, timeoutMs: 8_000 });
    assert.ok(undelivered.count > 0 && held > CONCURRENCY, "there is something in every state");
    // Each replica has looked since: what one saw a second ago is what it counts by when the books are gone.
    await this.beats(2);
    this.#linesBefore = this.services.reduce((sum, { lines }) => sum + lines.length, 0);
    return { undelivered: undelivered.count, held };
  }

  /** Waits for so many beats of each replica, at least a second apart: every loop has looked meanwhile. */
  async beats(count: number): Promise<void> {
    const before = this.services.map((service) => service.of("beat").length);
    const passed = (): boolean =>
      this.services.every((service, n) => service.of("beat").length >= (before[n] ?? 0) + count);
    await waitFor(passed, { timeoutMs: 10_000, what: `${count} beats of each replica` });
  }

  open(): void {
    this.#gate.open();
  }

  /** The group is there again within the bound. */
  async groupBack(): Promise<void> {
    const hurtAt = performance.now();
    await waitFor(async () => await pending(this.redis) !== null, { timeoutMs: BACK_MS, what: "the group to be back" });
    assert.ok(performance.now() - hurtAt < BACK_MS);
  }

  /** Waits until so many ended in any way, and checks that it stays so. */
  async accounted(wanted: Readonly<Record<string, number>>, timeoutMs = 12_000): Promise<void> {
    const found = (): Record<string, number> => {
      const { processed = 0, lost = 0 } = tallyOf(this.services);
      return { processed, lost };
    };
    const total = (of: Readonly<Record<string, number>>): number => Object.values(of).reduce((a, b) => a + b, 0);
    await waitFor(() => total(found()) >= total(wanted), { timeoutMs, what: `${total(wanted)} to be accounted for` })
      .catch((error) => {
        throw new Error(`${error.message}: ${JSON.stringify(found())}\n${this.service.lines.slice(-12).join("\n")}`);
      });
    // More looks of the accountant and of the retrier: nothing is counted twice.
    await this.beats(3);
    assert.deepEqual(found(), wanted);
  }

  /** Events flow, the service is ready, nothing is pending, and the log is short. */
  async wellAgain(): Promise<void> {
    const before = tallyOf(this.services)["processed"] ?? 0;
    await add(this.redis, { id: "probe", type: "probe" });
    await waitFor(() => tallyOf(this.services)["processed"] === before + 1, {
      timeoutMs: 3_000,
      what: "events to flow",
    });
    for (const service of this.services) await service.ready(3_000);
    await waitFor(async () => await pending(this.redis) === 0, { what: "nothing to be pending" });
    const lines = this.services.flatMap((service) => service.lines);
    const said = lines.length - this.#linesBefore;
    assert.ok(said <= MOST_LINES * this.services.length, `${said} lines:\n${lines.slice(-60).join("\n")}`);
  }

  get groupWarnings(): number {
    return this.services.flatMap(({ lines }) => lines).filter((line) => line.includes("was gone and is made again"))
      .length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    for (const service of this.services) await service[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}

const scenes: { readonly name: string; readonly run: () => Promise<void> }[] = [];

function scene(name: string, run: () => Promise<void>): void {
  scenes.push({ name, run });
}

for (const [name, command] of [["DEL of the stream", ["DEL", STREAM]], ["FLUSHALL", ["FLUSHALL"]]] as const) {
  scene(`${name}: group back with one warning, all that was in it is counted as deleted, once`, async () => {
    await using scene = await Scene.open();
    await scene.fill();
    await scene.redis.command([...command]);
    // Right behind it: it must not be read under a registration that is gone.
    await add(scene.redis, { id: "early", type: "probe" });
    await scene.groupBack();
    scene.open();
    await waitFor(() => scene.service.tally["processed"] === 1, { timeoutMs: 3_000, what: "the early event" });
    await scene.accounted({ processed: 1, lost: WAITING + FAILING });
    assert.deepEqual(scene.service.lost, { deleted: WAITING + FAILING });
    await scene.wellAgain();
    assert.equal(scene.groupWarnings, 1);
  });
}

scene(
  "FLUSHALL of an idle service: an event right behind it is not read under a registration that is gone",
  async () => {
    await using redis = await startRedis();
    await using service = await runService(redis, { handlers: [defineHandler({ type: "work", handle(): void {} })] });
    for (let round = 1; round <= 3; round++) {
      await redis.command(["FLUSHALL"]);
      await add(redis, { id: `after ${round}` });
      await service.until(() => service.tally["processed"] === round, "the event to be processed", 2_000);
    }
  },
);

scene("FLUSHALL under two replicas: the losses of both add up to what was there", async () => {
  await using scene = await Scene.open({ replicas: 2 });
  await scene.fill();
  await scene.redis.command(["FLUSHALL"]);
  await scene.groupBack();
  scene.open();
  await scene.accounted({ processed: 0, lost: WAITING + FAILING });
  await scene.wellAgain();
  assert.equal(scene.groupWarnings, 1);
});

scene("Redis restarts empty: the same, although nobody was told", async () => {
  await using scene = await Scene.open();
  await scene.fill();
  await scene.redis.restart({ empty: true });
  await waitFor(async () => await pending(scene.redis) !== null, { timeoutMs: 3_000, what: "the group to be back" });
  scene.open();
  await scene.accounted({ processed: 0, lost: WAITING + FAILING });
  await scene.wellAgain();
  assert.equal(scene.groupWarnings, 1);
});

for (const replicas of [1, 2]) {
  scene(`XGROUP DESTROY under ${replicas} replica(s): nothing is lost, all of it is handled again`, async () => {
    // What was parked comes again as new, and fails once more.
    await using scene = await Scene.open({ replicas, backoffMs: 2_000 });
    await scene.fill();
    await scene.redis.command(["XGROUP", "DESTROY", STREAM, GROUP]);
    await scene.groupBack();
    scene.open();
    await scene.accounted({ processed: WAITING + FAILING, lost: 0 });
    await scene.wellAgain();
    assert.equal(scene.groupWarnings, 1);
  });
}

scene("XTRIM of everything: undelivered and parked ones are lost, what is held is finished", async () => {
  await using scene = await Scene.open({ backoffMs: 6_000 });
  const { undelivered, held } = await scene.fill();
  await scene.redis.command(["XTRIM", STREAM, "MAXLEN", "0"]);
  scene.open();
  await scene.accounted({ processed: held, lost: undelivered + FAILING });
  assert.deepEqual(scene.service.lost, { trimmed: undelivered, deleted: FAILING });
  await scene.wellAgain();
  assert.equal(scene.groupWarnings, 0);
});

scene("a producer that trims hard while a consumer is slow: every entry is handled or counted as trimmed", async () => {
  await using redis = await startRedis();
  const slow = defineHandler({ type: "work", handle: () => new Promise<void>((done) => setTimeout(done, 2)) });
  await using service = await runService(redis, {
    handlers: [slow],
    env: { CONSUMER_CONCURRENCY: "4", CONSUMER_BATCH_SIZE: "10" },
  });
  const total = 2_000;
  const producer = await redis.connect();
  for (let n = 0; n < total; n++) {
    await producer.command(["XADD", STREAM, "MAXLEN", "50", "*", "id", String(n), "type", "work", "source", "t"]);
  }
  producer.close();
  const ended = (): number => (service.tally["processed"] ?? 0) + (service.tally["lost"] ?? 0);
  await service.until(() => ended() >= total, "all to be accounted for", 20_000);
  const beats = service.of("beat").length;
  await service.until(() => service.of("beat").length > beats + 2, "two beats");
  assert.equal(ended(), total, Deno.inspect(service.lost));
  assert.ok((service.tally["lost"] ?? 0) > 0, "the producer was faster");
});

scene("XDEL of held, parked and undelivered entries: what was held is finished, the rest is counted", async () => {
  await using scene = await Scene.open({ backoffMs: 6_000 });
  await scene.fill();
  const rows = await scene.redis.command(["XRANGE", STREAM, "-", "+"]) as [string, unknown][];
  const ids = rows.map(([id]) => String(id));
  // One parked, one held, and five from the middle of what nobody has read.
  const gone = [ids[0]!, ids[FAILING]!, ...ids.slice(-20, -15)];
  await scene.redis.command(["XDEL", STREAM, ...gone]);
  await waitFor(() => scene.service.lost["deleted"] === 5, {
    timeoutMs: 3_000,
    what: "the undelivered ones to be missed",
  });
  scene.open();
  await scene.accounted({ processed: WAITING + FAILING - 6, lost: 6 });
  await scene.wellAgain();
});

scene("a living consumer removed by hand: what it held is lost, as removed, and it goes on", async () => {
  await using scene = await Scene.open({ backoffMs: 6_000 });
  const { held } = await scene.fill();
  const info = await scene.redis.command(["XINFO", "CONSUMERS", STREAM, GROUP]) as unknown[][];
  const name = info.map((fields) => String(fields[1])).find((consumer) => consumer.startsWith("replica0"))!;
  await scene.redis.command(["XGROUP", "DELCONSUMER", STREAM, GROUP, name]);
  scene.open();
  await scene.accounted({ processed: WAITING + FAILING - held, lost: held });
  assert.deepEqual(scene.service.lost, { removed: held });
  await scene.wellAgain();
});

// The default lease is longer than what is waited for: nobody has to die for the entry to be handled again.
scene(
  "a lease destroyed while one entry is held: it is handled again at once, and no crash is held against it",
  async () => {
    await using redis = await startRedis();
    const attempts: number[] = [];
    const again = gate();
    await using service = await runService(redis, {
      handlers: [defineHandler({
        type: "work",
        handle(_event, ctx): Promise<void> {
          if (attempts.push(ctx.attempt) === 2) again.open();
          return again.passed;
        },
      })],
    });
    await add(redis, { id: "held" });
    await service.until(() => attempts.length === 1, "the first attempt");
    const [lease] = await redis.command(["KEYS", `${OURS}lease:*`]) as string[];
    await redis.command(["DEL", String(lease)]);
    await service.until(() => service.tally["processed"] === 1, "the entry to be handled again", 3_300);
    assert.deepEqual(attempts, [1, 1], "neither counts as a crash of the other");
    assert.deepEqual(service.lost, {});
    assert.equal(await pending(redis), 0);
  },
);

scene("a lease deleted by hand while deaf handlers run: nothing is lost, nothing stands still", async () => {
  await using redis = await startRedis();
  const { open, passed } = gate();
  const deaf = defineHandler({ type: "work", handle: () => passed });
  await using service = await runService(redis, {
    handlers: [deaf],
    env: { CONSUMER_CONCURRENCY: String(CONCURRENCY), CONSUMER_BATCH_SIZE: String(BATCH), LEASE_MS: "3000" },
  });
  try {
    await addMany(redis, WAITING, (n) => ({ id: `w${n}` }));
    await service.until(() => service.of("started").length === CONCURRENCY, "handlers to run");
    const [lease] = await redis.command(["KEYS", `${OURS}lease:*`]) as string[];
    await redis.command(["DEL", String(lease)]);
    await service.until(() => service.of("lease_lost").length === 1, "the consumer to notice");
    await service.until(() => service.of("taken_over").length > 0, "its entries to be taken over", 8_000);
    // The deaf attempts still run while their entries are held anew.
    const beats = service.of("beat").length;
    await service.until(() => service.of("beat").length > beats + 1, "two beats");
  } finally {
    open();
  }
  await service.until(() => service.tally["processed"] === WAITING, "all to be processed");
  await waitFor(async () => await pending(redis) === 0, { what: "nothing to be pending" });
  assert.deepEqual(service.lost, {});
});

sideBySide(scenes, 4);
