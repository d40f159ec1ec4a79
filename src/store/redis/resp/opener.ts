/**
 * Opening links of our own: socket, login, database, name, and what the server says of itself.
 * @module
 */
import type { RedisConfig } from "../../../config/types.ts";
import { StoreRefusedError } from "../../../errors.ts";
import { cleanName, Password, readPem } from "../connection/credentials.ts";
import { untilAborted } from "../connection/deadline.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import { type StoreError, unavailable } from "../connection/errors.ts";
import type { LinkOpener, LiveLink, OpenOptions } from "../connection/live_link.ts";
import type { Reply } from "../channel.ts";
import { dial, type TlsMaterial } from "./dial.ts";
import { RespLink } from "./link.ts";
import type { Wire } from "./wire.ts";

/** Opens our own links. */
export class RespOpener implements LinkOpener {
  readonly #config: RedisConfig;
  readonly #password: Password;

  /** @param onSecret Told of each password before it is used, so that nothing prints it. */
  constructor(config: RedisConfig, onSecret?: (secret: string) => void) {
    this.#config = config;
    this.#password = new Password(config, onSecret);
  }

  /** @inheritdoc */
  async open(endpoint: Endpoint, options: OpenOptions, signal: AbortSignal): Promise<LiveLink> {
    signal.throwIfAborted();
    const { tls } = this.#config;
    const password = options.login ? await this.#password.refresh(signal) : "";
    const secrets = [this.#password.value];
    const connection = await this.#dial(endpoint, secrets, signal);
    const link = new RespLink({ connection, tls: tls !== null, secrets });
    const losses: StoreError[] = [];
    link.onLost((loss) => losses.push(loss));
    try {
      // Every step fails with the link.
      await untilAborted(this.#shakeHands(link, options, password), signal);
      return link;
    } catch (error) {
      link.destroy();
      if (signal.aborted) throw signal.reason;
      // A server that has no room says so and closes: what it said tells more than the end does.
      throw error instanceof StoreRefusedError ? error : losses[0] ?? error;
    }
  }

  async #dial(endpoint: Endpoint, secrets: readonly string[], signal: AbortSignal): Promise<Wire> {
    const tls = "path" in endpoint ? null : await this.#material(signal);
    try {
      return await dial(endpoint, tls, signal);
    } catch (error) {
      signal.throwIfAborted();
      const doing = "connecting to Redis";
      throw unavailable(error, { doing, secrets, tlsHandshake: tls !== null, outcomeUnknown: false });
    }
  }

  async #material(signal: AbortSignal): Promise<TlsMaterial | null> {
    const { tls } = this.#config;
    if (tls === null) return null;
    const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map((f) => readPem(f, signal)));
    return { ca: ca ?? null, cert: cert ?? null, key: key ?? null, servername: tls.servername };
  }

  /** All in one write; the first refusal that matters is thrown. */
  async #shakeHands(link: RespLink, { name, login, wantsMaster }: OpenOptions, password: string): Promise<void> {
    const { user, db } = this.#config;
    const send = (...args: string[]): Promise<Reply> => link.send(args, false);
    const auth = login && (user !== null || password !== "");
    const steps = [
      auth ? send("AUTH", ...(user === null ? [] : [user]), password) : null,
      login && db !== 0 ? send("SELECT", String(db)) : null,
      // A user who may not give a name is connected without.
      send("CLIENT", "SETNAME", cleanName(name)).catch(notPermitted),
      send("CLIENT", "ID").catch(notPermitted),
      wantsMaster ? send("ROLE") : null,
    ];
    const [, , , id, role] = await inOrder(steps);
    link.ready(typeof id === "number" ? id : null);
    if (Array.isArray(role) && role[0] !== "master") {
      throw new StoreRefusedError("readonly", `connecting to Redis: found a ${role[0]}; wanted the master`);
    }
  }
}

/** Who may not ask, or a server that does not know the question, is no reason not to connect. */
function notPermitted(error: unknown): null {
  if (error instanceof StoreRefusedError && (error.reason === "permission" || error.reason === "unknown")) return null;
  throw error;
}

/** As `Promise.all`, but of several failures the first in order is thrown: the others follow from it. */
async function inOrder(steps: readonly (Promise<Reply> | null)[]): Promise<readonly Reply[]> {
  const outcomes = await Promise.allSettled(steps);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
