/**
 * What the terminal face is given by its composition.
 * @module
 */
import type { AdminCore } from "../admin/core.ts";
import type { Diagnosis } from "../admin/doctor.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/types.ts";
import type { EventInit } from "../events/event.ts";
import type { BatchReceipt } from "../stream/publisher.ts";

/** A connection to Redis and what can be done over it. */
export interface CliBackend extends AsyncDisposable {
  readonly core: AdminCore;
  /** Publishes one event. Errors as {@link Publisher.publishAll}. */
  publish(event: EventInit): Promise<BatchReceipt>;
  /** Examines the server. */
  diagnose(): Promise<Diagnosis>;
}

/** Everything. */
export interface CliDeps {
  /** Reads and checks the settings. @throws {ConfigError} */
  readonly config: () => Config;
  /** Connects, or fails in a bounded time. @throws {ServiceError} */
  readonly connect: (config: Config) => Promise<CliBackend>;
  readonly clock: Clock;
  /** Ends what goes on for ever. */
  readonly signal: AbortSignal;
  /** Writes to standard output, or standard error. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** What one command works with. */
export interface CommandContext {
  readonly deps: CliDeps;
  readonly json: boolean;
  /** One document: as JSON, or as text for people. */
  readonly print: (document: unknown, text: () => string) => void;
  /** Connects for as long as the work takes. */
  readonly withBackend: <T>(work: (backend: CliBackend) => Promise<T>) => Promise<T>;
}
