/**
 * The loop that keeps one link: attempt, hold, lose, wait, attempt.
 *
 * There is one loop a channel, and at most one link at a time; a link that was lost is destroyed and never used again.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import { within } from "./deadline.ts";
import { nobodyAnswered, type StoreError } from "./errors.ts";
import type { LiveLink } from "./live_link.ts";
import type { RetrySchedule, Wait } from "./retry.ts";

/** How often the address is probed while waiting, and the bound on one probe, milliseconds. */
export const PROBE_EVERY_MS = 1_000;

/** What the loop works with. */
export interface KeeperDeps {
  readonly clock: Clock;
  readonly schedule: RetrySchedule;
  /** Bound on one attempt, milliseconds: finding the address, connecting, shaking hands. */
  readonly attemptTimeoutMs: number;
  /** Failed attempts in a row after which the loop ends; 0: never. */
  readonly maxAttempts: number;
  /** Opens a fresh link. */
  readonly connect: (signal: AbortSignal) => Promise<LiveLink>;
  /** Whether the address takes connections. Never rejects. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
}

/** Told of every change, at once and in order. Must not throw. */
export interface KeeperObserver {
  /** A link is there. `attempt`: how many it took. */
  onReady(attempt: number): void;
  /** The link was lost. */
  onLost(error: StoreError, wait: Wait): void;
  /** An attempt failed; `attempt` in a row. */
  onFailed(error: StoreError, wait: Wait, attempt: number): void;
  /** The last allowed attempt failed; the loop has ended. */
  onGaveUp(attempts: number): void;
}

/** Keeps one link. Nothing happens before {@link LinkKeeper.start}. */
export class LinkKeeper {
  readonly #deps: KeeperDeps;
  readonly #observer: KeeperObserver;
  readonly #stopping = new AbortController();
  #live: LiveLink | null = null;
  #release: (wait: Wait) => void = () => {};
  #running: Promise<void> | null = null;

  /** @param observer Told of every change. */
  constructor(deps: KeeperDeps, observer: KeeperObserver) {
    this.#deps = deps;
    this.#observer = observer;
  }

  /** The link that is ready; null when there is none. */
  get live(): LiveLink | null {
    return this.#live;
  }

  /** Starts the loop. Idempotent; never throws. */
  start(): void {
    if (!this.#stopping.signal.aborted) this.#running ??= this.#run();
  }

  /** Destroys that link, unless it is gone already, and makes a fresh one. Synchronous. */
  lose(link: LiveLink, error: StoreError): void {
    if (this.#live !== link) return;
    const wait = this.#deps.schedule.lost(this.#deps.clock.monotonic());
    this.#live = null;
    this.#observer.onLost(error, wait);
    link.destroy();
    this.#release(wait);
  }

  /** Destroys the link and ends the loop. Idempotent; takes no longer than the loop needs to notice. */
  async stop(): Promise<void> {
    this.#stopping.abort(new StoreUnavailableError("connection", "connecting to Redis: the connection was closed"));
    this.#live?.destroy();
    this.#live = null;
    this.#release({ delayMs: 0, probe: false });
    await this.#running;
  }

  async #run(): Promise<void> {
    let wait: Wait | null = { delayMs: 0, probe: false };
    while (wait !== null && await this.#pause(wait)) {
      const outcome = await this.#attempt();
      if (this.#stopping.signal.aborted) {
        if (!(outcome instanceof Error)) outcome.destroy();
        return;
      }
      wait = outcome instanceof Error ? this.#failed(outcome) : await this.#hold(outcome);
    }
  }

  async #attempt(): Promise<LiveLink | StoreError> {
    const { clock, attemptTimeoutMs, connect } = this.#deps;
    const timedOut = (): Error =>
      new StoreUnavailableError("timeout", `connecting to Redis: not done within ${attemptTimeoutMs} ms`);
    try {
      return await within(clock, attemptTimeoutMs, this.#stopping.signal, timedOut, connect, (link) => link.destroy());
    } catch (error) {
      if (error instanceof StoreUnavailableError || error instanceof StoreRefusedError) return error;
      return new StoreUnavailableError("unknown", "connecting to Redis: failed in an unforeseen way", { cause: error });
    }
  }

  /** @returns Null when that was the last allowed attempt. */
  #failed(error: StoreError): Wait | null {
    const { schedule, maxAttempts } = this.#deps;
    const wait = schedule.failed(nobodyAnswered(error));
    this.#observer.onFailed(error, wait, schedule.failures);
    if (maxAttempts === 0 || schedule.failures < maxAttempts) return wait;
    this.#observer.onGaveUp(schedule.failures);
    return null;
  }

  /** Resolves when the link is lost. */
  #hold(link: LiveLink): Promise<Wait> {
    return new Promise((resolve) => {
      const attempt = this.#deps.schedule.failures + 1;
      this.#deps.schedule.ready(this.#deps.clock.monotonic());
      this.#live = link;
      this.#release = resolve;
      this.#observer.onReady(attempt);
      link.onLost((error) => this.lose(link, error));
    });
  }

  /** @returns False when stopped. */
  async #pause(wait: Wait): Promise<boolean> {
    const { signal } = this.#stopping;
    const { clock } = this.#deps;
    if (wait.delayMs === 0) return !signal.aborted;
    const endMs = clock.monotonic() + wait.delayMs;
    while (wait.probe && endMs - clock.monotonic() > PROBE_EVERY_MS) {
      if (!await sleep(clock, PROBE_EVERY_MS, signal)) return false;
      if (await this.#accepts()) return true;
    }
    return await sleep(clock, Math.max(0, endMs - clock.monotonic()), signal);
  }

  async #accepts(): Promise<boolean> {
    try {
      const late = (): Error => new StoreUnavailableError("timeout", "probing the address of Redis: no answer");
      return await within(this.#deps.clock, PROBE_EVERY_MS, this.#stopping.signal, late, this.#deps.probe);
    } catch {
      return false;
    }
  }
}
