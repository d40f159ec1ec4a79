/**
 * One node-redis client as a {@link LiveLink}.
 * @module
 */
import { Buffer } from "node:buffer";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import type { Arg, Reply } from "../channel.ts";
import { commandName } from "./command_name.ts";
import { refused, type StoreError, unavailable } from "./errors.ts";
import type { LiveLink } from "./live_link.ts";
import type { NodeRedis } from "./node_redis.ts";

/** RESP type "bulk string" (`$`) → kept as bytes, cut out of what was received without a copy. */
const AS_BYTES = { typeMapping: { 36: Buffer } } as const;

/** What translating errors needs. */
export interface LinkSettings {
  /** True for an error reply of the server. */
  readonly isReply: (error: unknown) => boolean;
  /** Values that must not appear in any text. */
  readonly secrets: readonly string[];
  readonly tls: boolean;
}

/** See {@link LiveLink}. */
export class NodeRedisLink implements LiveLink {
  readonly #client: NodeRedis;
  readonly #settings: LinkSettings;
  readonly #listeners: ((error: StoreError) => void)[] = [];
  #loss: StoreError | null = null;
  #destroyed = false;
  #ready = false;
  #clientId: number | null = null;

  /** @param client Fresh: not connected, no listener. */
  constructor(client: NodeRedis, settings: LinkSettings) {
    this.#client = client;
    this.#settings = settings;
    // Before anything else: an `error` event without a listener ends the process.
    client.on("error", (error) => this.#lost(error));
  }

  /** @inheritdoc */
  get clientId(): number | null {
    return this.#clientId;
  }

  /**
   * Connects and shakes hands. Has no bound of its own; destroying the link is not enough to end the connecting of a
   * socket, the signal in its options does that.
   * @throws {StoreUnavailableError | StoreRefusedError}
   */
  async connect(wantsMaster: boolean): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      throw this.#translate(error, "connecting to Redis", false);
    }
    const [id, role] = await Promise.all([this.#askId(), wantsMaster ? this.send(["ROLE"], false) : null]);
    this.#clientId = id;
    if (Array.isArray(role) && role[0] !== "master") {
      throw new StoreRefusedError("readonly", `connecting to Redis: found a ${role[0]}; wanted the master`);
    }
    this.#ready = true;
  }

  /** @inheritdoc */
  async send(args: readonly Arg[], bytes: boolean): Promise<Reply> {
    try {
      const reply = await this.#client.sendCommand(args.map(encodable), bytes ? AS_BYTES : undefined) as Reply;
      return mayNestErrors(args) ? this.#translateNested(reply, args) : reply;
    } catch (error) {
      throw this.#translate(error, `sending ${commandName(args)} to Redis`, true);
    }
  }

  /** @inheritdoc */
  destroy(): void {
    this.#destroyed = true;
    this.#client.destroy();
  }

  /** @inheritdoc */
  onLost(listener: (error: StoreError) => void): void {
    if (this.#loss !== null) listener(this.#loss);
    else this.#listeners.push(listener);
  }

  /** A user who may not ask for it, or a server that does not know it, is no reason not to connect. */
  async #askId(): Promise<number | null> {
    try {
      return Number(await this.send(["CLIENT", "ID"], false));
    } catch (error) {
      const { reason } = error as StoreError;
      if (error instanceof StoreRefusedError && (reason === "permission" || reason === "unknown")) return null;
      throw error;
    }
  }

  #lost(error: unknown): void {
    if (this.#destroyed || this.#loss !== null) return;
    this.#loss = this.#translate(error, this.#ready ? "keeping the link to Redis" : "connecting to Redis", false);
    for (const listener of this.#listeners.splice(0)) listener(this.#loss);
  }

  #translate(error: unknown, doing: string, outcomeUnknown: boolean): StoreError {
    if (error instanceof StoreUnavailableError || error instanceof StoreRefusedError) return error;
    const { secrets, tls, isReply } = this.#settings;
    if (isReply(error)) return refused(error as Error, doing, secrets);
    return unavailable(error, { doing, secrets, tlsHandshake: tls && !this.#ready, outcomeUnknown });
  }

  /** Errors inside an array come as values, of our class. */
  #translateNested(reply: Reply, args: readonly Arg[]): Reply {
    if (!Array.isArray(reply)) return reply;
    return reply.map((item: unknown) =>
      this.#settings.isReply(item)
        ? refused(item as Error, `sending ${commandName(args)} to Redis`, this.#settings.secrets) as unknown as Reply
        : this.#translateNested(item as Reply, args)
    );
  }
}

/** The encoder of node-redis takes strings and Buffers only; this one shares the bytes. */
function encodable(arg: Arg): string | Buffer {
  if (typeof arg === "string" || Buffer.isBuffer(arg)) return arg;
  return Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength);
}

/** Only transactions and scripts answer with errors inside arrays; big reads need no second look. */
function mayNestErrors(args: readonly Arg[]): boolean {
  return typeof args[0] === "string" && /^(EXEC|EVAL|FCALL)/i.test(args[0]);
}
