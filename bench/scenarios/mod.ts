/**
 * Every scenario, in the order in which they run.
 * @module
 */
import type { Scenario } from "../lib/bench.ts";
import { clients } from "./clients.ts";
import { consume } from "./consume.ts";
import { idle } from "./idle.ts";

/** See the module's text. */
export const SCENARIOS: readonly Scenario[] = [consume, clients, idle];
