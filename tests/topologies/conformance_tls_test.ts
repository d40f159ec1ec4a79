/** The Redis store keeps every promise of the port behind mutual TLS, as the least user. */
import { startTls } from "../../testing/topology.ts";
import { conformanceOn } from "./support_conformance.ts";

conformanceOn("tls", () => startTls());
