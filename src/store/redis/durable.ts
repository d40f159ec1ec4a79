/**
 * Appends that wait until replicas or the disk have them. `WAIT` and `WAITAOF` hold their connection up, for up to a
 * second where the disk is written once a second; so what comes meanwhile is gathered and confirmed together.
 * @module
 */
import { DurabilityNotReachedError, type RedisCause, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Durability } from "../port.ts";
import type { Arg, RedisChannel, Reply } from "./channel.ts";
import { list, number } from "./codec.ts";
import { appendedOf } from "./items.ts";
import { type Answer, bySha, bySource, type ScriptCall } from "./runner.ts";

/** What can be waited for. */
export type Confirmation = Exclude<Durability, { level: "memory" }>;

interface Waiting {
  readonly call: ScriptCall;
  readonly confirmation: Confirmation;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

interface Doubt {
  readonly reason: RedisCause;
  readonly message: string;
}

/** Most appends that wait for their turn; more would wait for longer than anybody does. */
const MAX_WAITING = 1_000;
/** Most of one turn. */
const MAX_TOGETHER = 200;
/** What Redis may take to answer besides the wait itself: a quarter of that, and at least this, ms. */
const LEAST_SLACK_MS = 250;

/** See the module's text. */
export class DurableAppends {
  readonly #channel: RedisChannel;
  readonly #timeoutMs: number;
  #queue: Waiting[] = [];
  #running = false;

  /** @param channel Nobody else may need it. @param timeoutMs Bound on the wait, from the moment it is asked for. */
  constructor(channel: RedisChannel, timeoutMs: number) {
    this.#channel = channel;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Calls the script and waits.
   * @throws {DurabilityNotReachedError} It was executed, and not confirmed in time.
   * @throws {StoreUnavailableError} @throws {StoreRefusedError}
   */
  append(call: ScriptCall, confirmation: Confirmation): Promise<Reply> {
    if (this.#queue.length >= MAX_WAITING) {
      const message = `appending durably: found ${MAX_WAITING} appends that wait, want fewer`;
      return Promise.reject(new StoreUnavailableError("timeout", message));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, confirmation, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) await this.#turn(this.#take());
    this.#running = false;
  }

  /** The first ones that want the same confirmation. */
  #take(): readonly Waiting[] {
    const wanted = String(this.#wait(this.#queue[0]!.confirmation));
    const other = this.#queue.findIndex(({ confirmation }) => String(this.#wait(confirmation)) !== wanted);
    return this.#queue.splice(0, Math.min(MAX_TOGETHER, other < 0 ? MAX_TOGETHER : other));
  }

  async #turn(together: readonly Waiting[]): Promise<void> {
    try {
      const { confirmation } = together[0]!;
      const replies = await this.#send(together.map(({ call }) => call), this.#wait(confirmation));
      const doubt = this.#doubt(replies[together.length]!, confirmation);
      together.forEach((waiting, index) => conclude(waiting, replies[index]!, doubt));
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }

  /**
   * Scripts and wait in one write on one connection: Redis confirms what that connection did. A repeated append that
   * adds nothing is confirmed too, because the offset waited for is the server's at that moment. The first call of each
   * script brings its source, since a server that does not know it would have to be waited for twice.
   */
  async #send(calls: readonly ScriptCall[], wait: readonly Arg[]): Promise<readonly Answer[]> {
    const told = new Set<string>();
    const commands = calls.map((call) => {
      if (told.has(call.script.sha)) return bySha(call);
      told.add(call.script.sha);
      return bySource(call);
    });
    const timeoutMs = this.#timeoutMs + Math.max(LEAST_SLACK_MS, this.#timeoutMs / 4);
    return await this.#channel.pipeline([...commands, wait], { timeoutMs });
  }

  /** Why it is not confirmed; null when it is. */
  #doubt(confirmed: Answer, confirmation: Confirmation): Doubt | null {
    const wanted = confirmation.level === "replica" ? confirmation.replicas : 1;
    const what = `${wanted} ${confirmation.level === "replica" ? "replicas" : "disks"}`;
    if (confirmed instanceof StoreRefusedError) {
      return { reason: confirmed.reason, message: `confirming an append on ${what}: ${confirmed.message}` };
    }
    // WAIT answers with one number, WAITAOF with two: this server's disk and those of replicas.
    const found = number(Array.isArray(confirmed) ? list(confirmed)[0] : confirmed);
    if (found >= wanted) return null;
    const message = `confirming an append on ${what}: found ${found} within ${this.#timeoutMs} ms`;
    return { reason: "no_replicas", message };
  }

  #wait(confirmation: Confirmation): readonly Arg[] {
    return confirmation.level === "replica"
      ? ["WAIT", String(confirmation.replicas), String(this.#timeoutMs)]
      : ["WAITAOF", "1", "0", String(this.#timeoutMs)];
  }
}

function conclude({ resolve, reject }: Waiting, reply: Answer, doubt: Doubt | null): void {
  if (reply instanceof StoreRefusedError) reject(reply);
  else if (doubt === null) resolve(reply);
  else reject(new DurabilityNotReachedError(doubt.reason, doubt.message, appendedOf(reply)));
}
