/**
 * Everything that a campaign runs in: Redis, replicas, ledgers.
 * @module
 */
import type { RawCommandOptions, RawReply } from "../../../src/store/redis/embedded/raw_client.ts";
import { startCluster } from "../../../testing/redis_cluster.ts";
import { startSentinel } from "../../../testing/redis_sentinel.ts";
import {
  commandOn,
  startSingle,
  startTls,
  type TestTopology,
  type TopologyKind,
  type Word,
} from "../../../testing/topology.ts";
import { waitFor } from "../../../testing/wait.ts";
import { MAX_WORK_MS } from "./plan.ts";
import { HandlerLedger, ProducerLedger } from "./ledger.ts";
import { kept, type Recovery, SLACK_MS, StallMeter } from "./recovery.ts";
import { NAMES, Replica } from "./replica.ts";
import { ReplicaLink } from "./replica_link.ts";

type Pending = [total: number, first: string, last: string, holders: [string, string][] | null];

/** Killing the process loses nothing that was answered: the append-only file is written before the answer. */
const REDIS_CONFIG = { appendonly: "yes", appendfsync: "everysec" };

const STARTERS: Readonly<Record<TopologyKind, () => Promise<TestTopology>>> = {
  single: () => startSingle(REDIS_CONFIG),
  tls: () => startTls({ config: REDIS_CONFIG }),
  sentinel: () => startSentinel({ config: REDIS_CONFIG, hasty: true }),
  cluster: () => startCluster({ config: REDIS_CONFIG }),
};

/** How a replica gets to Redis: over a link that can be disturbed, where there is one server. */
async function wayTo(
  topology: TestTopology,
  stack: AsyncDisposableStack,
): Promise<{ link: ReplicaLink | null; redis: Readonly<Record<string, string>> }> {
  const { kind, env, servers } = topology;
  if (kind === "sentinel" || kind === "cluster") return { link: null, redis: env };
  const link = stack.use(await ReplicaLink.open(kind === "tls" ? Number(env["REDIS_PORT"]) : servers[0]!.port));
  return { link, redis: kind === "tls" ? { ...env, REDIS_PORT: String(link.port) } : { REDIS_URL: link.url } };
}

/** A recovery that is being measured. */
export interface RecoveryInProgress extends Pick<Recovery, "round" | "fault" | "owed" | "boundMs"> {
  /** Entries that run alone when it begins; null: they are no excuse. */
  readonly suspects: number | null;
}

/** An event that a process holds. `keyed`: it may have to wait for others of its key. */
export interface HeldEvent {
  readonly id: string;
  readonly keyed: boolean;
}

/** See the module's text. */
export class World implements AsyncDisposable {
  readonly dir: string;
  readonly topology: TestTopology;
  readonly producers: ProducerLedger;
  readonly handled: HandlerLedger;
  readonly replicas: readonly Replica[];
  readonly stalls: StallMeter;
  readonly recoveries: Recovery[] = [];
  /** Faults of the broker, and when they struck, epoch ms. */
  readonly faults: { readonly at: number; readonly kind: string }[] = [];
  /** Whatever else was not as it has to be, one line each. */
  readonly complaints: string[] = [];
  readonly #stack: AsyncDisposableStack;
  /** Told when another server takes the writes. */
  onMoved: () => void = () => {};
  #startedAt = Date.now();
  #restoring: Promise<void> = Promise.resolve();

  private constructor(dir: string, topology: TestTopology, replicas: readonly Replica[], stack: AsyncDisposableStack) {
    this.dir = dir;
    this.topology = topology;
    this.replicas = replicas;
    this.producers = stack.use(new ProducerLedger(dir));
    this.handled = new HandlerLedger(dir);
    this.stalls = stack.use(new StallMeter());
    this.#stack = stack;
  }

  /** Starts Redis and so many replicas; waits until all are ready. @param dir For the ledgers. */
  static async open(dir: string, replicas: number, kind: TopologyKind = "single"): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const topology = stack.use(await STARTERS[kind]());
    const places: Replica[] = [];
    for (let index = 0; index < replicas; index++) {
      const way = await wayTo(topology, stack);
      places.push(stack.use(new Replica({ ...way, ledgerDir: dir, index })));
    }
    await Promise.all(places.map((replica) => replica.ready()));
    return new World(dir, topology, places, stack.move());
  }

  /** True where a failover can take back what was confirmed. */
  get mayVanish(): boolean {
    return this.topology.servers.length > 1;
  }

  /** Entries that the service says the store has lost. */
  get namedLost(): number {
    return this.replicas.reduce((sum, replica) => sum + replica.namedLost, 0);
  }

  /** Sends a command to whoever has the stream. Where there are several servers, it waits until one does. */
  async command(args: readonly Word[], options?: RawCommandOptions): Promise<RawReply> {
    const { topology } = this;
    if (!this.mayVanish) return await topology.servers[0]!.command(args, options);
    const sent = async (): Promise<{ reply: RawReply }> => ({
      reply: await commandOn(topology, NAMES.stream, args, options),
    });
    return (await waitFor(sent, { timeoutMs: 30_000, everyMs: 50, what: `an answer to ${args[0]}` })).reply;
  }

  /** Brings back what a fault left, while everything goes on. */
  restore(work: () => Promise<void>): void {
    this.#restoring = work().catch((error) => void this.complaints.push(`restoring Redis: ${error}`));
  }

  /** Waits until it is back. */
  restored(): Promise<void> {
    return this.#restoring;
  }

  /** Seconds since the start, for what people read. */
  get seconds(): number {
    return Math.round((Date.now() - this.#startedAt) / 1_000);
  }

  /** Waits until every replica is ready. */
  async allReady(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.ready()));
  }

  /** Begins to measure a recovery. */
  async recovering(round: number, fault: string, owed: string, boundMs: number): Promise<RecoveryInProgress> {
    return { round, fault, owed, boundMs, suspects: await this.#suspects() };
  }

  /**
   * Notes how a recovery ended that was measured from a moment on.
   *
   * Entries that were near two crashes run alone, as the contract allows: what runs beside them has to end first, and
   * nothing else starts meanwhile. The bound is widened by what those take that were there.
   */
  async recovered(begun: RecoveryInProgress, ms: number | null, from: number): Promise<void> {
    const { suspects: before, ...rest } = begun;
    const late = before !== null && ms !== null && ms > rest.boundMs;
    const suspects = late ? Math.max(before, await this.#suspects()) : before ?? 0;
    const loneMs = suspects * 2 * MAX_WORK_MS;
    const recovery = { ...rest, ms, loneMs, slackMs: SLACK_MS + this.stalls.since(from) };
    this.recoveries.push(recovery);
    if (kept(recovery)) return;
    const { round, fault, owed, boundMs, slackMs } = recovery;
    const bound = `${boundMs} + ${loneMs} for ${suspects} lone runs + ${slackMs} ms slack`;
    const [total, , , holders] = await this.command(["XPENDING", NAMES.stream, NAMES.group]) as Pending;
    const held = (holders ?? []).map((holder) => holder.join(":")).join(" ");
    this.complaints.push(`round ${round}, ${fault}: ${owed} after ${ms} ms, bound ${bound}; ${total} pending: ${held}`);
  }

  /** Entries that run alone. */
  async #suspects(): Promise<number> {
    const records = await this.command(["HVALS", `{${NAMES.stream}}:${NAMES.group}:records`]) as string[];
    return records.filter((record) => {
      const { soloCrashes = 0, sharedCrashes = 0, suspicions = 0 } = JSON.parse(record).history ?? {};
      return soloCrashes > 0 || sharedCrashes + suspicions > 1;
    }).length;
  }

  /** Events that a process holds, read from Redis; those that nobody handles left out. */
  async heldBy(replica: string): Promise<HeldEvent[]> {
    const { stream, group } = NAMES;
    const held: HeldEvent[] = [];
    const consumers = await this.command(["XINFO", "CONSUMERS", stream, group]) as string[][];
    for (const [, name = ""] of consumers) {
      if (!name.startsWith(`${replica}-`)) continue;
      const rows = await this.command(["XPENDING", stream, group, "-", "+", 5_000, name]) as string[][];
      for (const [entryId = ""] of rows) held.push(...await this.handledEvent(entryId));
    }
    return held;
  }

  /** The event of an entry, as a list of none or one: none where it has no handler. */
  async handledEvent(entryId: string): Promise<HeldEvent[]> {
    const rows = await this.command(["XRANGE", NAMES.stream, entryId, entryId]) as [string, string[]][];
    const fields = rows[0]?.[1] ?? [];
    const type = fields[fields.indexOf("type") + 1];
    if (type === "effect.quiet") return [];
    return [{
      id: String(fields[fields.indexOf("id") + 1]),
      keyed: type !== "effect.loud" && fields.includes("subject"),
    }];
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
