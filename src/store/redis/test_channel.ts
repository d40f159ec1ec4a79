/**
 * A small channel for tests: one node-redis client, made with the first command, no healing.
 * @module
 */
import { Buffer } from "node:buffer";
import { createClient, ErrorReply } from "@redis/client";
import { type RedisCause, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import type { LinkState } from "../../happenings.ts";
import type { Arg, RedisChannel, Reply, SendOptions } from "./channel.ts";
import { causeOfReply } from "./connection/errors.ts";

const make = (url: string) => createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
type Client = ReturnType<typeof make>;

/** See the module's text. Records every command's first word and number of calls. */
export class TestChannel implements RedisChannel, AsyncDisposable {
  readonly name: string;
  readonly #url: string;
  #opening: Promise<Client> | null = null;
  #clientId: number | null = null;
  #links = 0;
  /** Every command that was sent, its first two words. */
  readonly sent: string[] = [];

  /** @param url `redis://127.0.0.1:port` */
  constructor(url: string, name = "test") {
    this.#url = url;
    this.name = name;
  }

  get state(): LinkState {
    return this.#clientId === null ? "connecting" : "ready";
  }

  get clientId(): number | null {
    return this.#clientId;
  }

  get linkId(): number | null {
    return this.#clientId === null ? null : this.#links;
  }

  async send(args: readonly Arg[], options: SendOptions = {}): Promise<Reply> {
    const [reply] = await this.pipeline([args], options);
    if (reply instanceof StoreRefusedError) throw reply;
    return reply!;
  }

  async pipeline(
    commands: readonly (readonly Arg[])[],
    options: SendOptions = {},
  ): Promise<readonly (Reply | StoreRefusedError)[]> {
    const client = await this.#live();
    if (options.linkId !== undefined && options.linkId !== this.#links) {
      throw new StoreUnavailableError("connection", "another client has taken its place");
    }
    return await Promise.all(commands.map((args) => this.#one(client, args, options.bytes ?? false)));
  }

  reset(): void {
    this.#opening?.then((client) => client.destroy());
    this.#opening = null;
    this.#clientId = null;
  }

  async whenReady(): Promise<void> {
    await this.#live();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#opening?.catch(() => null);
    this.#opening = null;
    if (client?.isOpen) client.destroy();
  }

  #live(): Promise<Client> {
    return this.#opening ??= this.#open();
  }

  async #open(): Promise<Client> {
    const client = make(this.#url);
    client.on("error", () => {});
    await client.connect();
    this.#clientId = Number(await client.sendCommand(["CLIENT", "ID"]));
    this.#links++;
    return client;
  }

  async #one(client: Client, args: readonly Arg[], bytes: boolean): Promise<Reply | StoreRefusedError> {
    const words = args.map((arg) => typeof arg === "string" ? arg : Buffer.from(arg));
    this.sent.push(words.slice(0, 2).join(" ").slice(0, 60));
    try {
      const reply = await client.sendCommand(words, bytes ? { typeMapping: { 36: Buffer } } : undefined);
      return nested(reply) as Reply;
    } catch (error) {
      if (error instanceof ErrorReply) return refusal(error);
      throw new StoreUnavailableError("connection", String(error), { outcomeUnknown: true });
    }
  }
}

function nested(reply: unknown): unknown {
  if (reply instanceof ErrorReply) return refusal(reply);
  return Array.isArray(reply) ? reply.map(nested) : reply;
}

function refusal(error: Error): StoreRefusedError {
  return new StoreRefusedError(causeOfReply(error.message) as RedisCause, error.message);
}
