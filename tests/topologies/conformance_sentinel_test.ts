/** The Redis store keeps every promise of the port with Sentinel. */
import { startSentinel } from "../../testing/redis_sentinel.ts";
import { conformanceOn } from "./support_conformance.ts";

conformanceOn("sentinel", () => startSentinel());
