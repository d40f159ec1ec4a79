/**
 * A simulated operating-system process: it runs, is suspended, or is dead. Timers and replies reach it only while it
 * runs; while it is suspended they pile up, and a dead one never hears of anything again.
 * @module
 */
import type { Clock } from "../../src/clock.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** See the module's text. Also the clock that the process's own code is given. */
export class SimProcess implements Clock {
  readonly #world: VirtualClock;
  readonly #backlog: (() => void)[] = [];
  #state: "running" | "suspended" | "dead" = "running";
  #wallOffsetMs = 0;
  /** Why it died; null while it lives. */
  causeOfDeath: string | null = null;

  /** @param world The one clock of the simulation. */
  constructor(world: VirtualClock) {
    this.#world = world;
  }

  /** `running`, `suspended` or `dead`. */
  get state(): "running" | "suspended" | "dead" {
    return this.#state;
  }

  /** Wall clock of this machine, whole ms; it may be wrong. */
  now(): number {
    return Math.floor(this.#world.now() + this.#wallOffsetMs);
  }

  /** As {@link Clock.monotonic}. */
  monotonic(): number {
    return this.#world.monotonic();
  }

  /** As {@link Clock.after}; fires only while the process runs. */
  after(ms: number, callback: () => void): () => void {
    let live = true;
    const cancel = this.#world.after(ms, () => this.deliver(() => live && callback()));
    return () => {
      live = false;
      cancel();
    };
  }

  /** Steps this machine's wall clock. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Something reaches the process from outside. */
  deliver(callback: () => void): void {
    if (this.#state === "running") callback();
    else if (this.#state === "suspended") this.#backlog.push(callback);
  }

  /** SIGSTOP, a frozen virtual machine, or a wedged event loop. */
  suspend(): void {
    if (this.#state === "running") this.#state = "suspended";
  }

  /** What piled up reaches it now, each in a turn of its own. */
  resume(): void {
    if (this.#state !== "suspended") return;
    this.#state = "running";
    for (const callback of this.#backlog.splice(0)) this.#world.after(0, () => this.deliver(callback));
  }

  /** Ends for good. */
  die(cause: string): void {
    this.#state = "dead";
    this.causeOfDeath ??= cause;
    this.#backlog.length = 0;
  }
}
