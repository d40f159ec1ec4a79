/**
 * Finding the master through Sentinel.
 *
 * node-redis' own sentinel client shares one connection for everything and repeats commands whose reply was lost, which
 * adds events twice; so that only the question is asked here, and the data goes over a plain connection.
 * @module
 */
import type { Address } from "../../../config/types.ts";
import { causeOf, StoreUnavailableError } from "../../../errors.ts";
import type { Reply } from "../channel.ts";
import type { Endpoint, EndpointResolver } from "./endpoint.ts";
import { ask, type AskDeps, firstAnswer } from "./live_link.ts";

/** Asks the sentinels, the one that last knew first. */
export class SentinelResolver implements EndpointResolver {
  /** A sentinel may still name the old master during a failover. */
  readonly wantsMaster = true;
  /** A failover names another one. */
  readonly moves = true;
  readonly #master: string;
  readonly #deps: AskDeps;
  #sentinels: readonly Address[];

  /** @param sentinels At least one. @param master Name of the monitored master. */
  constructor(sentinels: readonly Address[], master: string, deps: AskDeps) {
    this.#sentinels = sentinels;
    this.#master = master;
    this.#deps = deps;
  }

  /** All keys live on the one master. */
  groupOf(): string {
    return "";
  }

  /** @inheritdoc */
  async resolve(_slotKey: string, signal: AbortSignal): Promise<Endpoint> {
    const found = firstAnswer(this.#deps.clock, this.#sentinels, async (sentinel, bounded) => {
      const master = masterOf(await this.#ask(sentinel, bounded));
      if (master === null) throw new StoreUnavailableError("connection", "none of them knows it");
      return { sentinel, master };
    }, signal);
    try {
      const { sentinel, master } = await found;
      this.#sentinels = [sentinel, ...this.#sentinels.filter((other) => other !== sentinel)];
      return master;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#notFound(error);
    }
  }

  /** Sentinels rarely want a login; where one does, it is that of Redis. */
  async #ask(sentinel: Address, signal: AbortSignal): Promise<Reply> {
    const question = ["SENTINEL", "get-master-addr-by-name", this.#master];
    try {
      return await ask(this.#deps, sentinel, question, false, signal);
    } catch (error) {
      if (causeOf(error) !== "auth" || signal.aborted) throw error;
      return await ask(this.#deps, sentinel, question, true, signal);
    }
  }

  #notFound(last: unknown): StoreUnavailableError {
    const found = last instanceof Error ? last.message : String(last);
    const message = `asking ${this.#sentinels.length} sentinel(s) for the master "${this.#master}": ${found}`;
    // Where a person has to act, the cause says so; else nobody is there to connect to.
    const cause = causeOf(last);
    const reason = cause === "auth" || cause === "tls" || cause === "permission" ? cause : "connection";
    return new StoreUnavailableError(reason, message, { cause: last });
  }
}

function masterOf(reply: Reply): Endpoint | null {
  if (!Array.isArray(reply)) return null;
  const [host, port] = reply;
  return typeof host === "string" && Number(port) > 0 ? { host, port: Number(port) } : null;
}
