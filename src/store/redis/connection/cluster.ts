/**
 * Finding the node that owns a key's slot.
 *
 * Every key of one stream has the stream's hash tag, so that one plain connection to the owner is all that is needed.
 * @module
 */
import type { Address } from "../../../config/types.ts";
import { StoreUnavailableError } from "../../../errors.ts";
import type { Reply } from "../channel.ts";
import type { Endpoint, EndpointResolver } from "./endpoint.ts";
import { ask, type AskDeps, firstAnswer } from "./live_link.ts";
import { slotOf } from "./slot.ts";

/** Most nodes that are remembered. */
const MOST_NODES = 100;

/** A range of slots and the nodes that serve it, the owner first. */
interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly nodes: readonly Address[];
}

/** Asks the nodes, the one that last answered first; learns the others from the answers. */
export class ClusterResolver implements EndpointResolver {
  /** A replica redirects every command by itself (`MOVED`). */
  readonly wantsMaster = false;
  /** A failover or a resharding names another one. */
  readonly moves = true;
  readonly #deps: AskDeps;
  readonly #seeds: readonly Address[];
  #nodes: readonly Address[];

  /** @param seeds At least one; never forgotten. */
  constructor(seeds: readonly Address[], deps: AskDeps) {
    this.#seeds = seeds;
    this.#nodes = seeds;
    this.#deps = deps;
  }

  /** Keys of one slot have one owner. */
  groupOf(slotKey: string): string {
    return String(slotOf(slotKey));
  }

  /** @inheritdoc */
  async resolve(slotKey: string, signal: AbortSignal): Promise<Endpoint> {
    const slot = slotOf(slotKey);
    const { node, ranges, owner } = await firstAnswer(this.#deps.clock, this.#nodes, async (node, bounded) => {
      const ranges = parseSlots(await ask(this.#deps, node, ["CLUSTER", "SLOTS"], true, bounded), node);
      const owner = ranges.find((range) => range.first <= slot && slot <= range.last)?.nodes[0];
      if (owner !== undefined) return { node, ranges, owner };
      throw new StoreUnavailableError("cluster_down", `asking the cluster for slot ${slot}: no node owns it`);
    }, signal);
    this.#learn(node, ranges);
    return owner;
  }

  #learn(answered: Address, ranges: readonly SlotRange[]): void {
    const known = new Map<string, Address>();
    for (const node of [answered, ...ranges.flatMap((range) => range.nodes), ...this.#seeds]) {
      if (known.size < MOST_NODES || this.#seeds.includes(node)) known.set(`${node.host} ${node.port}`, node);
    }
    this.#nodes = [...known.values()];
  }
}

/**
 * Reads a reply of `CLUSTER SLOTS`.
 * @param asked Stands in where the cluster names no host: "the one that you asked".
 */
export function parseSlots(reply: Reply, asked: Address): readonly SlotRange[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((range: Reply) => {
    if (!Array.isArray(range)) return [];
    const [first, last, ...nodes] = range as readonly Reply[];
    if (typeof first !== "number" || typeof last !== "number") return [];
    return [{ first, last, nodes: nodes.flatMap((node) => parseNode(node, asked)) }];
  });
}

/** A node without a known address (`?`) is left out. */
function parseNode(node: Reply, asked: Address): readonly Address[] {
  if (!Array.isArray(node)) return [];
  const [host, port] = node as readonly Reply[];
  if (typeof port !== "number" || host === "?") return [];
  return [{ host: typeof host === "string" && host !== "" ? host : asked.host, port }];
}
