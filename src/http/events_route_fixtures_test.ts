/**
 * What the tests of `POST /events` share: the route with a real publisher over a memory store.
 * @module
 */
import { FakeClock } from "../../testing/fake_clock.ts";
import { decodeEntry } from "../events/codec.ts";
import type { Event } from "../events/event.ts";
import { type Happening, Happenings } from "../happenings.ts";
import { MemoryBroker } from "../store/memory/broker.ts";
import { MemoryStreamStore } from "../store/memory/memory_store.ts";
import type { Durability, StreamStore } from "../store/port.ts";
import { Publisher } from "../stream/publisher.ts";
import { eventsRoute } from "./events_route.ts";
import { fixture, type FixtureOptions, READY } from "./fixtures_test.ts";

/** What a test may choose. */
export interface EventsFixtureOptions extends Pick<FixtureOptions, "health" | "settings"> {
  readonly durability?: Durability;
  readonly dedupWindowMs?: number;
  /** Changes the store. */
  readonly wrap?: (store: StreamStore) => StreamStore;
}

/** The route, its clock and what it has published. */
export interface EventsFixture {
  readonly clock: FakeClock;
  readonly errors: readonly unknown[];
  readonly happenings: readonly Happening[];
  /** Asks `POST /events`. */
  readonly post: (body: BodyInit | null, headers: Record<string, string>, query?: string) => Promise<Response>;
  /** One structured event; `id` `e-1`, `source` `/tests`, `type` `t` unless given. */
  readonly structured: (event?: object, headers?: Record<string, string>, query?: string) => Promise<Response>;
  readonly batch: (events: unknown, headers?: Record<string, string>, query?: string) => Promise<Response>;
  readonly entries: () => readonly Event[];
  /** Moves delayed events that are due. */
  readonly promote: () => Promise<void>;
}

/** Every attribute that an event needs. */
export const MINIMAL = Object.freeze({ specversion: "1.0", id: "e-1", source: "/tests", type: "t" });

/** See {@link EventsFixture}. */
export function eventsFixture(options: EventsFixtureOptions = {}): EventsFixture {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock);
  const happenings: Happening[] = [];
  const bus = new Happenings();
  bus.listen((happening) => happenings.push(happening));
  const memory = new MemoryStreamStore({ broker, stream: "event-stream", group: "g" });
  const dedupWindowMs = options.dedupWindowMs ?? 600_000;
  const settings = {
    maxBodyBytes: 1_048_576,
    triggerRateLimit: 0,
    apiToken: null,
    retryAfterSeconds: () => 5,
    ...options.settings,
  };
  const publisher = new Publisher({
    store: options.wrap?.(memory) ?? memory,
    clock,
    happenings: bus,
    source: "service",
    maxBytes: settings.maxBodyBytes,
    dedupWindowMs,
    durability: options.durability ?? { level: "memory" },
  });
  const health = { live: () => true, ready: () => READY, report: () => fail(), ...options.health };
  const route = eventsRoute({ clock, health, settings, publisher, dedupWindowMs });
  const { ask, errors } = fixture({ routes: [route] });
  const post: EventsFixture["post"] = (body, headers, query = "") =>
    ask(`/events${query}`, { method: "POST", body, headers });
  const json = (type: string) => (value: unknown, headers: Record<string, string> = {}, query = "") =>
    post(JSON.stringify(value), { "content-type": type, ...headers }, query);
  const structured = json("application/cloudevents+json");
  return {
    clock,
    errors,
    happenings,
    post,
    structured: (event = {}, headers, query) => structured({ ...MINIMAL, ...event }, headers, query),
    batch: json("application/cloudevents-batch+json"),
    entries: () => broker.entries("event-stream").map(({ id, fields }) => eventOf(id, fields)),
    promote: async () => void await memory.promoteDelayed(100),
  };
}

function eventOf(id: string, fields: readonly Uint8Array[]): Event {
  const decoded = decodeEntry({ stream: "event-stream", id, fields });
  if (!decoded.ok) throw new Error(`an entry cannot be read: ${decoded.problem}`);
  return decoded.event;
}

function fail(): never {
  throw new Error("nobody asks for the report");
}
