/**
 * A channel: the place where commands are sent, whatever link is behind it at the moment.
 * @module
 */
import type { Clock } from "../../../clock.ts";
import { type RedisCause, ServiceError, StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import type { Happenings, LinkState } from "../../../happenings.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "../channel.ts";
import { deadline } from "./deadline.ts";
import { needsFreshLink, type StoreError } from "./errors.ts";
import { type KeeperDeps, LinkKeeper } from "./link_keeper.ts";
import type { LiveLink } from "./live_link.ts";

/** What a channel is made from. */
export interface ChannelDeps extends KeeperDeps {
  readonly clock: Clock;
  readonly happenings: Happenings;
  /** Default bound on one command, milliseconds. */
  readonly commandTimeoutMs: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * See {@link RedisChannel}. Says every change as a `link` happening: `connecting` once, `ready` with the number of
 * attempts that it took, `lost` without `attempt` when a link ends and with `attempt` for each failed one, `closing`.
 */
export class SelfHealingChannel implements RedisChannel {
  /** Unique for its manager. */
  readonly name: string;
  readonly #deps: ChannelDeps;
  readonly #keeper: LinkKeeper;
  readonly #waiters = new Set<Waiter>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #started = false;
  #state: LinkState = "connecting";
  #cause: RedisCause | null = null;
  #readyAtMs: number | null = null;
  #links = 0;
  #ended: ServiceError | null = null;

  /** Does no I/O. */
  constructor(name: string, deps: ChannelDeps) {
    this.name = name;
    this.#deps = deps;
    this.#keeper = new LinkKeeper(deps, {
      onReady: (attempt) => this.#onReady(attempt),
      onLost: (error, wait) => this.#onTrouble(error, wait.delayMs),
      onFailed: (error, wait, attempt) => this.#onTrouble(error, wait.delayMs, attempt),
      onGaveUp: (attempts) => this.#onGaveUp(attempts),
    });
  }

  /** @inheritdoc */
  get state(): LinkState {
    return this.#state;
  }

  /** @inheritdoc */
  get clientId(): number | null {
    return this.#keeper.live?.clientId ?? null;
  }

  /** @inheritdoc */
  get linkId(): number | null {
    return this.#keeper.live === null ? null : this.#links;
  }

  /** Why there is no link; null while there is one, and before the first attempt failed. */
  get cause(): RedisCause | null {
    return this.#cause;
  }

  /** When it last became ready, epoch milliseconds; null before the first time. */
  get lastReadyAt(): number | null {
    return this.#readyAtMs;
  }

  /** Begins to connect. Idempotent; never throws. */
  start(): void {
    if (this.#started || this.#ended !== null) return;
    this.#started = true;
    this.#emit("connecting");
    this.#keeper.start();
  }

  /** @inheritdoc */
  send(args: readonly Arg[], options: SendOptions = {}): Promise<Reply> {
    return this.#bounded(options, async (link) => {
      try {
        return await link.send(args, options.bytes ?? false, options);
      } catch (error) {
        this.#judge(link, error);
        throw error;
      }
    });
  }

  /** @inheritdoc */
  pipeline(
    commands: readonly (readonly Arg[])[],
    options: SendOptions = {},
  ): Promise<readonly (Reply | StoreRefusedError)[]> {
    const one = async (link: LiveLink, args: readonly Arg[]): Promise<Reply | StoreRefusedError> => {
      try {
        return await link.send(args, options.bytes ?? false, options);
      } catch (error) {
        if (error instanceof StoreRefusedError) return error;
        throw error;
      }
    };
    return this.#bounded(options, async (link) => {
      const replies = await Promise.all(commands.map((args) => one(link, args)));
      // Judged when all have come: a fresh link would cost those that are still on their way their answer.
      for (const reply of replies) if (reply instanceof StoreRefusedError) this.#judge(link, reply);
      return replies;
    });
  }

  /** @inheritdoc */
  reset(reason: string): void {
    const { live } = this.#keeper;
    if (live !== null) this.#keeper.lose(live, new StoreUnavailableError("connection", `link given up: ${reason}`));
  }

  /** @inheritdoc */
  whenReady(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#state === "ready") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const onAbort = settle(() => reject(signal.reason));
      const waiter: Waiter = { resolve: settle(resolve), reject: (error) => settle(() => reject(error))() };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Resolves when nothing is in flight. Never rejects. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled([...this.#inFlight]);
  }

  /** Refuses what comes from now on; what is in flight may still end. Idempotent. */
  retire(): void {
    if (this.#state === "closing") return;
    this.#state = "closing";
    this.#emit("closing");
    this.#end(new StoreUnavailableError("connection", `using the Redis connection "${this.name}": it was closed`));
  }

  /** Ends the link at once; what is in flight rejects. Idempotent. */
  async close(): Promise<void> {
    this.retire();
    await this.#keeper.stop();
  }

  #bounded<T>({ timeoutMs, waitedMs = 0, linkId }: SendOptions, run: (link: LiveLink) => Promise<T>): Promise<T> {
    const link = this.#keeper.live;
    if (link === null || this.#ended !== null) return Promise.reject(this.#offline());
    if (linkId !== undefined && linkId !== this.#links) return Promise.reject(this.#replaced());
    const limitMs = Math.max(1, (timeoutMs ?? this.#deps.commandTimeoutMs) - waitedMs);
    const result = new Promise<T>((resolve, reject) => {
      const cancel = deadline(this.#deps.clock, limitMs, () => {
        const message = `waiting for a reply of Redis: none within ${limitMs} ms`;
        const error = new StoreUnavailableError("timeout", message, { outcomeUnknown: true });
        reject(error);
        this.#keeper.lose(link, error);
      });
      run(link).finally(cancel).then(resolve, reject);
    });
    this.#inFlight.add(result);
    const done = (): void => void this.#inFlight.delete(result);
    result.then(done, done);
    return result;
  }

  #judge(link: LiveLink, error: unknown): void {
    if (error instanceof StoreRefusedError && needsFreshLink(error)) this.#keeper.lose(link, error);
  }

  #offline(): ServiceError {
    if (this.#ended !== null) return this.#ended;
    const cause = this.#cause ?? "connection";
    return new StoreUnavailableError(cause, `using the Redis connection "${this.name}": found none that is ready`);
  }

  #replaced(): StoreUnavailableError {
    const message = `using one client of the Redis connection "${this.name}": found that another has taken its place`;
    return new StoreUnavailableError("connection", message);
  }

  #onReady(attempt: number): void {
    this.#links++;
    this.#state = "ready";
    this.#cause = null;
    this.#readyAtMs = this.#deps.clock.now();
    this.#emit("ready", { attempt });
    for (const waiter of this.#waiters) waiter.resolve();
  }

  #onTrouble(error: StoreError, retryInMs: number, attempt?: number): void {
    this.#cause = error.reason;
    if (this.#state === "closing") return;
    this.#state = "lost";
    const detail = { cause: error.reason, message: error.message, retryInMs };
    this.#emit("lost", attempt === undefined ? detail : { ...detail, attempt });
  }

  #onGaveUp(attempts: number): void {
    this.#end(
      new ServiceError("redis_gave_up", `connecting to Redis: gave up after ${attempts} failed attempts in a row`),
    );
    this.#deps.happenings.emit({ kind: "gave_up", attempts });
  }

  #end(error: ServiceError): void {
    this.#ended ??= error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  #emit(
    state: LinkState,
    detail: { cause?: RedisCause; message?: string; attempt?: number; retryInMs?: number } = {},
  ): void {
    this.#deps.happenings.emit({ kind: "link", channel: this.name, state, ...detail });
  }
}
