/**
 * From the configured topology to the resolver that knows it.
 * @module
 */
import type { Clock } from "../../../clock.ts";
import type { RedisConfig } from "../../../config/types.ts";
import { ClusterResolver } from "./cluster.ts";
import { type EndpointResolver, staticResolver } from "./endpoint.ts";
import type { LinkOpener } from "./live_link.ts";
import { SentinelResolver } from "./sentinel.ts";

/**
 * The resolver that the topology wants.
 * @throws {TypeError} `embedded`: its place is known only to who runs the server; give the manager a resolver.
 */
export function resolverFor(config: RedisConfig, opener: LinkOpener, clock: Clock): EndpointResolver {
  const { topology } = config;
  const share = (servers: number): number => Math.max(250, Math.floor(config.connectionTimeoutMs / (servers + 1)));
  switch (topology.kind) {
    case "single":
      return staticResolver(topology.address);
    case "unix":
      return staticResolver({ path: topology.path });
    case "sentinel": {
      const deps = { opener, clock, askTimeoutMs: share(topology.sentinels.length) };
      return new SentinelResolver(topology.sentinels, topology.master, deps);
    }
    case "cluster":
      return new ClusterResolver(topology.nodes, { opener, clock, askTimeoutMs: share(topology.nodes.length) });
    case "embedded":
      throw new TypeError("Cannot resolve the embedded Redis from its folder: wanted a resolver for its socket");
  }
}
