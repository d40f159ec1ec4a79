/**
 * What a consumer and its parts are made of.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import type { Event } from "../events/event.ts";
import type { Happenings } from "../happenings.ts";
import type { HandlerLogger } from "../handling/define.ts";
import type { Registry } from "../handling/registry.ts";
import type { StreamStore } from "../store/port.ts";
import type { Tracing } from "../tracing.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Membership } from "./membership.ts";
import type { Publisher } from "./publisher.ts";

/** Settings of a consumer, from the configuration. */
export interface ConsumerSettings {
  /** Most entries held. */
  readonly maxHeld: number;
  readonly ordering: "key" | "none";
  readonly handlerTimeoutMs: number;
  readonly maxDeliveries: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  /** 0: off. */
  readonly dedupWindowMs: number;
  /** Most entries parked by this consumer before it reads no more. */
  readonly maxParked: number;
}

/** What a consumer is made of. */
export interface ConsumerOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly registry: Registry;
  readonly membership: Membership;
  readonly dispatcher: Dispatcher;
  readonly deadlines: Deadlines;
  readonly publisher: Publisher;
  readonly settings: ConsumerSettings;
  readonly logger: (event: Event, attempt: number, traceparent: string) => HandlerLogger;
  /** Takes secrets out of what handlers throw: it is kept in the store and shown to people. Default: as it is. */
  readonly redact?: (text: string) => string;
  /** Null, the default: nothing traces. */
  readonly tracing?: Tracing | null;
}
