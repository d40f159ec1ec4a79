/**
 * Events that flow through real services over HTTP while their Redis fails over, and the reckoning afterwards: what was
 * confirmed to the publisher, what is there, what became of it, and what the services say that the store lost.
 * @module
 */
import assert from "node:assert/strict";
import { sleep, systemClock } from "../../src/clock.ts";
import type { TestRedis } from "../../testing/redis_server.ts";
import { getJson, type ServiceProcess, startServiceProcess, status } from "../../testing/service_process.ts";
import { commandOn, type TestTopology } from "../../testing/topology.ts";
import { waitFor } from "../../testing/wait.ts";

export const STREAM = "event-stream";
export const GROUP = "redis-stream-service";

/** Services in these tests: short waits, and budgets that a single crash would use up. */
export const SETTINGS: Readonly<Record<string, string>> = {
  HANDLERS: "./tests/topologies/handlers.ts",
  COMMAND_TIMEOUT: "2000",
  CONNECTION_TIMEOUT: "2000",
  RETRY_BACKOFF: "100",
  LEASE_MS: "6000",
  MAX_DELIVERIES: "1",
  ADMIN_TOKEN: "an-admin-token-for-these-tests",
};

/** Starts so many services on a topology. Their ends are on the stack. */
export async function startServices(
  stack: AsyncDisposableStack,
  topology: TestTopology,
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly { readonly process: ServiceProcess; readonly url: string }[]> {
  const processes = Array.from(
    { length: count },
    () => stack.use(startServiceProcess({ env: { ...topology.env, ...SETTINGS, ...env } })),
  );
  return await Promise.all(processes.map(async (process) => ({ process, url: await process.ready() })));
}

/** How fast events come, and in which batches. */
const BATCH = 20;
const EVERY_MS = 20;

/** About 1,000 events a second over HTTP. No request is repeated: what was not confirmed is left in doubt. */
export class Load {
  /** Ids that were confirmed. */
  readonly confirmed: string[] = [];
  /** Ids without a confirmation. */
  readonly doubtful: string[] = [];
  /** Answers by status; 0: none. */
  readonly answers = new Map<number, number>();
  readonly #url: string;
  readonly #prefix: string;
  readonly #stopping = new AbortController();
  readonly #requests = new Set<Promise<void>>();
  readonly #work: Promise<void>;
  #next = 0;

  /** Starts it. @param prefix What ids begin with. */
  constructor(url: string, prefix = "e") {
    this.#url = url;
    this.#prefix = prefix;
    this.#work = this.#run();
  }

  /** Waits until so many more are confirmed. */
  async flows(more: number): Promise<void> {
    const from = this.confirmed.length;
    await waitFor(() => this.confirmed.length >= from + more, {
      timeoutMs: 20_000,
      what: `${more} more events to be confirmed (${Deno.inspect(this.answers)})`,
    });
  }

  /** Stops, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
    await Promise.all(this.#requests);
  }

  async #run(): Promise<void> {
    while (await sleep(systemClock, EVERY_MS, this.#stopping.signal)) {
      // A service that hangs answers within its own bounds; a pile of requests would test something else.
      if (this.#requests.size >= 50) continue;
      const request: Promise<void> = this.#send().finally(() => this.#requests.delete(request));
      this.#requests.add(request);
    }
  }

  async #send(): Promise<void> {
    const ids = Array.from({ length: BATCH }, () => `${this.#prefix}${this.#next++}`);
    const events = ids.map((id) => ({ specversion: "1.0", id, source: "load", type: "load.item", data: { id } }));
    const status = await getJson(`${this.#url}/events`, {
      method: "POST",
      headers: { "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(events),
    }).then((answer) => answer.status, () => 0);
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    (status === 202 ? this.confirmed : this.doubtful).push(...ids);
  }
}

/** What a stream holds at the end. */
export interface Remains {
  /** Items, how often each is there. */
  readonly items: ReadonlyMap<string, number>;
  /** Effects by the item that they are of. */
  readonly effects: ReadonlyMap<string, number>;
  /** When each effect was written, by the server's clock, epoch ms, ascending. */
  readonly effectTimes: readonly number[];
  readonly letters: number;
}

/** Waits until the group has nothing left to do in these streams. */
export async function atRest(topology: TestTopology, streams: readonly string[] = [STREAM]): Promise<void> {
  await waitFor(async () => {
    for (const stream of streams) {
      const groups = await commandOn(topology, stream, ["XINFO", "GROUPS", stream]) as (string | number)[][];
      const group = groups.find((fields) => fields[1] === GROUP);
      if (group === undefined || group[5] !== 0) return false;
      const last = String(group[7]);
      const next = await commandOn(topology, stream, ["XRANGE", stream, `(${last}`, "+", "COUNT", 1]) as unknown[];
      const outbox = `{${stream}}:${GROUP}:outbox`;
      if (next.length > 0 || await commandOn(topology, stream, ["XLEN", outbox]) !== 0) return false;
    }
    return true;
  }, { timeoutMs: 30_000, everyMs: 50, what: "the group to have nothing left to do" });
}

/** Reads a stream that items, and effects, are in. */
export async function remainsOf(topology: TestTopology, stream = STREAM): Promise<Remains> {
  const items = new Map<string, number>();
  const effects = new Map<string, number>();
  const effectTimes: number[] = [];
  const owner = await topology.owner(stream);
  for (let start = "-";;) {
    const page = await owner.command(["XRANGE", stream, start, "+", "COUNT", 500]) as [string, string[]][];
    for (const [id, fields] of page) {
      const field = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
      const effect = field("type") === "load.effect";
      const of = effect ? String(JSON.parse(field("data")).of) : field("id");
      const counts = effect ? effects : items;
      counts.set(of, (counts.get(of) ?? 0) + 1);
      if (effect) effectTimes.push(Number(id.split("-")[0]));
    }
    if (page.length < 500) break;
    start = `(${page.at(-1)![0]}`;
  }
  const letters = Number(await owner.command(["XLEN", `{${stream}}:${GROUP}:dlq`]));
  return { items, effects, effectTimes, letters };
}

/** Entries that these services say the store has lost, by cause. */
export async function namedLosses(services: readonly { readonly url: string }[]): Promise<Record<string, number>> {
  const causes: Record<string, number> = {};
  for (const { url } of services) {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
    for (const [, cause = "", count] of text.matchAll(/^stream_store_lost_total\{.*cause="(\w+)".*\} (\d+)$/gm)) {
      causes[cause] = (causes[cause] ?? 0) + Number(count);
    }
  }
  return causes;
}

/** Waits until so many losses are named: the services look once a second. @returns What is named. */
export async function namedAtLeast(
  services: readonly { readonly url: string }[],
  count: number,
): Promise<Record<string, number>> {
  return await waitFor(async () => {
    const named = await namedLosses(services);
    return Object.values(named).reduce((total, one) => total + one, 0) >= count && named;
  }, { everyMs: 100, what: `${count} lost events to be named` });
}

/** What became of a load. */
export interface Reckoning {
  readonly confirmed: number;
  /** Confirmed and not there. */
  readonly lost: number;
  readonly named: Readonly<Record<string, number>>;
  readonly answers: ReadonlyMap<number, number>;
}

/**
 * Every event that is there has exactly one effect, no effect is of anything else, nobody died of it, and what is missing
 * is named.
 */
export async function reckon(
  topology: TestTopology,
  services: readonly { readonly url: string }[],
  load: Load,
): Promise<Reckoning> {
  await atRest(topology);
  const { items, effects, letters } = await remainsOf(topology);
  const missing = load.confirmed.filter((id) => !items.has(id));
  const twice = [...items, ...effects].filter(([, count]) => count > 1);
  const without = [...items.keys()].filter((id) => !effects.has(id));
  const phantom = [...effects.keys()].filter((id) => !items.has(id));
  const strangers = [...items.keys()].filter((id) => !id.startsWith("e"));
  assert.deepEqual({ twice, without, phantom, strangers, letters }, {
    twice: [],
    without: [],
    phantom: [],
    strangers: [],
    letters: 0,
  });
  const named = await namedAtLeast(services, missing.length);
  return { confirmed: load.confirmed.length, lost: missing.length, named, answers: load.answers };
}

/** Waits until another server owns the stream. @returns When that was seen, epoch ms. */
export async function elected(topology: TestTopology, old: TestRedis): Promise<number> {
  await waitFor(async () => await topology.owner(STREAM) !== old, {
    timeoutMs: 20_000,
    everyMs: 10,
    what: "another primary",
  });
  return Date.now();
}

/** CONTRACT: the group goes on within 3 s of the election. A little for the poll of what is measured, ms. */
const FLOW_MS = 3_300;

/** A change of the primary under load. */
export interface Failover<T extends TestTopology> {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly strike: (topology: T, primary: TestRedis) => Promise<unknown>;
  /** Nothing that was confirmed may be lost. */
  readonly safe: boolean;
}

/** Runs one on a fresh topology with two services. @throws {AssertionError} A promise was broken. */
export async function survive<T extends TestTopology>(
  start: () => Promise<T>,
  { name, env = {}, strike, safe }: Failover<T>,
): Promise<void> {
  await using topology = await start();
  await using stack = new AsyncDisposableStack();
  const services = await startServices(stack, topology, 2, env);
  const old = await topology.owner(STREAM);
  const load = new Load(services[0]!.url);
  try {
    await load.flows(600);
    await strike(topology, old);
    const at = await elected(topology, old);
    for (const { url } of services) {
      await waitFor(() => status(`${url}/health/ready`, 200), { timeoutMs: FLOW_MS, what: "ready after the election" });
    }
    // The old primary may go on confirming for a while, and then takes it all back: the load lasts until the new one flows.
    await waitFor(async () => (await remainsOf(topology)).effectTimes.some((time) => time > at), {
      timeoutMs: 3 * FLOW_MS,
      everyMs: 100,
      what: "effects after the election",
    });
    await load.flows(400);
    await load.stop();
    const reckoning = await reckon(topology, services, load);
    const { effectTimes } = await remainsOf(topology);
    const flowMs = (effectTimes.find((time) => time > at) ?? Infinity) - at;
    show(name, { ...reckoning, flowMs });
    assert.ok(flowMs <= FLOW_MS, `the first effect after the election came after ${flowMs} ms`);
    if (safe) assert.equal(reckoning.lost, 0, "nothing that was confirmed is lost");
  } finally {
    await load.stop();
    old.cont();
  }
}

/** With `TOPOLOGY_SHOW=1`, figures for people. */
export function show(what: string, figures: unknown): void {
  if (Deno.env.get("TOPOLOGY_SHOW") !== "1") return;
  Deno.stderr.writeSync(new TextEncoder().encode(`${what}: ${Deno.inspect(figures, { breakLength: 200 })}\n`));
}

/** True where `TOPOLOGY_LONG=1` asks for what takes long. */
export const LONG = Deno.env.get("TOPOLOGY_LONG") === "1";
