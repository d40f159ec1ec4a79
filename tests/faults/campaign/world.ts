/**
 * Everything that a campaign runs in: Redis, replicas, ledgers.
 * @module
 */
import { startRedis, type TestRedis } from "../../../testing/redis_server.ts";
import { HandlerLedger, ProducerLedger } from "./ledger.ts";
import { kept, type Recovery, SLACK_MS, StallMeter } from "./recovery.ts";
import { NAMES, Replica } from "./replica.ts";
import { ReplicaLink } from "./replica_link.ts";

/** Killing the process loses nothing that was answered: the append-only file is written before the answer. */
const REDIS_CONFIG = { appendonly: "yes", appendfsync: "everysec" };

/** See the module's text. */
export class World implements AsyncDisposable {
  readonly dir: string;
  readonly redis: TestRedis;
  readonly producers: ProducerLedger;
  readonly handled: HandlerLedger;
  readonly replicas: readonly Replica[];
  readonly stalls: StallMeter;
  readonly recoveries: Recovery[] = [];
  /** Whatever else was not as it has to be, one line each. */
  readonly complaints: string[] = [];
  readonly #stack: AsyncDisposableStack;
  #startedAt = Date.now();

  private constructor(dir: string, redis: TestRedis, replicas: readonly Replica[], stack: AsyncDisposableStack) {
    this.dir = dir;
    this.redis = redis;
    this.replicas = replicas;
    this.producers = stack.use(new ProducerLedger(dir));
    this.handled = new HandlerLedger(dir);
    this.stalls = stack.use(new StallMeter());
    this.#stack = stack;
  }

  /** Starts Redis and so many replicas; waits until all are ready. @param dir For the ledgers. */
  static async open(dir: string, replicas: number): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const redis = stack.use(await startRedis({ config: REDIS_CONFIG }));
    const places: Replica[] = [];
    for (let index = 0; index < replicas; index++) {
      const link = stack.use(await ReplicaLink.open(redis.port));
      places.push(stack.use(new Replica({ link, ledgerDir: dir, index })));
    }
    const world = new World(dir, redis, places, stack.move());
    await world.allReady();
    return world;
  }

  /** Seconds since the start, for what people read. */
  get seconds(): number {
    return Math.round((Date.now() - this.#startedAt) / 1_000);
  }

  /** Waits until every replica is ready. */
  async allReady(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.ready()));
  }

  /** Notes a recovery that was measured from a moment on. */
  recovered(recovery: Omit<Recovery, "slackMs">, from: number): void {
    const noted = { ...recovery, slackMs: SLACK_MS + this.stalls.since(from) };
    this.recoveries.push(noted);
    if (kept(noted)) return;
    const { round, fault, owed, ms, boundMs, slackMs } = noted;
    this.complaints.push(`round ${round}, ${fault}: ${owed} after ${ms} ms, bound ${boundMs} + ${slackMs} ms slack`);
  }

  /** Event ids that a replica's present process holds, read from Redis; those that nobody handles left out. */
  async heldBy(consumerPrefix: string): Promise<string[]> {
    const { stream, group } = NAMES;
    const held: string[] = [];
    const consumers = await this.redis.command(["XINFO", "CONSUMERS", stream, group]) as string[][];
    for (const [, name = ""] of consumers) {
      if (!name.startsWith(consumerPrefix)) continue;
      const rows = await this.redis.command(["XPENDING", stream, group, "-", "+", 5_000, name]) as string[][];
      for (const [entryId = ""] of rows) held.push(...await this.handledEvent(entryId));
    }
    return held;
  }

  /** The event of an entry, as a list of none or one: none where it has no handler. */
  async handledEvent(entryId: string): Promise<string[]> {
    const rows = await this.redis.command(["XRANGE", NAMES.stream, entryId, entryId]) as [string, string[]][];
    const fields = rows[0]?.[1] ?? [];
    const type = fields[fields.indexOf("type") + 1];
    return type === "effect.quiet" ? [] : [String(fields[fields.indexOf("id") + 1])];
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
