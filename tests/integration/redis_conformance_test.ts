/** The Redis store keeps every promise of the port on one server, over the connections that the service has. */
import { startSingle } from "../../testing/topology.ts";
import { conformanceOn } from "../topologies/support_conformance.ts";

conformanceOn("redis", () => startSingle());
