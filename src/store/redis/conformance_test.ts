import { runConformance } from "../../../testing/conformance/run.ts";
import { CAPABILITIES, openHarness } from "./test_harness.ts";

runConformance({ name: "redis", open: () => openHarness(), can: CAPABILITIES });
