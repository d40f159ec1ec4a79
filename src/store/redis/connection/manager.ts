/**
 * The one place where connections to Redis are made, healed and closed.
 * @module
 */
import type { Clock, Random } from "../../../clock.ts";
import type { RedisConfig } from "../../../config/types.ts";
import type { RedisCause } from "../../../errors.ts";
import type { Happenings, LinkState } from "../../../happenings.ts";
import type { RedisChannel } from "../channel.ts";
import { ClientOpener } from "./client.ts";
import { type Endpoint, type EndpointResolver, formatEndpoint } from "./endpoint.ts";
import { openWhereItIs } from "./follow.ts";
import type { LinkOpener, LiveLink } from "./live_link.ts";
import { type PlacedLink, watchPlace } from "./place_watch.ts";
import { accepts } from "./probe.ts";
import { RetrySchedule } from "./retry.ts";
import { SelfHealingChannel } from "./self_healing_channel.ts";
import { resolverFor } from "./topology.ts";
import { RespOpener } from "../resp/opener.ts";

/** Bound on disposal, milliseconds. */
const DISPOSE_MS = 1_000;

/** What the manager is made from. */
export interface ManagerOptions {
  readonly config: RedisConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Gets `link` and `gave_up`. */
  readonly happenings: Happenings;
  /** Names connections in `CLIENT LIST`: `clientName:channel`. */
  readonly clientName: string;
  /** Where Redis is. Default: what the topology says; the embedded Redis needs one given. */
  readonly resolver?: EndpointResolver;
  /** Told of each password before it is used, so that logs can redact it. May repeat itself. */
  readonly onSecret?: (secret: string) => void;
  /** Opens links. Default: node-redis. */
  readonly opener?: LinkOpener;
  /** Opens those of {@link RedisConnectionManager.blocking}. Default: `opener` where that is given, else our own. */
  readonly blockingOpener?: LinkOpener;
}

/** State of one channel, for health. */
export interface ChannelStatus {
  readonly name: string;
  readonly state: LinkState;
  /** Why it is not ready; null while it is. */
  readonly cause: RedisCause | null;
  /** When it last became ready, epoch milliseconds. */
  readonly lastReadyAt: number | null;
}

/**
 * Makes channels and keeps them connected until it is closed. Open connections and pending retries keep the process
 * alive; after {@link RedisConnectionManager.close} nothing of it does.
 *
 * @example
 * ```ts ignore
 * await using redis = new RedisConnectionManager({ config, clock, random, happenings, clientName: "orders" });
 * const channel = redis.command("{events}");
 * redis.start();
 * await channel.whenReady(signal);
 * await channel.send(["PING"]);
 * ```
 */
export class RedisConnectionManager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  readonly #opener: LinkOpener;
  readonly #blockingOpener: LinkOpener;
  readonly #resolver: EndpointResolver;
  readonly #commands = new Map<string, SelfHealingChannel>();
  readonly #blocking = new Map<string, SelfHealingChannel>();
  readonly #places = new Map<string, string>();
  readonly #watching = new AbortController();
  #watch: Promise<void> | null = null;
  #started = false;
  #closing: Promise<void> | null = null;

  /** Does no I/O. @throws {TypeError} The topology is `embedded` and no resolver is given. */
  constructor(options: ManagerOptions) {
    const { config, clock } = options;
    this.#options = options;
    this.#opener = options.opener ?? new ClientOpener(config, options.onSecret);
    this.#blockingOpener = options.blockingOpener ?? options.opener ??
      new RespOpener(config, options.onSecret);
    this.#resolver = options.resolver ?? resolverFor(config, this.#opener, clock);
  }

  /**
   * The channel for short commands on keys with this slot key. One for all keys, but in a cluster one a slot. The first
   * one that is asked for counts the attempts for `MAX_RETRY_ATTEMPTS`.
   * @param slotKey Any key of the group of keys, for its hash tag.
   */
  command(slotKey: string): RedisChannel {
    const group = this.#resolver.groupOf(slotKey);
    const name = group === "" ? "command" : `command-${group}`;
    const maxAttempts = this.#commands.size === 0 ? this.#options.config.maxRetryAttempts : 0;
    return this.#channel(this.#commands, name, slotKey, maxAttempts);
  }

  /** The channel of that name, for commands that block. Asked for again, the same one. */
  blocking(name: string, slotKey: string): RedisChannel {
    return this.#channel(this.#blocking, name, slotKey, 0);
  }

  /** Begins to connect, also what is asked for later. Returns at once, never throws. */
  start(): void {
    this.#started = true;
    for (const channel of this.#all()) channel.start();
    // In a cluster the old owner says so itself (`MOVED`).
    if (this.#resolver.wantsMaster && this.#resolver.moves) this.#watch ??= this.#watchPlaces();
  }

  /** `ready` when every channel is; else the state of the first that is not. */
  get state(): LinkState {
    if (this.#closing !== null) return "closing";
    const states = this.#all().map((channel) => channel.state);
    return states.length === 0 ? "connecting" : states.find((state) => state !== "ready") ?? "ready";
  }

  /** Why the first channel that is not ready is not; null when all are. */
  get lastCause(): RedisCause | null {
    return this.#all().map((channel) => channel.cause).find((cause) => cause !== null) ?? null;
  }

  /** When the first command channel last became ready, epoch milliseconds; null before. */
  get lastReadyAt(): number | null {
    return this.#all()[0]?.lastReadyAt ?? null;
  }

  /** Each channel, command channels first. */
  get channels(): readonly ChannelStatus[] {
    return this.#all().map(({ name, state, cause, lastReadyAt }) => ({ name, state, cause, lastReadyAt }));
  }

  /**
   * Refuses new commands, ends blocked reads, lets commands in flight end, then closes everything. Idempotent; never
   * rejects. What is in flight when the time is over rejects.
   * @param timeoutMs Longest wait for what is in flight.
   */
  close(timeoutMs: number): Promise<void> {
    return this.#closing ??= this.#close(timeoutMs);
  }

  /** {@link RedisConnectionManager.close} within a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(DISPOSE_MS);
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#watching.abort();
    for (const channel of this.#all()) channel.retire();
    const ends = [...this.#blocking.values()].map((channel) => channel.close());
    const commands = [...this.#commands.values()];
    await this.#atMost(timeoutMs, Promise.all(commands.map((channel) => channel.idle())));
    await Promise.all([this.#watch, ...ends, ...commands.map((channel) => channel.close())]);
  }

  async #atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(timeoutMs, over.resolve);
    await Promise.race([work, over.promise]);
    cancel();
  }

  #channel(
    channels: Map<string, SelfHealingChannel>,
    name: string,
    slotKey: string,
    maxAttempts: number,
  ): SelfHealingChannel {
    const known = channels.get(name);
    if (known !== undefined) return known;
    const channel = this.#make(name, slotKey, maxAttempts);
    channels.set(name, channel);
    if (this.#closing !== null) channel.retire();
    else if (this.#started) channel.start();
    return channel;
  }

  #make(name: string, slotKey: string, maxAttempts: number): SelfHealingChannel {
    const { config, clock, random, happenings } = this.#options;
    return new SelfHealingChannel(name, {
      clock,
      happenings,
      maxAttempts,
      schedule: new RetrySchedule(config.retryDelaysMs, random),
      attemptTimeoutMs: config.connectionTimeoutMs,
      commandTimeoutMs: config.commandTimeoutMs,
      connect: (signal) => this.#connect(name, slotKey, signal),
      probe: (signal) => this.#probe(slotKey, signal),
    });
  }

  #connect(name: string, slotKey: string, signal: AbortSignal): Promise<LiveLink> {
    const { clientName, clock } = this.#options;
    const options = { name: `${clientName}:${name}`, login: true, wantsMaster: this.#resolver.wantsMaster };
    const opener = this.#blocking.has(name) ? this.#blockingOpener : this.#opener;
    const open = async (endpoint: Endpoint, bounded: AbortSignal): Promise<LiveLink> => {
      const link = await opener.open(endpoint, options, bounded);
      this.#places.set(name, formatEndpoint(endpoint));
      return link;
    };
    return openWhereItIs(this.#resolver, slotKey, clock, open, signal);
  }

  #watchPlaces(): Promise<void> {
    const { clock } = this.#options;
    const links = (): readonly PlacedLink[] =>
      this.#all().map((channel) => ({
        place: channel.state === "ready" ? this.#places.get(channel.name) ?? null : null,
        reset: (reason) => channel.reset(reason),
      }));
    return watchPlace({ resolver: this.#resolver, clock, links }, this.#watching.signal);
  }

  async #probe(slotKey: string, signal: AbortSignal): Promise<boolean> {
    return await accepts(await this.#resolver.resolve(slotKey, signal), signal);
  }

  #all(): SelfHealingChannel[] {
    return [...this.#commands.values(), ...this.#blocking.values()];
  }
}
