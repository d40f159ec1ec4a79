import { parkedConformance, runConformance } from "../../../testing/conformance/run.ts";
import { CAPABILITIES, openHarness, openKeepingHarness } from "./test_harness.ts";

runConformance({ name: "redis", open: () => openHarness(), can: CAPABILITIES });

// What a process keeps of the entries that it parked changes nothing that can be seen.
runConformance({ name: "redis, keeping", open: openKeepingHarness, can: CAPABILITIES, only: parkedConformance });
