/**
 * One socket of our own as a {@link LiveLink}: made for long replies, which it reads several times as fast as node-redis
 * and byte for byte. See docs/adr/0008.
 * @module
 */
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import type { Arg, Reply } from "../channel.ts";
import { commandName } from "../connection/command_name.ts";
import { refused, type StoreError, unavailable } from "../connection/errors.ts";
import type { LiveLink, SendShape } from "../connection/live_link.ts";
import { concat, encodeCommand } from "./encode.ts";
import type { Wire } from "./wire.ts";
import { RespParser } from "./parser.ts";
import { type ReplyShape, RespProtocolError } from "./reply.ts";

/** What a link is made of. */
export interface RespLinkOptions {
  readonly connection: Wire;
  readonly tls: boolean;
  /** Values that must not appear in any text. */
  readonly secrets: readonly string[];
  /** Most bytes of one reply. Default: see the parser. */
  readonly replyBytes?: number;
}

/** A command whose reply has not come. */
interface Waiting {
  readonly shape: ReplyShape<StoreRefusedError>;
  readonly doing: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: StoreError) => void;
}

/** See the module's text. Reads from the moment it is made. */
export class RespLink implements LiveLink {
  readonly #connection: Wire;
  readonly #tls: boolean;
  readonly #secrets: readonly string[];
  readonly #parser: RespParser<StoreRefusedError>;
  readonly #waiting: Waiting[] = [];
  readonly #listeners: ((error: StoreError) => void)[] = [];
  #outgoing: Uint8Array[] = [];
  #writing = false;
  #loss: StoreError | null = null;
  #destroyed = false;
  #ready = false;
  #clientId: number | null = null;

  /** @param options See {@link RespLinkOptions}. */
  constructor({ connection, tls, secrets, replyBytes }: RespLinkOptions) {
    this.#connection = connection;
    this.#tls = tls;
    this.#secrets = secrets;
    this.#parser = new RespParser(replyBytes === undefined ? {} : { replyBytes });
    void this.#read();
  }

  /** @inheritdoc */
  get clientId(): number | null {
    return this.#clientId;
  }

  /** Hands were shaken. @param clientId Null where the server does not tell. */
  ready(clientId: number | null): void {
    this.#ready = true;
    this.#clientId = clientId;
  }

  /** @inheritdoc */
  send(args: readonly Arg[], bytes: boolean, shape?: SendShape): Promise<Reply> {
    if (this.#destroyed || this.#loss !== null) return Promise.reject(this.#ended(false));
    const doing = `sending ${commandName(args)} to Redis`;
    return new Promise((resolve, reject) => {
      const error = (text: string): StoreRefusedError => refused(new Error(text), doing, this.#secrets);
      this.#waiting.push({ shape: shapeOf(bytes, shape?.packAt, error), doing, resolve, reject });
      this.#outgoing.push(encodeCommand(args));
      if (this.#writing) return;
      this.#writing = true;
      // Else a little later, so that what is sent together leaves together.
      if (shape?.atOnce === true) void this.#write();
      else queueMicrotask(() => void this.#write());
    });
  }

  /** @inheritdoc */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#close();
  }

  /** @inheritdoc */
  onLost(listener: (error: StoreError) => void): void {
    if (this.#loss !== null) listener(this.#loss);
    else this.#listeners.push(listener);
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const count = await this.#connection.read(this.#parser.space());
        if (count === null) throw new Error("the server closed the connection");
        this.#parser.filled(count);
        this.#answer();
      }
    } catch (error) {
      this.#lose(error);
    }
  }

  #answer(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const reply = this.#parser.next(first.shape);
      if (reply === undefined) return;
      this.#waiting.shift();
      if (reply instanceof StoreRefusedError) first.reject(reply);
      // Errors inside arrays come as values, of our class.
      else first.resolve(reply as Reply);
    }
    if (this.#parser.buffered > 0) throw new RespProtocolError("a reply that nobody waits for");
  }

  async #write(): Promise<void> {
    try {
      while (this.#outgoing.length > 0) {
        const bytes = concat(this.#outgoing);
        this.#outgoing = [];
        for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
      }
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#writing = false;
    }
  }

  #lose(error: unknown): void {
    if (this.#destroyed || this.#loss !== null) return;
    this.#loss = this.#translate(error, this.#ready ? "keeping the link to Redis" : "connecting to Redis", false);
    this.#close(error);
    for (const listener of this.#listeners.splice(0)) listener(this.#loss);
  }

  #close(error: unknown = new Error("the link was ended")): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
    this.#outgoing = [];
    for (const { doing, reject } of this.#waiting.splice(0)) reject(this.#translate(error, doing, true));
  }

  #ended(outcomeUnknown: boolean): StoreError {
    return this.#translate(this.#loss ?? new Error("the link was ended"), "sending to Redis", outcomeUnknown);
  }

  #translate(error: unknown, doing: string, outcomeUnknown: boolean): StoreError {
    if (error instanceof RespProtocolError) {
      return new StoreUnavailableError("protocol", `${doing}: ${error.message}`, { cause: error, outcomeUnknown });
    }
    return unavailable(error, {
      doing,
      secrets: this.#secrets,
      tlsHandshake: this.#tls && !this.#ready,
      outcomeUnknown,
    });
  }
}

/** What is packed is bytes as it is; what lies around it is wanted as text then. */
function shapeOf(
  bytes: boolean,
  packAt: number | undefined,
  error: (text: string) => StoreRefusedError,
): ReplyShape<StoreRefusedError> {
  return packAt === undefined ? { bytes, error } : { bytes: false, packAt, error };
}
