/**
 * What the tests of this folder share: a configuration, a manager with a record of its happenings, and stand-in links.
 * @module
 */
import { type Clock, systemClock } from "../../../clock.ts";
import type { RedisConfig } from "../../../config/types.ts";
import { type Happening, Happenings } from "../../../happenings.ts";
import { FakeClock } from "../../../../testing/fake_clock.ts";
import type { Arg, Reply } from "../channel.ts";
import type { StoreError } from "./errors.ts";
import type { LiveLink } from "./live_link.ts";
import { type ManagerOptions, RedisConnectionManager } from "./manager.ts";
import { RetrySchedule } from "./retry.ts";
import { type ChannelDeps, SelfHealingChannel } from "./self_healing_channel.ts";

/** A `link` happening. */
export type LinkHappening = Extract<Happening, { kind: "link" }>;

/** A configuration with short times, for one server on the loopback. */
export function testConfig(port: number, changes: Partial<RedisConfig> = {}): RedisConfig {
  return {
    topology: { kind: "single", address: { host: "127.0.0.1", port } },
    user: null,
    password: null,
    passwordFile: null,
    db: 0,
    tls: null,
    connectionTimeoutMs: 2_000,
    commandTimeoutMs: 1_000,
    retryDelaysMs: [5_000, 15_000, 30_000],
    maxRetryAttempts: 0,
    ...changes,
  };
}

/** A manager and everything that it said. */
export interface Watched extends AsyncDisposable {
  readonly manager: RedisConnectionManager;
  readonly happenings: Happenings;
  readonly links: LinkHappening[];
  readonly secrets: string[];
}

/** Makes a manager on the real clock; not started. */
export function watch(config: RedisConfig, options: Partial<ManagerOptions> = {}): Watched {
  const happenings = new Happenings();
  const links: LinkHappening[] = [];
  const secrets: string[] = [];
  happenings.listen((happening) => {
    if (happening.kind === "link") links.push(happening);
  });
  const manager = new RedisConnectionManager({
    config,
    clock: systemClock,
    random: () => 0.5,
    happenings,
    clientName: "test",
    onSecret: (secret) => secrets.push(secret),
    ...options,
  });
  return { manager, happenings, links, secrets, [Symbol.asyncDispose]: () => manager.close(1_000) };
}

/** A link whose replies the test decides. */
export class FakeLink implements LiveLink {
  readonly clientId = 7;
  readonly sent: (readonly Arg[])[] = [];
  /** What comes next; without an entry a command stays unanswered. */
  readonly replies: (Reply | Error)[] = [];
  destroyed = 0;
  #rejects: ((error: Error) => void)[] = [];
  #listeners: ((error: StoreError) => void)[] = [];
  #loss: StoreError | null = null;
  readonly #onDestroy: Error;

  /** @param onDestroy What commands in flight reject with. */
  constructor(onDestroy: Error = new Error("destroyed")) {
    this.#onDestroy = onDestroy;
  }

  send(args: readonly Arg[]): Promise<Reply> {
    this.sent.push(args);
    const reply = this.replies.shift();
    if (reply instanceof Error) return Promise.reject(reply);
    if (reply !== undefined) return Promise.resolve(reply);
    return new Promise((_, reject) => this.#rejects.push(reject));
  }

  destroy(): void {
    this.destroyed++;
    for (const reject of this.#rejects.splice(0)) reject(this.#onDestroy);
  }

  onLost(listener: (error: StoreError) => void): void {
    if (this.#loss === null) this.#listeners.push(listener);
    else listener(this.#loss);
  }

  /** The network takes it. */
  lose(error: StoreError): void {
    this.#loss = error;
    for (const listener of this.#listeners.splice(0)) listener(error);
  }
}

/** A channel on a fake clock, with links that the test makes. */
export interface Bench {
  readonly clock: FakeClock;
  readonly channel: SelfHealingChannel;
  readonly happenings: Happenings;
  readonly links: LinkHappening[];
  /** Calls of connect and of probe so far. */
  readonly calls: { connect: number; probe: number };
}

/** @param connect What each attempt does. @param changes Other parts of the channel. */
export function bench(
  connect: (signal: AbortSignal, attempt: number) => Promise<LiveLink>,
  changes: Partial<ChannelDeps> = {},
): Bench {
  const clock = new FakeClock();
  const happenings = new Happenings();
  const links: LinkHappening[] = [];
  const calls = { connect: 0, probe: 0 };
  happenings.listen((happening) => {
    if (happening.kind === "link") links.push(happening);
  });
  const deps: ChannelDeps = {
    clock: clock as Clock,
    happenings,
    schedule: new RetrySchedule([5_000, 15_000, 30_000], () => 0.5),
    attemptTimeoutMs: 10_000,
    commandTimeoutMs: 5_000,
    maxAttempts: 0,
    probe: () => Promise.resolve(false),
    ...changes,
    connect: (signal) => connect(signal, ++calls.connect),
  };
  const { probe } = deps;
  const counted = { ...deps, probe: (signal: AbortSignal) => (calls.probe++, probe(signal)) };
  return { clock, happenings, links, calls, channel: new SelfHealingChannel("command", counted) };
}
