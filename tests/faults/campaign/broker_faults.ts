/**
 * Faults of the broker and of the links to it: struck, healed, and how soon the replicas go on.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";
import { waitFor } from "../../../testing/wait.ts";
import type { BrokerFault } from "./plan.ts";
import { lookFor } from "./recovery.ts";
import { NAMES, type Replica, SETTINGS } from "./replica.ts";
import type { World } from "./world.ts";

/** Events flow again within this time after a fault was healed, ms. */
const FLOW_BOUND_MS = 3_000;
/** Looking on beyond the bound tells late from never. */
export const LOOK_MS = 30_000;

/**
 * Strikes and heals.
 * @returns When it was healed, epoch ms. A connection that fell silent for good counts as healed when the service has
 * to have noticed.
 */
export async function strikeBroker(world: World, fault: BrokerFault): Promise<number> {
  const redis = world.topology.servers[0]!;
  switch (fault.kind) {
    case "kill":
      await redis.kill9();
      await pause(fault.downMs);
      await redis.start();
      return Date.now();
    case "stop":
      redis.stop();
      await pause(fault.stoppedMs);
      redis.cont();
      return Date.now();
    case "client_kill":
      for (let time = 0; time < fault.times; time++) {
        await killClients(world);
        await pause(fault.everyMs);
      }
      return Date.now();
    case "owner_kill":
    case "owner_stop":
    case "failover":
    case "migrate":
      return await strikeOwner(world, fault);
    default:
      return await strikeLinks(world, fault);
  }
}

/** With Sentinel only the service's: sentinels whose own connections end again and again think that the server is down. */
async function killClients(world: World): Promise<void> {
  if (world.topology.kind !== "sentinel") {
    await world.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    return;
  }
  for (const [, id = ""] of String(await world.command(["CLIENT", "LIST"])).matchAll(/^id=(\d+) .* name=redis-/gm)) {
    await world.command(["CLIENT", "KILL", "ID", id]);
  }
}

type OwnerFault = Extract<BrokerFault, { kind: "owner_kill" | "owner_stop" | "failover" | "migrate" }>;

/** Whoever has the stream loses it to another one; what is left of it comes back while everything goes on. */
async function strikeOwner(world: World, fault: OwnerFault): Promise<number> {
  const { topology } = world;
  const { stream } = NAMES;
  await world.restored();
  const owner = await topology.owner(stream);
  const struckAt = Date.now();
  switch (fault.kind) {
    case "owner_kill":
      await owner.kill9();
      break;
    case "owner_stop":
      owner.stop();
      break;
    case "failover":
      await topology.failover?.(stream);
      break;
    case "migrate":
      await topology.migrate?.(stream, () => pause(fault.everyMs));
  }
  await waitFor(async () => await topology.owner(stream) !== owner, { timeoutMs: 20_000, what: "another owner" });
  world.onMoved();
  world.restore(async () => {
    owner.cont();
    await owner.start();
    await topology.whole();
  });
  // A silent connection is noticed by what it does not answer.
  return Math.max(Date.now(), fault.kind === "owner_stop" ? struckAt + SETTINGS.commandTimeoutMs : 0);
}

type LinkFault = Extract<BrokerFault, { replicas: readonly number[] }>;

async function strikeLinks(world: World, fault: LinkFault): Promise<number> {
  const links = fault.replicas.flatMap((index) => world.replicas[index]!.link ?? []);
  const proxies = links.map((link) => link.proxy);
  switch (fault.kind) {
    case "half_open":
      await Promise.all(links.map((link) => link.freeze()));
      return Date.now() + SETTINGS.commandTimeoutMs;
    case "blackhole":
      for (const proxy of proxies) proxy.set({ kind: "blackhole", direction: fault.direction });
      await pause(fault.silentMs);
      break;
    case "reset":
      for (const proxy of proxies) proxy.set({ kind: "cutAfter", bytes: fault.bytes });
      await pause(fault.lastsMs);
      break;
    case "flap":
      for (let time = 0; time < fault.times; time++) {
        for (const proxy of proxies) proxy.set({ kind: time % 2 === 0 ? "refuse" : "rst" });
        await pause(fault.everyMs);
        for (const proxy of proxies) proxy.heal();
        await pause(fault.everyMs);
      }
  }
  for (const proxy of proxies) proxy.heal();
  return Date.now();
}

/** Which replicas a fault concerns. */
export function struckBy(world: World, fault: BrokerFault): readonly Replica[] {
  return "replicas" in fault ? fault.replicas.map((index) => world.replicas[index]!) : world.replicas;
}

/**
 * Waits until each replica has started an event that was published after the healing: no store of entries read before
 * can make it look alive. The slowest counts.
 */
export async function flowAgain(
  world: World,
  round: number,
  fault: BrokerFault,
  healedAt: number,
  spared: ReadonlySet<number>,
): Promise<void> {
  const replicas = struckBy(world, fault).filter(({ index }) => !spared.has(index));
  const begun = await world.recovering(round, `broker ${fault.kind}`, "events flow again", FLOW_BOUND_MS);
  const times = await Promise.all(replicas.map(({ name }) => firstFresh(world, name, healedAt)));
  for (const replica of replicas) await replica.link?.sweep();
  const ms = times.length === 0 ? null : Math.max(...times) - healedAt;
  await world.recovered(begun, ms, healedAt);
}

/** When a process first started an event that was published after a moment; infinite when it did not. */
export async function firstFresh(world: World, who: string, since: number): Promise<number> {
  await pause(Math.max(0, since - Date.now()));
  const { lines } = world.handled;
  // A little further back: some may have been read since.
  let at = Math.max(0, lines.length - 5_000);
  const found = await lookFor(() => {
    for (; at < lines.length; at++) {
      const line = lines[at]!;
      if (line.who === who && (world.producers.invokedAt(line.id) ?? 0) >= since) return line.at;
    }
    return null;
  }, LOOK_MS);
  return found ?? Infinity;
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await sleep(systemClock, ms);
}
