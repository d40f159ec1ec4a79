/**
 * What the descriptions are made from, besides the routes.
 * @module
 */
import type { Handler, Schedule } from "../../handling/define.ts";

/** Known from the start. Nothing in it is secret. */
export interface ServiceFacts {
  readonly service: { readonly name: string; readonly version: string };
  /** The first is where the service publishes. */
  readonly streams: readonly string[];
  readonly group: string;
  /** False: this process only publishes. */
  readonly consuming: boolean;
  /** Which tokens are wanted. */
  readonly tokens: { readonly api: boolean; readonly admin: boolean };
}

/** Handlers and schedules; a `Registry` is one. */
export interface KnownHandlers {
  readonly handlers: readonly Handler[];
  readonly schedules: readonly Schedule[];
  /** The handler that an event of this type goes to. */
  find(type: string): Handler | null;
}

/** Everything that the routes of the descriptions need. */
export interface DescriptionSource extends ServiceFacts {
  /** Null: the handlers are not known yet. */
  readonly handlers: () => KnownHandlers | null;
}
