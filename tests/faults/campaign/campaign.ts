/**
 * The campaign: replicas work on a stream that producers fill while a seeded schedule of faults strikes Redis, the links
 * and the replicas; afterwards everything is healed, comes to rest, and a checker accounts for every event.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";
import { flowAgain, strikeBroker } from "./broker_faults.ts";
import { judge, type Verdict } from "./check.ts";
import { type CampaignSize, type Round, scheduleOf } from "./plan.ts";
import { Producers } from "./producers.ts";
import { lookFor, type Recovery } from "./recovery.ts";
import { buried, consumersLeft, remainsOf, rest, type Unfinished } from "./remains.ts";
import { strikeWorker } from "./worker_faults.ts";
import { NAMES } from "./replica.ts";
import { World } from "./world.ts";

/** What is run. */
export interface CampaignOptions extends CampaignSize {
  /** Same seed, same events and same faults. What the machine makes of them can differ. */
  readonly seed: number;
  /** Told about the progress. */
  readonly say?: (line: string) => void;
  /** Ends it after the round under way. */
  readonly signal?: AbortSignal;
}

/** What came out. */
export interface CampaignResult extends CampaignSize {
  readonly seed: number;
  readonly seconds: number;
  readonly published: number;
  readonly brokerStruck: number;
  readonly workerStruck: number;
  readonly processes: number;
  readonly verdict: Verdict;
  /** Entries that the service says a failover has lost. */
  readonly named: number;
  /** What is known of lost events, a line each. */
  readonly evidence: readonly string[];
  readonly left: Unfinished;
  readonly recoveries: readonly Recovery[];
  /** Everything that is not as it has to be, besides the classes. Empty: all is well. */
  readonly complaints: readonly string[];
}

const PRODUCERS = 20;
/** About how long a round takes, s: sets the pace of the producers, so that events last as long as faults do. */
const ROUND_SECONDS = 5;
/** A failed campaign is not dragged out. */
const MANY_COMPLAINTS = 25;

/** Runs a campaign. Everything it starts has ended when it returns. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const dir = await Deno.makeTempDir({ prefix: "fault-campaign-" });
  try {
    await using world = await World.open(dir, options.replicas, options.topology);
    return await runIn(world, options);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function runIn(world: World, options: CampaignOptions): Promise<CampaignResult> {
  const { seed, events, say = () => {}, signal } = options;
  const rounds = scheduleOf(seed, options);
  const polling = new AbortController();
  const poll = pollLedger(world, polling.signal);
  const producers = new Producers({
    port: async () => (await world.topology.owner(NAMES.stream)).port,
    ledger: world.producers,
    prefix: `e${seed}-`,
    count: PRODUCERS,
    rate: Math.ceil(events / (rounds.length * ROUND_SECONDS)),
  });
  world.onMoved = () => producers.moved();
  let struck = 0;
  try {
    struck = await runRounds(world, rounds, say, signal);
    say(`${world.seconds} s: ${struck} rounds over, ${world.producers.confirmed} events published`);
    producers.hurry();
    const filled = await lookFor(() => world.producers.confirmed >= events || null, 120_000);
    if (filled === null) world.complaints.push("the producers did not get rid of their events");
  } finally {
    await producers.stop();
    polling.abort();
    await poll;
  }
  return await conclude(world, options, rounds.slice(0, struck), say);
}

async function runRounds(
  world: World,
  rounds: readonly Round[],
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<number> {
  let told = 0;
  for (const [index, round] of rounds.entries()) {
    if (signal?.aborted) world.complaints.push("interrupted");
    if (signal?.aborted || world.complaints.length >= MANY_COMPLAINTS) return index;
    if (index % 10 === 0) say(`${world.seconds} s: round ${index} of ${rounds.length}, ${progressOf(world)}`);
    try {
      await runRound(world, index, round);
    } catch (error) {
      world.complaints.push(`round ${index}, ${JSON.stringify(round)}: ${error}`);
    }
    for (const complaint of world.complaints.slice(told)) say(complaint);
    told = world.complaints.length;
  }
  return rounds.length;
}

async function runRound(world: World, index: number, { broker, workers }: Round): Promise<void> {
  if (broker !== null) world.faults.push({ at: Date.now(), kind: broker.kind });
  const healed = broker === null ? null : strikeBroker(world, broker);
  const struck = workers.map((fault) => strikeWorker(world, index, fault, healed));
  const spared = new Set(workers.map((fault) => fault.replica));
  if (broker !== null && healed !== null) {
    struck.push(healed.then((at) => flowAgain(world, index, broker, at, spared)));
  }
  const outcomes = await Promise.allSettled(struck);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  await world.allReady();
}

async function conclude(
  world: World,
  options: CampaignOptions,
  rounds: readonly Round[],
  say: (line: string) => void,
): Promise<CampaignResult> {
  const { seed, events, replicas, brokerFaults, workerFaults } = options;
  await world.restored();
  const left = await rest(world, 60_000);
  say(`${world.seconds} s: at rest, ${JSON.stringify(left)}`);
  if (left.pending > 0) world.complaints.push(`still pending: ${await pendingRows(world)}`);
  // Who died holding nothing kept nobody from resting, and is seen to be dead when its lease is over. Later nobody would look.
  const dead = await buried(world, 30_000);
  if (dead.length > 0) world.complaints.push(`the dead are left: ${dead.join(", ")}`);
  await endReplicas(world);
  world.handled.poll();
  const { mayVanish } = world;
  const told = { published: world.producers.published(), handled: world.handled.lines, mayVanish };
  const verdict = judge({ ...told, ...await remainsOf(world) });
  say(`${world.seconds} s: judged`);
  const evidence = verdict.classes.lost.slice(0, MANY_COMPLAINTS).map((id) => evidenceOf(world, id));
  return {
    ...{ seed, events, replicas, brokerFaults, workerFaults, verdict, left },
    named: mayVanish ? world.namedLost : 0,
    evidence,
    seconds: world.seconds,
    published: world.producers.confirmed,
    brokerStruck: rounds.filter((round) => round.broker !== null).length,
    workerStruck: rounds.reduce((sum, round) => sum + round.workers.length, 0),
    processes: world.replicas.reduce((sum, replica) => sum + replica.starts, 0),
    recoveries: world.recoveries,
    complaints: world.complaints,
  };
}

function evidenceOf({ producers, handled, faults }: World, id: string): string {
  const invokedAt = producers.invokedAt(id) ?? 0;
  const since = faults.filter(({ at }) => at >= invokedAt).map(({ at, kind }) => `${kind} ${at - invokedAt} ms later`);
  const runs = handled.lines.filter((line) => line.id === id).map(({ who, step, at }) =>
    `${who} ${step} +${at - invokedAt}`
  );
  return `lost ${id}: ${runs.join(", ") || "never handled"}; ${since[0] ?? "no fault later"}`;
}

async function pendingRows(world: World): Promise<string> {
  const rows = await world.command(["XPENDING", NAMES.stream, NAMES.group, "-", "+", 5]) as unknown[][];
  const there = await Promise.all(rows.map(([id]) => world.command(["XRANGE", NAMES.stream, String(id), String(id)])));
  return rows.map((row, index) => `${row.join(" ")} ${(there[index] as unknown[]).length}`).join("; ");
}

async function endReplicas(world: World): Promise<void> {
  for (const replica of world.replicas) replica.signal("SIGTERM");
  for (const replica of world.replicas) {
    const code = await replica.exited(20_000);
    if (code !== 0) world.complaints.push(`at the end replica ${replica.index} exits ${code}: ${replica.output}`);
  }
  const names = await consumersLeft(world);
  if (names.length > 0) world.complaints.push(`consumers are left: ${names.join(", ")}`);
}

async function pollLedger(world: World, signal: AbortSignal): Promise<void> {
  while (await sleep(systemClock, 10, signal)) world.handled.poll();
}

function progressOf(world: World): string {
  return `${world.producers.confirmed} published, ${world.complaints.length} complaints`;
}

/** True where nothing at all is wrong. */
export function passed({ verdict, named, left, complaints, events, published }: CampaignResult): boolean {
  const { lost, phantom, corrupt, duplicate, both } = verdict.classes;
  const wrong = [phantom, corrupt, duplicate, both, verdict.strays, complaints];
  return published >= events && lost.length <= named && wrong.every((list) => list.length === 0) &&
    Object.values(left).every((n) => n === 0);
}
