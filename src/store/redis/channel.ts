/**
 * What the Redis adapter needs of a connection: send, and fail in a bounded time.
 *
 * Implemented by the connection manager. A channel is a *place* that always has at most one live client behind it; when
 * that client is lost the manager makes a fresh one, and the channel goes on. Nothing is queued while there is none.
 * @module
 */
import type { StoreRefusedError } from "../../errors.ts";
import type { PackedFields } from "../../events/packed.ts";
import type { LinkState } from "../../happenings.ts";

/** One word of a command. */
export type Arg = string | Uint8Array;

/**
 * A RESP2 reply. Bulk strings are `string`, or `Uint8Array` where `bytes` was asked for; lists of them can come packed
 * where that was asked for.
 */
export type Reply = string | Uint8Array | number | null | PackedFields | readonly Reply[];

/** Options of one command. */
export interface SendOptions {
  /** Bound from call to reply, in flight included. Default: `COMMAND_TIMEOUT`. On expiry the client is destroyed. */
  readonly timeoutMs?: number;
  /** How long it has waited already, ms: comes off the bound. Default 0. */
  readonly waitedMs?: number;
  /** Bulk strings as bytes, untouched. Default false. */
  readonly bytes?: boolean;
  /**
   * Flat lists of bulk strings at this depth (the reply itself has depth 0) come as {@link PackedFields}, where the
   * client can do that, and all else as text; other clients pay no heed to it. Default: none do.
   */
  readonly packAt?: number;
  /**
   * Leaves at once instead of together with what is sent later in this turn of the event loop: for what the server shall
   * work on while the turn goes on. Only a hint; not every client can. Default false.
   */
  readonly atOnce?: boolean;
  /** Send over this client alone, see {@link RedisChannel.linkId}: rejects, with nothing sent, where it is not the live one. */
  readonly linkId?: number;
}

/** A connection that heals itself. */
export interface RedisChannel {
  readonly name: string;
  readonly state: LinkState;
  /** `CLIENT ID` of the live client; null when there is none. */
  readonly clientId: number | null;
  /**
   * Which of the channel's clients is live; null when there is none. No two clients of one channel share a number, as
   * they can share a `CLIENT ID`: servers count those from 1 after each start.
   */
  readonly linkId: number | null;
  /**
   * Sends one command.
   * @throws {StoreUnavailableError} At once while there is no live client; `timeout` (outcome unknown) after the bound;
   *   `connection` (outcome unknown) when the client is lost before the reply.
   * @throws {StoreRefusedError} The server answered with an error.
   */
  send(args: readonly Arg[], options?: SendOptions): Promise<Reply>;
  /**
   * Sends several in one write; replies in order, an error reply as a value.
   * @throws {StoreUnavailableError} As `send`, for the whole.
   */
  pipeline(
    commands: readonly (readonly Arg[])[],
    options?: SendOptions,
  ): Promise<readonly (Reply | StoreRefusedError)[]>;
  /** Destroys the live client, if any, so that a fresh one is made and the address resolved anew. */
  reset(reason: string): void;
  /** Resolves at once when ready, else when it becomes so. Rejects with the signal's reason. */
  whenReady(signal: AbortSignal): Promise<void>;
}
