/**
 * The one error of a wrong configuration: it holds every problem, not only the first.
 * @module
 */
import { ServiceError } from "../errors.ts";
import type { ConfigProblem } from "./types.ts";

/**
 * The configuration cannot be used. `code` is `config_invalid`; the process ends with exit code 2.
 *
 * The message is one header line and one line for each problem, and holds no secret.
 */
export class ConfigError extends ServiceError {
  /** Every problem, at least one: single settings in the order of the documentation, then what does not fit together. */
  readonly problems: readonly ConfigProblem[];

  /** @param problems At least one, free of secrets. */
  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = problems.map(({ name, got, want }) => `  ${name}: got ${got}, want ${want}`);
    super("config_invalid", [`Reading the configuration from the environment: ${count}`, ...lines].join("\n"));
    this.problems = problems;
  }
}
