/**
 * Redis Cluster for tests: primaries and their replicas, all of their own on the loopback.
 *
 * Each node starts with the whole cluster in its `nodes.conf`, so that nobody waits for them to meet.
 * @module
 */
import { slotOf, SLOTS } from "../src/store/redis/connection/slot.ts";
import { loginPart } from "./redis_acl.ts";
import { listenFree, startRedis, type TestRedis } from "./redis_server.ts";
import { hexId } from "./redis_sentinel.ts";
import type { TestTopology } from "./topology.ts";
import { waitFor } from "./wait.ts";

/** How it is started. */
export interface ClusterOptions {
  /** Default 3. */
  readonly primaries?: number;
  /** Of all primaries together, one each in turn. Default 3. */
  readonly replicas?: number;
  /** Silence after which a node counts as down, ms. Default 1000. */
  readonly nodeTimeoutMs?: number;
  /** Of every node. */
  readonly config?: Readonly<Record<string, string>>;
}

/** One node, as its line of `nodes.conf` has it. */
interface Place {
  readonly id: string;
  readonly port: number;
  readonly busPort: number;
  /** Index of its primary; null: it is one. */
  readonly of: number | null;
  readonly slots: readonly [number, number];
}

/** What a node says of itself. */
interface Claim {
  readonly node: TestRedis;
  readonly epoch: number;
  readonly ranges: readonly (readonly [number, number])[];
}

/** See the module's text. Made by {@link startCluster}. */
export class ClusterTopology implements TestTopology {
  readonly kind = "cluster";
  readonly env: Readonly<Record<string, string>>;
  readonly servers: readonly TestRedis[];
  readonly #stack: AsyncDisposableStack;

  /** Use {@link startCluster}. */
  constructor(servers: readonly TestRedis[], stack: AsyncDisposableStack) {
    this.servers = servers;
    this.#stack = stack;
    const [, user, password] = /^(.+):(.+)@$/.exec(loginPart()) ?? [];
    this.env = {
      REDIS_CLUSTER_NODES: servers.slice(0, 3).map(({ port }) => `127.0.0.1:${port}`).join(","),
      ...(user && password ? { REDIS_USER: user, REDIS_PW: password } : {}),
    };
  }

  /** Who says that it owns the key's slot; of several, whose claim is the newest. */
  async ownerNow(key: string): Promise<TestRedis | null> {
    const slot = slotOf(key);
    const claims = await Promise.all(this.servers.filter(({ running }) => running).map(claimOf));
    const owners = claims.filter((claim): claim is Claim =>
      claim !== null && claim.ranges.some(([first, last]) => first <= slot && slot <= last)
    );
    return owners.sort((a, b) => b.epoch - a.epoch)[0]?.node ?? null;
  }

  /** @inheritdoc */
  owner(key: string): Promise<TestRedis> {
    return waitFor(() => this.ownerNow(key), { timeoutMs: 15_000, everyMs: 20, what: `somebody to own ${key}` });
  }

  /** A node that follows this one. */
  async replicaOf(primary: TestRedis): Promise<TestRedis> {
    const id = await primary.cli("CLUSTER", "MYID");
    return await waitFor(async () => {
      for (const node of this.servers) {
        if (!node.running || node === primary) continue;
        if ((await node.cli("CLUSTER", "NODES")).includes(`myself,slave ${id}`)) return node;
      }
      return null;
    }, { timeoutMs: 15_000, everyMs: 50, what: "a replica of it" });
  }

  /** Asks for a failover of the key's primary, as an operator does. @returns The new one. */
  async failover(key: string): Promise<TestRedis> {
    const old = await this.owner(key);
    const replica = await this.replicaOf(old);
    await replica.command(["CLUSTER", "FAILOVER"]);
    await waitFor(async () => await this.ownerNow(key) === replica, {
      timeoutMs: 15_000,
      everyMs: 10,
      what: "the replica to take over",
    });
    return replica;
  }

  /**
   * Moves the key's slot to another primary, as resharding does: key by key, and then the owner is named.
   * @param between Called after each key that was moved.
   */
  async migrate(
    key: string,
    between: (moved: number) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<TestRedis> {
    const slot = slotOf(key);
    const from = await this.owner(key);
    const to = await this.#otherPrimary(from, slot);
    const [fromId, toId] = [await from.cli("CLUSTER", "MYID"), await to.cli("CLUSTER", "MYID")];
    // After a failover they may not know each other as primaries yet.
    const said = { timeoutMs: 5_000, what: "both nodes to agree to move the slot" };
    await waitFor(() => to.command(["CLUSTER", "SETSLOT", slot, "IMPORTING", fromId]), said);
    await waitFor(() => from.command(["CLUSTER", "SETSLOT", slot, "MIGRATING", toId]), said);
    for (let moved = 0;;) {
      const keys = await from.command(["CLUSTER", "GETKEYSINSLOT", slot, 1]) as string[];
      if (keys.length === 0) break;
      await from.command(["MIGRATE", "127.0.0.1", to.port, "", 0, 10_000, "KEYS", ...keys], { timeoutMs: 15_000 });
      await between(++moved);
    }
    await to.command(["CLUSTER", "SETSLOT", slot, "NODE", toId]);
    await from.command(["CLUSTER", "SETSLOT", slot, "NODE", toId]);
    for (const node of this.servers.filter((node) => node.running && node !== to && node !== from)) {
      await node.command(["CLUSTER", "SETSLOT", slot, "NODE", toId]).catch(() => {});
    }
    return to;
  }

  async #otherPrimary(one: TestRedis, slot: number): Promise<TestRedis> {
    return await waitFor(async () => {
      const claims = await Promise.all(this.servers.filter(({ running }) => running).map(claimOf));
      // One that was demoted and has not heard of it yet still claims the slot.
      const other = (claim: Claim | null): boolean =>
        claim !== null && claim.node !== one && claim.ranges.length > 0 &&
        !claim.ranges.some(([first, last]) => first <= slot && slot <= last);
      return claims.find(other)?.node;
    }, { timeoutMs: 15_000, what: "another primary" });
  }

  /** Waits until every node runs, says that all is well, and every replica follows. */
  async whole(): Promise<void> {
    await waitFor(async () => {
      for (const node of this.servers) {
        if (!(await node.cli("CLUSTER", "INFO")).includes("cluster_state:ok")) return false;
        const info = await node.cli("INFO", "replication");
        if (info.includes("role:slave") && !info.includes("master_link_status:up")) return false;
      }
      return true;
    }, { timeoutMs: 30_000, everyMs: 50, what: "the cluster to be whole" });
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Starts it; returns when it is whole. */
export async function startCluster(options: ClusterOptions = {}): Promise<ClusterTopology> {
  for (let attempt = 1;; attempt++) {
    try {
      return await tryCluster(options);
    } catch (error) {
      // The addresses are in every node's file: where one was taken, all are made anew.
      if (!String(error).includes("Address already in use") || attempt >= 5) throw error;
    }
  }
}

async function tryCluster(
  { primaries = 3, replicas = 3, nodeTimeoutMs = 1_000, config = {} }: ClusterOptions,
): Promise<ClusterTopology> {
  await using stack = new AsyncDisposableStack();
  const ports = freePorts(2 * (primaries + replicas));
  const places = Array.from({ length: primaries + replicas }, (_, index): Place => ({
    id: hexId(),
    port: ports[2 * index]!,
    busPort: ports[2 * index + 1]!,
    of: index < primaries ? null : index % primaries,
    slots: [Math.ceil(index * SLOTS / primaries), Math.ceil((index + 1) * SLOTS / primaries) - 1],
  }));
  const started = await Promise.allSettled(places.map((place) => startNode(places, place, nodeTimeoutMs, config)));
  for (const outcome of started) if (outcome.status === "fulfilled") stack.use(outcome.value);
  const nodes = started.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value.redis;
  });
  const cluster = new ClusterTopology(nodes, stack.move());
  try {
    await cluster.whole();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function startNode(
  places: readonly Place[],
  place: Place,
  nodeTimeoutMs: number,
  config: Readonly<Record<string, string>>,
): Promise<{ redis: TestRedis } & AsyncDisposable> {
  const dir = await Deno.makeTempDir({ prefix: "cluster-test-" });
  await Deno.writeTextFile(`${dir}/nodes.conf`, nodesFile(places, place));
  const settings = {
    "cluster-enabled": "yes",
    "cluster-port": String(place.busPort),
    "cluster-node-timeout": String(nodeTimeoutMs),
    "cluster-replica-validity-factor": "0",
    "cluster-allow-replica-migration": "no",
    "repl-diskless-load": "on-empty-db",
    ...config,
  };
  const remove = (): Promise<void> => Deno.remove(dir, { recursive: true }).catch(() => {});
  try {
    const redis = await startRedis({ dir, port: place.port, config: settings });
    return {
      redis,
      async [Symbol.asyncDispose](): Promise<void> {
        await redis[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function nodesFile(places: readonly Place[], own: Place): string {
  const lines = places.map((place, index) => {
    const flags = `${place === own ? "myself," : ""}${place.of === null ? "master" : "slave"}`;
    const primary = place.of === null ? "-" : places[place.of]!.id;
    const epoch = (place.of ?? index) + 1;
    const slots = place.of === null ? ` ${place.slots[0]}-${place.slots[1]}` : "";
    return `${place.id} 127.0.0.1:${place.port}@${place.busPort} ${flags} ${primary} 0 0 ${epoch} connected${slots}`;
  });
  return `${lines.join("\n")}\nvars currentEpoch ${places.length} lastVoteEpoch 0\n`;
}

async function claimOf(node: TestRedis): Promise<Claim | null> {
  const text = await node.command(["CLUSTER", "NODES"], { timeoutMs: 500 }).catch(() => "");
  const own = String(text).split("\n").find((line) => /\bmyself,master\b/.test(line));
  if (own === undefined) return null;
  const [, , , , , , epoch, , ...slots] = own.split(" ");
  const ranges = slots.filter((slot) => !slot.startsWith("[")).map((slot) => {
    const [first, last = first] = slot.split("-").map(Number);
    return [first!, last!] as const;
  });
  return { node, epoch: Number(epoch), ranges };
}

/** So many different ports that nobody listens on. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, listenFree);
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
