/**
 * Every scenario, in the order in which they run.
 * @module
 */
import type { Scenario } from "../lib/bench.ts";
import { clients } from "./clients.ts";
import { consume } from "./consume.ts";
import { backlog, both, start } from "./endurance.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { failing, order, replicas, sizes } from "./load_shapes.ts";
import { http, publish } from "./publish.ts";
import { systems } from "./systems.ts";

/** See the module's text. */
export const SCENARIOS: readonly Scenario[] = [
  ...[consume, systems, publish, http, latency, failing, order, replicas],
  ...[sizes, both, start, idle, clients, backlog],
];
