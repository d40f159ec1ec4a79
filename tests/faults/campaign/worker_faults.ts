/**
 * Faults of replicas: struck, and how soon what they held runs elsewhere.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";
import { firstFresh } from "./broker_faults.ts";
import type { WorkerFault } from "./plan.ts";
import { lookFor } from "./recovery.ts";
import { NAMES, type Replica, SETTINGS } from "./replica.ts";
import type { HeldEvent, World } from "./world.ts";

/** A fault at work. */
interface Strike {
  readonly world: World;
  readonly round: number;
  readonly replica: Replica;
  /** When the broker fault of the same round was healed; null where there is none. */
  readonly healed: Promise<number> | null;
}

/** What a dead replica held runs elsewhere within the lease and this, ms. */
const TAKEOVER_BOUND_MS = SETTINGS.leaseMs + 2_000;
/** A connection that was lost is back after this, ms; then nobody is judged for a full lease. */
const RECONNECT_BOUND_MS = 3_000;
const HAND_BACK_BOUND_MS = 1_000;
const EXIT_BOUND_MS = SETTINGS.shutdownTimeoutMs + SETTINGS.commandTimeoutMs + 1_000;
/** What the victim had sent may still be under way to Redis, and settle what it held, ms. */
const DRAIN_MS = 100;

/** Strikes one replica and waits until everything has recovered. */
export async function strikeWorker(
  world: World,
  round: number,
  fault: WorkerFault,
  healed: Promise<number> | null,
): Promise<void> {
  const strike = { world, round, replica: world.replicas[fault.replica]!, healed };
  await sleep(systemClock, fault.afterMs);
  switch (fault.kind) {
    case "kill":
      return await kill(strike, fault.downMs);
    case "stop":
      return await stop(strike, SETTINGS.leaseMs + fault.pastLeaseMs);
    case "term":
      return await terminate(strike, fault.downMs);
  }
}

async function kill(strike: Strike, downMs: number): Promise<void> {
  const { replica } = strike;
  const who = replica.name;
  const at = Date.now();
  replica.signal("SIGKILL");
  await replica.exited(5_000);
  const restarted = sleep(systemClock, downMs).then(() => replica.restart());
  await runsElsewhere(strike, "worker kill", { who, at });
  await restarted;
}

/** The stopped one comes back as a zombie, which may still believe that it holds what others have taken over. */
async function stop(strike: Strike, stoppedMs: number): Promise<void> {
  const { world, round, replica, healed } = strike;
  const who = replica.name;
  const at = Date.now();
  replica.signal("SIGSTOP");
  const awake = sleep(systemClock, stoppedMs).then(() => {
    replica.signal("SIGCONT");
    return Date.now();
  });
  await runsElsewhere(strike, "worker stop", { who, at }, awake);
  const since = Math.max(await awake, await healed ?? 0);
  const begun = await world.recovering(round, "worker stop", "the zombie works again", RECONNECT_BOUND_MS);
  await world.recovered(begun, await firstFresh(world, who, since) - since, since);
}

/** Longer than dozens of entries take that run alone: who looks away sooner cannot tell late from never. */
const RUNS_LOOK_MS = 90_000;

/** Who was struck, and when. */
interface Victim {
  readonly who: string;
  readonly at: number;
}

/**
 * Waits until what the victim held runs elsewhere. What was running when it was struck may run one at a time: of that,
 * the first counts. What had not been started: the last, except for what has to wait for others of its key.
 */
async function runsElsewhere(
  { world, round, healed }: Strike,
  fault: string,
  { who, at }: Victim,
  awake: Promise<number> | null = null,
): Promise<void> {
  const since = Math.max(at, await healed ?? 0);
  await sleep(systemClock, DRAIN_MS);
  const held = await world.heldBy(who);
  world.handled.poll();
  const started = new Set(world.handled.lines.filter((line) => line.who === who).map((line) => line.id));
  const waiting = held.filter(({ id, keyed }) => !started.has(id) && !keyed);
  const running = held.filter(({ id }) => started.has(id));
  const boundMs = TAKEOVER_BOUND_MS + (healed === null ? 0 : RECONNECT_BOUND_MS);
  const begun = await world.recovering(round, fault, "what it held runs elsewhere", boundMs);
  const ids = new Set([...waiting, ...running].map(({ id }) => id));
  let woken = false;
  awake?.then(() => woken = true);
  const runs = await startsElsewhere(world, ids, who, at, (runs) => {
    const first = running.length === 0 || running.some(({ id }) => runs.has(id));
    return woken || (first && waiting.every(({ id }) => runs.has(id)));
  });
  const times = waiting.map(({ id }) => runs.get(id) ?? Infinity);
  if (running.length > 0) times.push(Math.min(...running.map(({ id }) => runs.get(id) ?? Infinity)));
  // A sleeper that wakes up before it is taken over goes on with what it holds, as it should.
  const judged = woken ? times.filter((time) => time !== Infinity) : times;
  const ms = judged.length === 0 ? null : Math.max(0, Math.max(...judged) - since);
  await world.recovered(begun, ms, since);
}

/** First start of each event in another process after a moment. Ends when `over` says so. */
async function startsElsewhere(
  world: World,
  ids: ReadonlySet<string>,
  who: string,
  at: number,
  over: (runs: ReadonlyMap<string, number>) => boolean,
): Promise<ReadonlyMap<string, number>> {
  const runs = new Map<string, number>();
  const { lines } = world.handled;
  // Lines of several files are not in the order of time: look a little further back.
  let index = Math.max(0, lines.length - 5_000);
  await lookFor(() => {
    for (; index < lines.length; index++) {
      const line = lines[index]!;
      if (line.step !== "start" || line.who === who || line.at < at || !ids.has(line.id)) continue;
      if (!runs.has(line.id)) runs.set(line.id, line.at);
    }
    return over(runs) || null;
  }, RUNS_LOOK_MS);
  return runs;
}

async function terminate(strike: Strike, downMs: number): Promise<void> {
  const { world, round, replica, healed } = strike;
  const at = Date.now();
  const who = replica.name;
  replica.signal("SIGTERM");
  const code = await replica.exited(30_000);
  const exitedAt = Date.now();
  await healed;
  const exit = { round, fault: "worker term", owed: "it exits", boundMs: EXIT_BOUND_MS, suspects: null };
  await world.recovered(exit, exitedAt - at, at);
  if (code !== 0 && !(code === 1 && healed !== null)) {
    world.complaints.push(`round ${round}, worker term: exit code ${code}: ${replica.output}`);
  }
  if (healed === null) await handedBack(strike, who, exitedAt);
  await sleep(systemClock, downMs);
  replica.restart();
}

/** Waits until what the replica gave back at its end, and what nobody has adopted yet, runs elsewhere. */
async function handedBack({ world, round }: Strike, who: string, exitedAt: number): Promise<void> {
  const orphans = `{${NAMES.stream}}:${NAMES.group}:orphans`;
  const free = await world.command(["ZRANGEBYSCORE", orphans, "-inf", exitedAt]) as string[];
  const events: HeldEvent[] = [];
  for (const ref of free) events.push(...await world.handledEvent(ref));
  const begun = await world.recovering(round, "worker term", "what it gave back runs elsewhere", HAND_BACK_BOUND_MS);
  const ids = events.filter(({ keyed }) => !keyed).map(({ id }) => id);
  const runs = await startsElsewhere(world, new Set(ids), who, exitedAt, (runs) => runs.size === ids.length);
  const ms = ids.length === 0 ? null : Math.max(...ids.map((id) => runs.get(id) ?? Infinity)) - exitedAt;
  await world.recovered(begun, ms, exitedAt);
}
