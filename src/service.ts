/**
 * The service as a part of another program.
 * @module
 */
import type { EventInit } from "./events/event.ts";
import type { Handler, Schedule } from "./handling/define.ts";
import type { Receipt } from "./stream/publisher.ts";

/** What {@link createService} is given. */
export interface ServiceOptions {
  /** Settings as in docs/configuration.md, `{ SERVICE_PORT: "0" }`. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What `defineHandler` and `defineSchedule` returned: a list, or a module that exports them. Default: `HANDLERS`. */
  readonly handlers?: readonly (Handler | Schedule)[] | Readonly<Record<string, unknown>>;
}

/** A running service. Disposing it drains: what runs may finish, what was not settled is handed back. */
export interface Service extends AsyncDisposable {
  /** Where HTTP listens, `http://host:port`. */
  readonly url: string;
  /** Port of HTTP. */
  readonly port: number;
  /** Resolves when events flow; rejects when the service was stopped first. */
  readonly ready: Promise<void>;
  /**
   * Publishes one event to the first stream.
   * @throws {StoreUnavailableError} Redis is not usable, or did not answer in time (`outcomeUnknown`).
   * @throws {StoreRefusedError} Redis refuses writes. @throws {ServiceError} `event_invalid`, `event_too_large`.
   */
  publish(event: EventInit): Promise<Receipt>;
  /** Stops in order. Idempotent. @returns 0, or 1 when something held could not be handed back. */
  stop(): Promise<number>;
}

/**
 * Starts the whole service inside this program: HTTP, consumers, schedules.
 *
 * @throws {ServiceError} `config_invalid`, `handlers_invalid`, `embedded_redis`; or the port cannot be had.
 * @example
 * ```ts ignore
 * import { createService, defineHandler } from "redis-stream-service";
 *
 * const hello = defineHandler({ type: "hello", handle: (event) => console.log(event.data) });
 * await using service = await createService({ env: { REDIS_URL: "redis://localhost", SERVICE_PORT: "0" }, handlers: [hello] });
 * await service.ready;
 * await service.publish({ type: "hello", data: { to: "you" } });
 * ```
 */
export async function createService(options: ServiceOptions = {}): Promise<Service> {
  // Loaded here, so that a module of handlers that only defines some does not load the engine.
  const { openService } = await import("./boot.ts");
  return await openService(options);
}
