/**
 * Faults of replicas: struck, and how soon what they held runs elsewhere.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";
import { firstFresh } from "./broker_faults.ts";
import type { WorkerFault } from "./plan.ts";
import { lookFor } from "./recovery.ts";
import { NAMES, type Replica, SETTINGS } from "./replica.ts";
import type { World } from "./world.ts";

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
/** Looking on beyond the bound tells late from never. */
const LOOK_MS = 20_000;

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
  const { pid, consumerPrefix } = replica;
  const at = Date.now();
  replica.signal("SIGKILL");
  await replica.exited(5_000);
  const restarted = sleep(systemClock, downMs).then(() => replica.restart());
  await runsElsewhere(strike, "worker kill", { pid, consumerPrefix, at });
  await restarted;
}

/** The stopped one comes back as a zombie, which may still believe that it holds what others have taken over. */
async function stop(strike: Strike, stoppedMs: number): Promise<void> {
  const { world, round, replica, healed } = strike;
  const { pid, consumerPrefix } = replica;
  const at = Date.now();
  replica.signal("SIGSTOP");
  const awake = sleep(systemClock, stoppedMs).then(() => {
    replica.signal("SIGCONT");
    return Date.now();
  });
  await runsElsewhere(strike, "worker stop", { pid, consumerPrefix, at }, awake);
  const since = Math.max(await awake, await healed ?? 0);
  const ms = await firstFresh(world, pid, since) - since;
  const owed = "the zombie works again";
  world.recovered({ round, fault: "worker stop", owed, ms, boundMs: RECONNECT_BOUND_MS }, since);
}

/** Who was struck, and when. */
interface Victim {
  readonly pid: number;
  readonly consumerPrefix: string;
  readonly at: number;
}

/**
 * Waits until what the victim held runs elsewhere. What was running when it was struck may run one at a time: of that,
 * the first counts. What had not been started: the last.
 */
async function runsElsewhere(
  { world, round, healed }: Strike,
  fault: string,
  { pid, consumerPrefix, at }: Victim,
  awake: Promise<number> | null = null,
): Promise<void> {
  const since = Math.max(at, await healed ?? 0);
  const held = await world.heldBy(consumerPrefix);
  world.handled.poll();
  const started = new Set(world.handled.lines.filter((line) => line.pid === pid).map((line) => line.id));
  const waiting = held.filter((id) => !started.has(id));
  const running = held.filter((id) => started.has(id));
  let woken = false;
  awake?.then(() => woken = true);
  const runs = await startsElsewhere(world, new Set(held), pid, at, () => woken);
  const times = waiting.map((id) => runs.get(id) ?? Infinity);
  if (running.length > 0) times.push(Math.min(...running.map((id) => runs.get(id) ?? Infinity)));
  // A sleeper that wakes up before it is taken over goes on with what it holds, as it should.
  const judged = woken ? times.filter((time) => time !== Infinity) : times;
  const ms = judged.length === 0 ? null : Math.max(0, Math.max(...judged) - since);
  const boundMs = TAKEOVER_BOUND_MS + (healed === null ? 0 : RECONNECT_BOUND_MS);
  world.recovered({ round, fault, owed: "what it held runs elsewhere", ms, boundMs }, since);
}

/** First start of each event in another process after a moment. Ends early when the sleeper is awake. */
async function startsElsewhere(
  world: World,
  ids: ReadonlySet<string>,
  pid: number,
  at: number,
  over: () => boolean,
): Promise<ReadonlyMap<string, number>> {
  const runs = new Map<string, number>();
  const { lines } = world.handled;
  // Lines of several files are not in the order of time: look a little further back.
  let index = Math.max(0, lines.length - 5_000);
  await lookFor(() => {
    for (; index < lines.length; index++) {
      const line = lines[index]!;
      if (line.step !== "start" || line.pid === pid || line.at < at || !ids.has(line.id)) continue;
      if (!runs.has(line.id)) runs.set(line.id, line.at);
    }
    return runs.size === ids.size || over() ? true : null;
  }, LOOK_MS);
  return runs;
}

async function terminate(strike: Strike, downMs: number): Promise<void> {
  const { world, round, replica, healed } = strike;
  const at = Date.now();
  const { pid } = replica;
  replica.signal("SIGTERM");
  const code = await replica.exited(30_000);
  const exitedAt = Date.now();
  const owed = "it exits";
  world.recovered({ round, fault: "worker term", owed, ms: exitedAt - at, boundMs: EXIT_BOUND_MS }, at);
  if (code !== 0 && !(code === 1 && healed !== null)) {
    world.complaints.push(`round ${round}, worker term: exit code ${code}: ${replica.output}`);
  }
  if (healed === null) await handedBack(strike, pid, exitedAt);
  await sleep(systemClock, downMs);
  replica.restart();
}

/** Waits until what the replica gave back at its end, and what nobody has adopted yet, runs elsewhere. */
async function handedBack({ world, round }: Strike, pid: number, exitedAt: number): Promise<void> {
  const orphans = `{${NAMES.stream}}:${NAMES.group}:orphans`;
  const free = await world.redis.command(["ZRANGEBYSCORE", orphans, "-inf", exitedAt]) as string[];
  const ids: string[] = [];
  for (const ref of free) ids.push(...await world.handledEvent(ref));
  const runs = await startsElsewhere(world, new Set(ids), pid, exitedAt, () => false);
  const ms = ids.length === 0 ? null : Math.max(...ids.map((id) => runs.get(id) ?? Infinity)) - exitedAt;
  const owed = "what it gave back runs elsewhere";
  world.recovered({ round, fault: "worker term", owed, ms, boundMs: HAND_BACK_BOUND_MS }, exitedAt);
}
