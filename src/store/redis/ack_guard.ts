/**
 * Many acknowledgements in one transaction, under a standing WATCH of the consumer's fence key.
 *
 * Takeover deletes that key, and whatever happens to a watched key makes the client's next EXEC do nothing: the server
 * refuses a consumer that was taken over by itself, and no script has to hand on hundreds of ids, which costs it half as
 * much again as acknowledging them. See docs/adr/0006 for why that is sound.
 * @module
 */
import type { Clock } from "../../clock.ts";
import { causeOf, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { Arg, RedisChannel, Reply } from "./channel.ts";
import { list } from "./codec.ts";
import type { Keys } from "./keys.ts";
import type { Acks } from "./settle_plan.ts";

/** How long nothing is tried after a refusal (out of memory, permission) or where the fence key is gone. */
const REST_MS = 5_000;

/** What a guard is made of. */
export interface AckGuardOptions {
  /** Its own: whatever else ran a transaction there would end the watch. */
  readonly channel: RedisChannel;
  readonly stream: string;
  readonly group: string;
  readonly keys: Keys;
  readonly clock: Clock;
}

/** For whom one client watches. */
interface Watch {
  readonly linkId: number;
  readonly consumer: string;
  /** The key is watched, and was there afterwards; nothing has ended that since. */
  armed: boolean;
  /** Nothing was refused the last time, so that no transaction is open. */
  clean: boolean;
  /** Monotonic, milliseconds. */
  restUntilMs: number;
}

/** See the module's text. */
export class AckGuard {
  readonly #o: AckGuardOptions;
  #watch: Watch | null = null;
  #busy = false;

  /** Does no I/O. @param options See {@link AckGuardOptions}. */
  constructor(options: AckGuardOptions) {
    this.#o = options;
  }

  /** Its connection, where scripts may run too, now or behind a transaction that is under way; null: not at the moment. */
  get scripts(): RedisChannel | null {
    const { channel } = this.#o;
    return this.#watch?.clean && this.#watch.linkId === channel.linkId ? channel : null;
  }

  /**
   * Acknowledges all at once and forgets the records of those that have one, if nobody has taken over.
   * @returns How many were acknowledged; null: nothing was done, the script knows why or can do it.
   * @throws {StoreUnavailableError} No answer in time, or the client was lost before it came.
   */
  async acknowledge(consumer: string, acks: Acks): Promise<number | null> {
    // An EXEC ends the watch for whatever was sent behind it.
    if (this.#busy) return null;
    this.#busy = true;
    try {
      const watch = this.#watchOf(consumer);
      if (watch === null || !(watch.armed || await this.#arm(watch))) return null;
      return await this.#transact(watch, acks);
    } finally {
      this.#busy = false;
    }
  }

  /** The watch of the live client for this consumer, armed or not. */
  #watchOf(consumer: string): Watch | null {
    const { linkId } = this.#o.channel;
    if (linkId === null) return null;
    const known = this.#watch;
    if (known?.linkId === linkId && known.consumer === consumer) return known;
    return this.#watch = { linkId, consumer, armed: false, clean: false, restUntilMs: -Infinity };
  }

  /** The empty transaction ends older watches, and shows that transactions are permitted at all. */
  async #arm(watch: Watch): Promise<boolean> {
    if (this.#o.clock.monotonic() < watch.restUntilMs) return false;
    try {
      this.#note(watch, await this.#send(watch, []));
    } catch (error) {
      if (causeOf(error) !== "timeout") return false;
      // Asking a second time, by script, would take a second COMMAND_TIMEOUT. Nothing was asked to be settled yet.
      throw new StoreUnavailableError("timeout", `watching the fence of a consumer: ${message(error)}`, {
        cause: error,
      });
    }
    return watch.armed;
  }

  async #transact(watch: Watch, { refs, recorded }: Acks): Promise<number | null> {
    const { stream, group, keys } = this.#o;
    watch.armed = false;
    const forget = recorded.length === 0 ? [] : [["HDEL", keys.records, ...recorded]];
    try {
      const answers = await this.#send(watch, [["XACK", stream, group, ...refs], ...forget]);
      this.#note(watch, answers);
      return ackedOf(answers, forget.length);
    } catch (error) {
      if (error instanceof StoreUnavailableError && !error.outcomeUnknown) return null;
      throw error;
    }
  }

  /** One write; only over the client that watches: on another one nothing would guard the transaction. */
  #send(watch: Watch, commands: readonly (readonly Arg[])[]): Promise<readonly (Reply | StoreRefusedError)[]> {
    const fence = this.#o.keys.fence(watch.consumer);
    const pipeline = [["MULTI"], ...commands, ["EXEC"], ["WATCH", fence], ["EXISTS", fence]];
    return this.#o.channel.pipeline(pipeline, { linkId: watch.linkId });
  }

  /** Armed again where nothing was refused and the key is there, which was asked after the watch had begun. */
  #note(watch: Watch, answers: readonly (Reply | StoreRefusedError)[]): void {
    watch.clean = !answers.some((answer) => answer instanceof StoreRefusedError);
    watch.armed = answers.at(-1) === 1 && watch.clean;
    if (!watch.armed) watch.restUntilMs = this.#o.clock.monotonic() + REST_MS;
  }
}

/** @param more Commands queued behind the acknowledgement. */
function ackedOf(answers: readonly (Reply | StoreRefusedError)[], more: number): number | null {
  const [multi, queued] = answers;
  const executed = answers[2 + more];
  // The permission for transactions was withdrawn since: what should have waited in one ran by itself.
  if (multi instanceof StoreRefusedError && typeof queued === "number") return queued;
  const acked = executed instanceof StoreRefusedError ? undefined : list(executed)[0];
  return typeof acked === "number" ? acked : null;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
