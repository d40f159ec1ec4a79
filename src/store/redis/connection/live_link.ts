/**
 * One live connection, behind an interface: what the channel needs of node-redis, and what tests stand in for.
 * @module
 */
import type { Clock } from "../../../clock.ts";
import type { Address } from "../../../config/types.ts";
import type { Arg, Reply } from "../channel.ts";
import { within } from "./deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import { StoreUnavailableError } from "../../../errors.ts";
import type { StoreError } from "./errors.ts";

/** How a reply is wanted, besides as bytes. A link that cannot do it gives what it can. */
export interface SendShape {
  /** See {@link SendOptions.packAt}. */
  readonly packAt?: number;
  /** See {@link SendOptions.atOnce}. */
  readonly atOnce?: boolean;
}

/** A connection that is ready, until it is lost or destroyed; it never comes back. */
export interface LiveLink {
  /** `CLIENT ID`; null where the server does not tell. */
  readonly clientId: number | null;
  /**
   * Sends one command. Commands sent in one turn of the event loop leave in one write, unless one is to leave at once. Has no
   * bound of its own.
   * @throws {StoreUnavailableError} The link ended first. @throws {StoreRefusedError} Error reply.
   */
  send(args: readonly Arg[], bytes: boolean, shape?: SendShape): Promise<Reply>;
  /** Ends the connection at once; whatever is in flight rejects. Idempotent. */
  destroy(): void;
  /** Calls back once, when the link is lost for any reason but {@link LiveLink.destroy}; at once when it already is. */
  onLost(listener: (error: StoreError) => void): void;
}

/** How a connection is opened. */
export interface OpenOptions {
  /** For `CLIENT SETNAME`; a refusal of the name is ignored. */
  readonly name: string;
  /** Log in and select the database. False for sentinels, which have no users of ours. */
  readonly login: boolean;
  /** Reject unless the node says that it is a master. */
  readonly wantsMaster: boolean;
}

/** Opens connections. */
export interface LinkOpener {
  /**
   * Connects, logs in, and learns the client id.
   * @param signal Ends the attempt, whatever it waits for; nothing stays open.
   * @throws {StoreUnavailableError} No usable link. @throws {StoreRefusedError} The server refused the handshake.
   * @throws The signal's reason.
   */
  open(endpoint: Endpoint, options: OpenOptions, signal: AbortSignal): Promise<LiveLink>;
}

/** What asking another server for an address needs. */
export interface AskDeps {
  readonly opener: LinkOpener;
  readonly clock: Clock;
  /** Bound on asking one server, milliseconds. */
  readonly askTimeoutMs: number;
}

/** Asks one server one question over a connection that lives only for that. */
export function ask(
  deps: AskDeps,
  address: Address,
  args: readonly string[],
  login: boolean,
  signal: AbortSignal,
): Promise<Reply> {
  const timedOut = (): Error =>
    new StoreUnavailableError("timeout", `asking for ${args[0]}: no answer within ${deps.askTimeoutMs} ms`);
  return within(deps.clock, deps.askTimeoutMs, signal, timedOut, async (bounded) => {
    const link = await deps.opener.open(address, { name: "resolver", login, wantsMaster: false }, bounded);
    const onAbort = (): void => link.destroy();
    bounded.addEventListener("abort", onAbort, { once: true });
    try {
      return await link.send(args, false);
    } finally {
      bounded.removeEventListener("abort", onAbort);
      link.destroy();
    }
  });
}

/** How long one server has before the next one is asked too, milliseconds. */
const HEDGE_MS = 200;

/**
 * Asks several servers, the first at once and each other one when those before it failed or are silent for
 * {@link HEDGE_MS}: one that hangs must not hold up what others know. The first answer counts and ends the other questions.
 * @param servers At least one.
 * @param question Rejects where this server cannot tell; must end when its signal aborts.
 * @throws What the last of them rejected with, when all did; the signal's reason.
 */
export async function firstAnswer<T>(
  clock: Clock,
  servers: readonly Address[],
  question: (server: Address, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const over = new AbortController();
  const onAbort = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let [next, open, cancel] = [0, 0, (): void => {}];
  const answer = Promise.withResolvers<T>();
  const ask = (): void => {
    cancel();
    const server = servers[next++];
    if (server === undefined) return;
    open++;
    cancel = clock.after(HEDGE_MS, ask);
    question(server, over.signal).then(answer.resolve, (error) => {
      open--;
      if (signal.aborted) answer.reject(signal.reason);
      else if (next < servers.length) ask();
      else if (open === 0) answer.reject(error);
    });
  };
  try {
    ask();
    return await answer.promise;
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
    over.abort(new DOMException("Another server has answered", "AbortError"));
  }
}
