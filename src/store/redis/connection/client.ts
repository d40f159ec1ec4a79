/**
 * Opening one node-redis client: its options, its handshake, its end.
 *
 * What node-redis does by itself is switched off: it never bounds a command that was written, hangs for ever in the
 * handshake with a silent peer, goes on with a decoder that lost its place, and closes for good after its own timeout.
 * Here a client lives once: on any trouble it is destroyed, and whoever wants one opens a fresh one.
 * @module
 */
import type { RedisConfig } from "../../../config/types.ts";
import { causeOf } from "../../../errors.ts";
import { cleanName, Password, readPem } from "./credentials.ts";
import { untilAborted } from "./deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import type { LinkOpener, LiveLink, OpenOptions } from "./live_link.ts";
import { loadNodeRedis, type NodeRedis, type NodeRedisOptions } from "./node_redis.ts";
import { NodeRedisLink } from "./node_redis_link.ts";

/** Idle time before the system probes a silent peer, milliseconds. A help only: replies have bounds of their own. */
const KEEP_ALIVE_MS = 5_000;

/** Opens clients as the configuration says. */
export class ClientOpener implements LinkOpener {
  readonly #config: RedisConfig;
  readonly #password: Password;
  #nameRefused = false;

  /** @param onSecret Told of each password before it is used, so that nothing prints it. */
  constructor(config: RedisConfig, onSecret?: (secret: string) => void) {
    this.#config = config;
    this.#password = new Password(config, onSecret);
  }

  /** @inheritdoc */
  async open(endpoint: Endpoint, options: OpenOptions, signal: AbortSignal): Promise<LiveLink> {
    if (this.#nameRefused) return await this.#open(endpoint, options, false, signal);
    try {
      return await this.#open(endpoint, options, true, signal);
    } catch (error) {
      if (causeOf(error) !== "permission" || signal.aborted) throw error;
      const link = await this.#open(endpoint, options, false, signal);
      this.#nameRefused = true;
      return link;
    }
  }

  async #open(endpoint: Endpoint, open: OpenOptions, named: boolean, signal: AbortSignal): Promise<LiveLink> {
    signal.throwIfAborted();
    const options: NodeRedisOptions = {
      ...FIXED,
      ...(named ? { name: cleanName(open.name) } : {}),
      ...(open.login ? await this.#login(signal) : {}),
      socket: { ...await this.#socket(endpoint, signal), reconnectStrategy: false, connectTimeout: 0, signal },
    };
    const { create, isReply } = await untilAborted(loadNodeRedis(), signal);
    const secrets = [this.#password.value];
    return await this.#connect(create(options), isReply, secrets, open.wantsMaster, signal);
  }

  async #connect(
    client: NodeRedis,
    isReply: (error: unknown) => boolean,
    secrets: readonly string[],
    wantsMaster: boolean,
    signal: AbortSignal,
  ): Promise<LiveLink> {
    const link = new NodeRedisLink(client, { isReply, secrets, tls: this.#config.tls !== null });
    const lost = new Promise<never>((_, reject) => link.onLost(reject));
    // The link's loss after the handshake is told by the next listener.
    lost.catch(() => {});
    try {
      await untilAborted(Promise.race([link.connect(wantsMaster), lost]), signal);
      return link;
    } catch (error) {
      link.destroy();
      throw signal.aborted ? signal.reason : error;
    }
  }

  async #login(signal: AbortSignal): Promise<Partial<NodeRedisOptions>> {
    const { user, db } = this.#config;
    const password = await this.#password.refresh(signal);
    return {
      ...(user === null ? {} : { username: user }),
      ...(password === "" ? {} : { password }),
      database: db,
    };
  }

  async #socket(endpoint: Endpoint, signal: AbortSignal): Promise<NodeRedisOptions["socket"]> {
    if ("path" in endpoint) return { path: endpoint.path, tls: false };
    const { tls } = this.#config;
    const base = { host: endpoint.host, port: endpoint.port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    if (tls === null) return base;
    const read = (path: string | null): Promise<string | null> => readPem(path, signal);
    const [ca, cert, key] = await Promise.all([read(tls.caFile), read(tls.certFile), read(tls.keyFile)]);
    return {
      ...base,
      tls: true,
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
      ...(tls.servername === null ? {} : { servername: tls.servername }),
    };
  }
}

/** The same for every client. `timeout: undefined` would else be 5000 and cover the queue only. */
const FIXED = {
  RESP: 2,
  disableOfflineQueue: true,
  disableClientInfo: true,
  maintNotifications: "disabled",
  commandOptions: { timeout: undefined },
} as const;
