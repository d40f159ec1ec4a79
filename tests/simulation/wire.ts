/**
 * A simulated connection to the store, with what connections do: commands are executed and answered in order, late or
 * not at all; a lost answer ends the connection, and with it every other command under way.
 * @module
 */
import { type RedisCause, StoreRefusedError, StoreUnavailableError } from "../../src/errors.ts";
import type { Happenings } from "../../src/happenings.ts";
import type { Dice } from "./dice.ts";
import type { SimProcess } from "./process.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How likely each fate of a call is. What is left over passes within a few milliseconds. */
export interface Weather {
  /** Takes up to 1.5 s longer. */
  readonly slow: number;
  /** Fails before it is sent: surely not executed. */
  readonly rejected: number;
  /** Executed, and the answer is lost with the connection. */
  readonly lostReply: number;
  /** The connection goes silent: time-out, then executed late or never. */
  readonly silent: number;
  /** Answered with an error reply. */
  readonly refused: number;
}

/** Nothing goes wrong. */
export const CALM: Weather = { slow: 0, rejected: 0, lostReply: 0, silent: 0, refused: 0 };

/** What a wire is made of. */
export interface WireOptions {
  readonly world: VirtualClock;
  readonly process: SimProcess;
  readonly dice: Dice;
  readonly happenings: Happenings;
  readonly channel: string;
  readonly weather: () => Weather;
  readonly trace: (line: string) => void;
}

/** One command. */
export interface Command<T> {
  readonly name: string;
  /** `late`: true from the moment at which nobody waits for the answer any more. */
  readonly execute: (late: () => boolean) => Promise<T>;
  /** A living process never sends this twice, so that it may also be executed long after its connection was lost. */
  readonly mayBeLate: boolean;
  /** The answer has reached the process. */
  readonly answered?: (answer: T) => void;
  /** The server notices that nobody waits for the answer any more. */
  readonly endServerSide?: () => void;
}

interface InFlight {
  readonly name: string;
  executed: boolean;
  /** The caller has its answer or its error. */
  over: boolean;
  cancelExecution: (() => void) | null;
  readonly mayBeLate: boolean;
  readonly execute: () => void;
  readonly fail: (error: Error) => void;
  readonly endServerSide: () => void;
}

const COMMAND_TIMEOUT_MS = 1_000;
/** How much later than the loss of its connection, ms, a command may still reach the server: retransmissions of a closed socket. */
export const LATEST_MS = 3_000;
const STEP_MS = 0.001;
const REFUSALS: readonly RedisCause[] = ["loading", "busy", "cluster_down", "readonly"];

/** See the module's text. */
export class Wire {
  readonly #o: WireOptions;
  readonly #inFlight = new Set<InFlight>();
  #downUntilMs = 0;
  #silent = false;
  #healed = false;
  #lastExecutionMs = 0;
  #lastReplyMs = 0;

  /** @param options See {@link WireOptions}. */
  constructor(options: WireOptions) {
    this.#o = options;
  }

  /** Sends a command. Never settles once the process is dead. */
  call<T>(command: Command<T>): Promise<T> {
    const { process, world } = this.#o;
    if (process.state === "dead") return new Promise(() => {});
    const down = world.monotonic() < this.#downUntilMs;
    const fate = down ? "rejected" : this.#fate();
    return new Promise<T>((resolve, reject) => {
      if (fate === "rejected") return this.#soon(() => reject(unavailable("connection", command.name, false)));
      if (fate === "refused") {
        const cause = this.#o.dice.pick(REFUSALS);
        return this.#soon(() => reject(new StoreRefusedError(cause, `${command.name}: refused (${cause})`)));
      }
      this.#send(command, fate, resolve, reject);
    });
  }

  /** Ends the connection: whatever is under way fails with an unknown outcome. Back after `downMs`. */
  break(cause: "connection" | "timeout", downMs: number): void {
    const { world, process, happenings, channel, dice, trace } = this.#o;
    if (process.state === "dead") return;
    trace(`${channel} lost (${cause}) for ${downMs.toFixed(0)} ms`);
    const now = world.monotonic();
    // What went wrong before the weather was fine may come out after it, but nothing stays away any more.
    this.#downUntilMs = Math.max(this.#downUntilMs, now + (this.#healed ? 0 : downMs));
    this.#silent = false;
    // In order: what still arrives of a closed socket arrives as it was sent.
    const later = dice.chance(0.5) ? dice.between(0, LATEST_MS) : null;
    this.#abandon(cause, later);
    process.deliver(() => happenings.emit({ kind: "link", channel, state: "lost", cause }));
    world.after(this.#downUntilMs - now, () => {
      if (world.monotonic() < this.#downUntilMs) return;
      process.deliver(() => happenings.emit({ kind: "link", channel, state: "ready" }));
    });
  }

  /** The process died: the server sees the connection close, or not yet; what was sent arrives or not. */
  cut(): void {
    this.#abandon("connection", this.#o.dice.chance(0.5) ? this.#o.dice.between(0, LATEST_MS) : null);
  }

  /** The weather is fine from now on: a silent connection is found out at once. */
  heal(): void {
    this.#healed = true;
    this.#downUntilMs = Math.min(this.#downUntilMs, this.#o.world.monotonic());
    if (this.#silent) return this.break("timeout", 0);
    const { process, happenings, channel } = this.#o;
    process.deliver(() => happenings.emit({ kind: "link", channel, state: "ready" }));
  }

  #fate(): "passes" | "slow" | "rejected" | "lostReply" | "silent" | "refused" {
    const weather = this.#o.weather();
    let roll = this.#o.dice.next();
    for (const fate of ["slow", "rejected", "lostReply", "silent", "refused"] as const) {
      if (roll < weather[fate]) return fate;
      roll -= weather[fate];
    }
    return "passes";
  }

  #send<T>(
    command: Command<T>,
    fate: "passes" | "slow" | "lostReply" | "silent",
    resolve: (value: T) => void,
    reject: (error: Error) => void,
  ): void {
    const { process, world } = this.#o;
    const call: InFlight = {
      name: command.name,
      executed: false,
      over: false,
      cancelExecution: null,
      mayBeLate: command.mayBeLate,
      execute: () => {
        call.executed = true;
        const answer = (tell: () => void): void => this.#answer(call, fate, tell);
        command.execute(() => call.over).then((value) =>
          answer(() => {
            command.answered?.(value);
            resolve(value);
          }), (error) => answer(() => reject(error)));
      },
      fail: (error) => process.deliver(() => reject(error)),
      endServerSide: () => command.endServerSide?.(),
    };
    this.#inFlight.add(call);
    if (fate === "silent" && !this.#silent) this.#goSilent();
    if (this.#silent) return;
    const dueMs = Math.max(world.monotonic() + this.#delayMs(fate), this.#lastExecutionMs + STEP_MS);
    this.#lastExecutionMs = dueMs;
    call.cancelExecution = world.after(dueMs - world.monotonic(), () => call.execute());
  }

  #goSilent(): void {
    this.#silent = true;
    this.#o.trace(`${this.#o.channel} goes silent`);
    this.#o.world.after(COMMAND_TIMEOUT_MS, () => {
      if (this.#silent) this.break("timeout", this.#o.dice.between(0, 300));
    });
  }

  #answer(call: InFlight, fate: string, tell: () => void): void {
    if (call.over) return;
    const { world, process, dice } = this.#o;
    const dueMs = Math.max(world.monotonic() + this.#delayMs("passes"), this.#lastReplyMs + STEP_MS);
    this.#lastReplyMs = dueMs;
    world.after(dueMs - world.monotonic(), () => {
      // A connection that went silent meanwhile carries nothing: the break that follows tells the caller.
      if (call.over || this.#silent) return;
      if (fate === "lostReply") return this.break("connection", dice.between(0, dice.chance(0.2) ? 4_000 : 300));
      call.over = true;
      this.#inFlight.delete(call);
      process.deliver(tell);
    });
  }

  #abandon(cause: "connection" | "timeout", laterMs: number | null): void {
    const { world, process, dice } = this.#o;
    let order = 0;
    for (const call of this.#inFlight) {
      call.over = true;
      call.fail(unavailable(cause, call.name, true));
      if (call.executed) {
        if (dice.chance(0.7)) call.endServerSide();
        continue;
      }
      call.cancelExecution?.();
      const arrives = call.mayBeLate || process.state === "dead";
      if (laterMs !== null && arrives) world.after(laterMs + STEP_MS * order++, () => call.execute());
    }
    this.#inFlight.clear();
  }

  #soon(tell: () => void): void {
    this.#o.world.after(this.#o.dice.between(0, 1), () => this.#o.process.deliver(tell));
  }

  #delayMs(fate: string): number {
    const { dice } = this.#o;
    if (fate === "slow") return dice.between(5, 900);
    return dice.between(0.05, dice.chance(0.1) ? 20 : 1);
  }
}

function unavailable(cause: "connection" | "timeout", name: string, outcomeUnknown: boolean): StoreUnavailableError {
  return new StoreUnavailableError(cause, `${name}: ${outcomeUnknown ? "the answer was lost" : "not sent"}`, {
    outcomeUnknown,
  });
}
