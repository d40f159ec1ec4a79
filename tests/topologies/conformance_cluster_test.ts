/** The Redis store keeps every promise of the port in a cluster. */
import { startCluster } from "../../testing/redis_cluster.ts";
import { conformanceOn } from "./support_conformance.ts";

conformanceOn("cluster", () => startCluster());
